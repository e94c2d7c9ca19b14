"""Series: one quantity over time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nodemem.results.table import Unit


class Series(msgspec.Struct, frozen=True):
    """`values[i]` was seen `times[i]` seconds after the start; None where it could not be."""

    name: str
    unit: Unit
    times: Sequence[float]
    values: Sequence[float | None]
