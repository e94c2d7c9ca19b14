"""Decimal numbers by vector instructions; without the compiler there are none. digits.pxd is what
this is compiled, digits.h the instructions."""


def has_vectors() -> bool:
    return False


def usual_numbers(
    text: memoryview, end: int, out: memoryview, filled: int, info: memoryview
) -> int:
    return filled
