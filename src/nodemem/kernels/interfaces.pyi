COMPILED: bool
LIMIT: int
NOTHING: int
MOST_NAMES: int

def objects_named(
    n_nodes: int, types: memoryview, names: memoryview, name: int, out: memoryview
) -> int: ...
def property_names(
    objects: memoryview,
    first_edge: memoryview,
    edges: memoryview,
    edge_names: memoryview,
    widths: memoryview,
    unknown_only: bool,
    seen: memoryview,
    out: memoryview,
    count: int,
) -> int: ...
def shapes(
    objects: memoryview,
    first_edge: memoryview,
    edges: memoryview,
    edge_names: memoryview,
    proto: int,
    widths: memoryview,
    table: memoryview,
    example: memoryview,
    counts: memoryview,
    names: memoryview,
    other: memoryview,
    count: int,
) -> int: ...
def names_of(
    node: int,
    first_edge: memoryview,
    edges: memoryview,
    edge_names: memoryview,
    proto: int,
    widths: memoryview,
    out: memoryview,
) -> int: ...
def classify(
    objects: memoryview,
    first_edge: memoryview,
    edges: memoryview,
    edge_names: memoryview,
    rank: memoryview,
    occurs: memoryview,
    touched: memoryview,
    first_candidate: memoryview,
    candidates: memoryview,
    first_member: memoryview,
    members: memoryview,
    needs: memoryview,
    base_group: int,
    groups: memoryview,
) -> int: ...
