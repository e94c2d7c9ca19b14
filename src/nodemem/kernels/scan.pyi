COMPILED: bool
FIRST: int
VALUE: int
SEPARATOR: int
CLOSED: int
NO_FAULT: int
UNEXPECTED_BYTE: int
NUMBER_TOO_LARGE: int
UNKNOWN_TYPE: int
EDGES_EXCEED_COUNT: int
TARGET_OUT_OF_RANGE: int

def vectors() -> bool: ...
def numbers(
    vectors: bool,
    text: memoryview,
    start: int,
    end: int,
    out: memoryview,
    filled: int,
    wide_at: memoryview,
    wide: memoryview,
    info: memoryview,
) -> int: ...
def nodes(
    values: memoryview,
    at: int,
    count: int,
    stride: int,
    fields: memoryview,
    type_codes: memoryview,
    first: int,
    types: memoryview,
    names: memoryview,
    ids: memoryview,
    sizes: memoryview,
    first_edge: memoryview,
    detachedness: memoryview,
    totals: memoryview,
    info: memoryview,
) -> int: ...
def sum_of(values: memoryview, start: int, end: int, step: int) -> int: ...
def edges(
    values: memoryview,
    at: int,
    count: int,
    fields: memoryview,
    stride: int,
    type_codes: memoryview,
    node_stride: int,
    n_nodes: int,
    targets: memoryview,
    names: memoryview,
    totals: memoryview,
    info: memoryview,
) -> int: ...
def locations(
    values: memoryview,
    at: int,
    count: int,
    fields: memoryview,
    stride: int,
    node_stride: int,
    n_nodes: int,
    out: memoryview,
    info: memoryview,
) -> int: ...
def skip(text: memoryview, start: int, end: int, info: memoryview) -> int: ...
def duplicate_id(ids: memoryview, n: int, base: int, seen: memoryview) -> int: ...
