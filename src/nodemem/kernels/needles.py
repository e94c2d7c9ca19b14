"""What may begin a record of V8's, for kernels that run uncompiled; needles.pxd is what it is
compiled."""


def next_needle(text: memoryview, at: int, end: int) -> int:
    """The first position from `at` on, below `end`, of `[`, ` ms: ` or `<---`; else `end`."""
    end = min(end, len(text))
    found = [bytes(text[at:end]).find(needle) for needle in (b"[", b" ms: ", b"<---")]
    return min((at + one for one in found if one >= 0), default=end)
