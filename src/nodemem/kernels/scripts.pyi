COMPILED: bool

def examples(
    n_records: int,
    locations: memoryview,
    types: memoryview,
    kind: int,
    most: int,
    counts: memoryview,
    out: memoryview,
) -> int: ...
