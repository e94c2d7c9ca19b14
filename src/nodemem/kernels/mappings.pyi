COMPILED: bool

def decode(
    text: memoryview,
    n_sources: int,
    n_names: int,
    first: memoryview,
    unordered: memoryview,
    columns: memoryview,
    sources: memoryview,
    lines: memoryview,
    source_columns: memoryview,
    names: memoryview,
) -> int: ...
