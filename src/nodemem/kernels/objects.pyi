COMPILED: bool

WIDTH: int
NAME_LIMIT: int
DONE: int
UNKNOWN_MAP: int
NO_OBJECT: int

def walk(
    words: memoryview,
    start: int,
    end: int,
    keys: memoryview,
    slots: memoryview,
    rules: memoryview,
    tallies: memoryview,
    constants: memoryview,
    found: memoryview,
    strangers: memoryview,
    info: memoryview,
) -> int: ...
def resume(
    words: memoryview,
    start: int,
    end: int,
    run: int,
    keys: memoryview,
    slots: memoryview,
    rules: memoryview,
) -> int: ...
def references(
    words: memoryview, start: int, end: int, constants: memoryview, found: memoryview
) -> int: ...
def fold(
    tallies: memoryview,
    n: int,
    totals: memoryview,
    squares: memoryview,
    kinds: memoryview,
    n_kinds: int,
    page: memoryview,
) -> int: ...
def spread(
    pages: memoryview,
    order: memoryview,
    width: int,
    totals: memoryview,
    differences: memoryview,
) -> int: ...
