COMPILED: bool
UNREACHED: int

def search(
    first_edge: memoryview,
    edges: memoryview,
    essential: bool,
    page_owned: memoryview,
    cut: memoryview,
    filled: int,
    queue: memoryview,
    distances: memoryview,
) -> int: ...
