COMPILED: bool

def reverse(
    n_nodes: int,
    first_edge: memoryview,
    edges: memoryview,
    first_retainer: memoryview,
    retainers: memoryview,
    source_of: memoryview,
) -> int: ...
def by_id(
    n_nodes: int, ids: memoryview, counts: memoryview, scratch: memoryview, out: memoryview
) -> int: ...
def invert(n: int, order: memoryview, out: memoryview) -> int: ...
def locate(n_locations: int, locations: memoryview, out: memoryview) -> int: ...
