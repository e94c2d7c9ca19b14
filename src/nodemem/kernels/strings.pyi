COMPILED: bool
FIRST: int
VALUE: int
SEPARATOR: int
CLOSED: int
IN_STRING: int
IN_ESCAPE: int
NO_FAULT: int
UNEXPECTED_BYTE: int
TABLE_FULL: int
LONG: int

def index(
    text: memoryview,
    start: int,
    end: int,
    origin: int,
    kinds: memoryview,
    offsets: memoryview,
    widths: memoryview,
    descriptors: memoryview,
    internal: memoryview,
    internal_prefix: memoryview,
    known: memoryview,
    known_ends: memoryview,
    known_index: memoryview,
    pair_words: memoryview,
    pair_ends: memoryview,
    pair_string: memoryview,
    pair_table: memoryview,
    pair_hash: memoryview,
    info: memoryview,
) -> int: ...
def of_size(offsets: memoryview, n: int, start: int, low: int, high: int) -> int: ...
