"""The end of a JSON string, for kernels that run uncompiled; quotes.pxd is what it is compiled."""


def string_end(text: memoryview, at: int, end: int) -> int:
    """Where the quote is that closes the string text[at:end] is inside of; `end` or one more when
    there is none."""
    while at < end and text[at] != 34:
        at += 2 if text[at] == 92 else 1
    return at
