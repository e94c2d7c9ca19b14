COMPILED: bool
SYSTEM: int

def special_nodes(
    n_nodes: int,
    types: memoryview,
    names: memoryview,
    native_context: int,
    map_descriptors: int,
    out: memoryview,
) -> int: ...
def search(
    n_nodes: int,
    first_edge: memoryview,
    edges: memoryview,
    edge_names: memoryview,
    types: memoryview,
    dom_trees: int,
    special: memoryview,
    sloppy_function_map: int,
    descriptors: memoryview,
    pair_edges: memoryview,
    pair_places: memoryview,
    pair_entries: memoryview,
    pending: memoryview,
    visited: memoryview,
    queue: memoryview,
    distances: memoryview,
) -> int: ...
