COMPILED: bool

def pair(
    old_order: memoryview,
    old_ids: memoryview,
    old_types: memoryview,
    old_sizes: memoryview,
    old_words: int,
    new_order: memoryview,
    new_ids: memoryview,
    new_types: memoryview,
    new_sizes: memoryview,
    new_words: int,
    counterpart: memoryview,
    added: memoryview,
    gone: memoryview,
    counts: memoryview,
) -> int: ...
def resized(
    n_nodes: int,
    counterpart: memoryview,
    old_sizes: memoryview,
    old_words: int,
    sizes: memoryview,
    words: int,
    out: memoryview,
) -> int: ...
def keepers(
    n_nodes: int,
    preorder: memoryview,
    dominators: memoryview,
    shown: memoryview,
    counterpart: memoryview,
    sizes: memoryview,
    words: int,
    above: memoryview,
    keeper: memoryview,
    kept: memoryview,
    order: memoryview,
) -> int: ...
