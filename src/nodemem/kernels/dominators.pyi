COMPILED: bool

def number_nodes(
    n_nodes: int,
    first_edge: memoryview,
    edges: memoryview,
    dom_trees: int,
    number: memoryview,
    node_of: memoryview,
    parent: memoryview,
    visited: memoryview,
    page_owned: memoryview,
    beside: memoryview,
    stack_edge: memoryview,
    stack_node: memoryview,
) -> int: ...
def incoming(
    n_nodes: int,
    n: int,
    first_edge: memoryview,
    edges: memoryview,
    number: memoryview,
    parent: memoryview,
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
def tree(
    n_nodes: int,
    node_of: memoryview,
    dominator: memoryview,
    count: memoryview,
    following: memoryview,
    place: memoryview,
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
