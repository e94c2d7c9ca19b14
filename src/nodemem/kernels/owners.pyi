COMPILED: bool
UNOWNED: int
SHARED: int

def candidates(
    n_nodes: int, types: memoryview, names: memoryview, external_string: int, out: memoryview
) -> int: ...
def assign(
    n_nodes: int,
    first_edge: memoryview,
    edges: memoryview,
    movable: memoryview,
    owner: memoryview,
    stack: memoryview,
) -> int: ...
def merge(
    n_nodes: int, types: memoryview, owner: memoryview, sizes: memoryview, size_words: int
) -> int: ...
