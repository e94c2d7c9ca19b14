"""What a minor collection moved, from heap spaces that were told after each collection only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nodemem.records import GcSpace

_YOUNG = ("new_space", "new_large_object_space")
_LARGE = "large_object_space"
_UNSURE = 0.1  # of new space


def moved(
    used_before: int, earlier: Sequence[GcSpace], capacity: int, spaces: Sequence[GcSpace]
) -> dict[str, Any]:
    """Columns of a minor collection that met `used_before` bytes and left `spaces`; the collection
    before left `earlier` and a new space of `capacity` bytes.

    What was allocated in between filled new space, as far as it went: small objects that were made
    in old space at once are seen when they were more than that, and then nobody knows what was
    promoted besides. Large objects are taken to be young at first: V8 makes few others.
    """
    young, survived = _used(earlier, *_YOUNG), _used(spaces, *_YOUNG)
    allocated = max(0, used_before - _used(earlier))
    large = max(0, _used(spaces, _LARGE) - _used(earlier, _LARGE))
    elsewhere = max(0, young + allocated - max(capacity, young) - large)
    old = [_used(some) - _used(some, *_YOUNG, _LARGE) for some in (earlier, spaces)]
    small = max(0, old[1] - old[0])
    if min(elsewhere, small) > capacity * _UNSURE:
        return {"survived": survived}
    filled = young + allocated - elsewhere
    promoted = large + max(0, small - elsewhere)
    alive = min(1.0, (survived + promoted) / filled) if filled else None
    return {"promoted": promoted, "survived": survived, "survival": alive}


def _used(spaces: Sequence[GcSpace], *names: str) -> int:
    """Bytes in use in the spaces of these names; in all if none are given."""
    return sum(one.used_after or 0 for one in spaces if not names or one.name in names)
