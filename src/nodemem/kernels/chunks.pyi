COMPILED: bool

STATE: int
LEAST: int
LIKELY_LEAST: int
LIKELY_MOST: int
MORE: int
LAST: int
SMALL: int
BROKEN: int

def walk(
    words: memoryview,
    address: int,
    end: int,
    last: int,
    page: int,
    size_sought: int,
    origin: int,
    starts: memoryview,
    used: memoryview,
    ranges: memoryview,
    found: memoryview,
    likely: memoryview,
    state: memoryview,
) -> int: ...
