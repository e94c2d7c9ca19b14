COMPILED: bool

def count_incoming(
    begin: int,
    end: int,
    first_edge: memoryview,
    edges: memoryview,
    number: memoryview,
    page_owned: memoryview,
    counts: memoryview,
    semi: memoryview,
) -> int: ...
def add_up(n: int, counts: memoryview) -> int: ...
def place_incoming(
    begin: int,
    end: int,
    first_edge: memoryview,
    edges: memoryview,
    number: memoryview,
    page_owned: memoryview,
    low: int,
    high: int,
    ends: memoryview,
    sources: memoryview,
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
    n_nodes: int,
    number: memoryview,
    dominator: memoryview,
    node_of: memoryview,
    out: memoryview,
) -> int: ...
