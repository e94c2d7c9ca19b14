COMPILED: bool

def by_name(
    n_nodes: int,
    types: memoryview,
    names: memoryview,
    n_strings: int,
    group_of_slot: memoryview,
    slots: memoryview,
    groups: memoryview,
) -> int: ...
def visibility(
    n_nodes: int,
    types: memoryview,
    names: memoryview,
    n_strings: int,
    by_type: memoryview,
    internal: memoryview,
    scopes: memoryview,
    out: memoryview,
) -> int: ...
def rename(n_nodes: int, new: memoryview, groups: memoryview) -> int: ...
def by_location(
    types: memoryview,
    locations: memoryview,
    first_group: int,
    table: memoryview,
    example: memoryview,
    former: memoryview,
    groups: memoryview,
) -> int: ...
def tally(
    n_nodes: int,
    groups: memoryview,
    sizes: memoryview,
    size_words: int,
    counts: memoryview,
    shallow: memoryview,
    first: memoryview,
) -> int: ...
def nearest(
    n_nodes: int,
    groups: memoryview,
    sizes: memoryview,
    size_words: int,
    distances: memoryview,
    floor: int,
    out: memoryview,
) -> int: ...
def retained(
    n_nodes: int,
    preorder: memoryview,
    subtree: memoryview,
    groups: memoryview,
    sizes: memoryview,
    size_words: int,
    retained_sizes: memoryview,
    retained_words: int,
    open_until: memoryview,
    out: memoryview,
) -> int: ...
def sizes_by_type(
    n_nodes: int,
    types: memoryview,
    names: memoryview,
    sizes: memoryview,
    size_words: int,
    array_buffer_data: int,
    array: int,
    out: memoryview,
) -> int: ...
def backing_stores(
    begin: int,
    n_nodes: int,
    first_edge: memoryview,
    edges: memoryview,
    edge_names: memoryview,
    types: memoryview,
    names: memoryview,
    array: int,
    elements: int,
    sizes: memoryview,
    size_words: int,
    store: memoryview,
    out: memoryview,
    count: int,
) -> int: ...
def count_retainers(
    n_edges: int, edges: memoryview, wanted: memoryview, out: memoryview
) -> int: ...
def compare(
    old_nodes: int,
    old_order: memoryview,
    old_ids: memoryview,
    old_groups: memoryview,
    old_sizes: memoryview,
    old_words: int,
    new_nodes: int,
    new_order: memoryview,
    new_ids: memoryview,
    new_groups: memoryview,
    new_sizes: memoryview,
    new_words: int,
    counts: memoryview,
    bytes_: memoryview,
    last_removed: memoryview,
) -> int: ...
