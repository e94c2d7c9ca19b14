"""The cost of a snapshot where objects cannot be counted, from the bytes in use alone.

The factors bound what was measured over the inspector, on a busy machine, with nineteen kinds of
heaps on Node.js 20, 24 and 26 and three on 18: empty objects, records, strings, Maps, closures,
lists, arrays of numbers and of references.

What costs most is long arrays and big hash tables (see `cost_model`), 150 times the 8 bytes of a
slot. Arrays above 128 kB lie in the large object spaces, so bytes there count with that factor,
although they may as well be numbers or text, which cost nothing. Hence the wide ranges.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.capture.ranges import Range, Ranges

MB = 1_000_000


@dataclass(frozen=True)
class _Factors:
    """Cost per byte in ordinary spaces, low and high; per byte of large objects and per square
    of the ordinary bytes, high only.

    Node.js' own objects cost `base` whatever the program does.
    """

    base: Range
    per_byte: Range
    per_large_byte: float
    per_square: float = 0.0

    def range(self, ordinary: int, large: int) -> Range:
        return Range(
            self.base.low + self.per_byte.low * ordinary,
            self.base.high
            + self.per_byte.high * ordinary
            + self.per_large_byte * large
            + self.per_square * ordinary**2,
        )


_RSS = _Factors(Range(10 * MB, 70 * MB), Range(0.0, 12.0), 150.0)
_FILE = _Factors(Range(3 * MB, 7 * MB), Range(0.0, 3.2), 6.5)
# Seconds. Up to V8 11 (Node.js 20) many distinct strings make the time grow with the square of
# their number: 4, 12 and 46 s for 23, 42 and 76 MB of records in 20.18, 300 s for 125 MB in 18.
_PAUSE = _Factors(Range(0.1, 1.0), Range(2e-9, 80e-9), 600e-9)
_PAUSE_20 = _Factors(Range(0.1, 1.0), Range(2e-9, 250e-9), 1800e-9, 0.012 / MB**2)
_PAUSE_18 = _Factors(Range(0.1, 2.0), Range(2e-9, 300e-9), 1800e-9, 0.03 / MB**2)


def ranges(ordinary: int, large: int, release: int) -> Ranges:
    """For bytes in use in ordinary and in large object spaces, and a major release of Node.js."""
    pause = _PAUSE if release >= 22 else _PAUSE_20 if release >= 20 else _PAUSE_18
    return Ranges(
        pause=pause.range(ordinary, large),
        extra_rss=_RSS.range(ordinary, large),
        file_size=_FILE.range(ordinary, large),
        basis="heap statistics",
    )
