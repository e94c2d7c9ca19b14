COMPILED: bool

def order(
    n_nodes: int,
    dominators: memoryview,
    preorder: memoryview,
    subtree: memoryview,
    places: memoryview,
    counts: memoryview,
) -> int: ...
def retained(
    n_nodes: int,
    dominators: memoryview,
    preorder: memoryview,
    sizes: memoryview,
    size_words: int,
    out: memoryview,
    out_words: int,
) -> int: ...
