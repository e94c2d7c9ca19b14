COMPILED: bool

def incoming(
    n_nodes: int,
    n: int,
    first_edge: memoryview,
    edges: memoryview,
    number: memoryview,
    page_owned: memoryview,
    ends: memoryview,
    semi: memoryview,
    sources: memoryview,
    fill: bool,
) -> int: ...
def semi_nca(
    n: int,
    dominator: memoryview,
    ancestor: memoryview,
    semi: memoryview,
    sources: memoryview,
    label: memoryview,
    stack: memoryview,
) -> int: ...
def by_ordinal(
    n_nodes: int, node_of: memoryview, dominator: memoryview, out: memoryview
) -> int: ...
