COMPILED: bool

def scan(
    words: memoryview,
    start: int,
    type: int,
    keys: memoryview,
    objects: memoryview,
    maps: memoryview,
    counts: memoryview,
) -> int: ...
