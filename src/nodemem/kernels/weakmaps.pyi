COMPILED: bool

def mark(
    begin: int,
    end: int,
    first_edge: memoryview,
    edges: memoryview,
    edge_names: memoryview,
    ids: memoryview,
    pair_strings: memoryview,
    pair_tables: memoryview,
    is_pair_name: memoryview,
    pair_edges: memoryview,
) -> int: ...
def entries(
    n_edges: int,
    edge_names: memoryview,
    pair_edges: memoryview,
    pair_strings: memoryview,
    pair_entries: memoryview,
    places: memoryview,
    out: memoryview,
) -> int: ...
