COMPILED: bool

END: int
SKIP_WHOLE: int
SKIP_BROKEN: int
SKIP_ANY: int
WHOLE: int
BROKEN: int
ANY: int
SIZE: int
TIME: int
STAMP: int
DIGITS: int
LAST: int
FULL: int
UNKNOWN: int

def lines(
    text: memoryview,
    at: int,
    last: int,
    head: memoryview,
    texts: memoryview,
    tables: memoryview,
    floats: memoryview,
    wholes: memoryview,
    forms: memoryview,
    state: memoryview,
) -> int: ...
