COMPILED: bool

def number_nodes(
    n_nodes: int,
    first_edge: memoryview,
    edges: memoryview,
    dom_trees: int,
    number: memoryview,
    parent: memoryview,
    visited: memoryview,
    page_owned: memoryview,
    beside: memoryview,
    stack_edge: memoryview,
    stack_node: memoryview,
) -> int: ...
