"""Bitmaps of 64-bit words, for kernels that run uncompiled; bits.pxd is what they are compiled."""


def bit(words: memoryview, i: int) -> int:
    return (words[i >> 6] >> (i & 63)) & 1


def set_bit(words: memoryview, i: int) -> None:
    words[i >> 6] |= 1 << (i & 63)


def clear_bit(words: memoryview, i: int) -> None:
    words[i >> 6] &= ~(1 << (i & 63))
