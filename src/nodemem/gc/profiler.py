"""What v8.GCProfiler tells of a collection: sizes and cost, neither time nor cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from nodemem.gc.words import PROFILER
from nodemem.records import GcSpace

_YOUNG = ("new_space", "new_large_object_space")


class Heap(Protocol):
    """The heap before or after a collection, bytes; the sequences are by space."""

    @property
    def used(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def external(self) -> int: ...
    @property
    def limit(self) -> int: ...
    @property
    def space_used(self) -> Sequence[int]: ...
    @property
    def space_size(self) -> Sequence[int]: ...
    @property
    def space_available(self) -> Sequence[int]: ...


class Sized(Protocol):
    """One collection; `cost` in microseconds."""

    @property
    def type(self) -> str: ...
    @property
    def cost(self) -> float: ...
    @property
    def before(self) -> Heap: ...
    @property
    def after(self) -> Heap: ...


def columns_of(sized: Sized, names: Sequence[str]) -> dict[str, Any] | None:
    """The columns of one collection, `names` being those of the spaces; None if its kind is
    unknown.

    What a minor collection promoted is by how much all spaces but the young ones grew, what
    survived is what new space holds after it. A major one frees in the same spaces, so that of it
    neither is known.
    """
    collector = PROFILER.get(sized.type)
    before, after = sized.before, sized.after
    if collector is None:
        return None
    columns: dict[str, Any] = {
        "kind": collector.kind,
        "collector": collector.name,
        "pause": sized.cost / 1e6,
        "used_before": before.used,
        "used_after": after.used,
        "size_before": before.size,
        "size_after": after.size,
        "external_before": before.external,
        "external_after": after.external,
        "heap_limit": after.limit,
        "spaces": [
            GcSpace(*values)
            for values in zip(
                names,
                before.space_used,
                after.space_used,
                before.space_size,
                after.space_size,
                strict=False,
            )
        ],
    }
    if "new_space" in names:
        at = names.index("new_space")
        if at < min(len(after.space_used), len(after.space_available)):
            columns["new_capacity"] = after.space_used[at] + after.space_available[at]
    if collector.kind == "minor":
        columns |= _moved(sized, names)
    return columns


def _moved(sized: Sized, names: Sequence[str]) -> dict[str, Any]:
    def young(heap: Heap) -> int:
        pairs = zip(names, heap.space_used, strict=False)
        return sum(used for name, used in pairs if name in _YOUNG)

    filled, survived = young(sized.before), young(sized.after)
    old = [sum(heap.space_used) - young(heap) for heap in (sized.before, sized.after)]
    promoted = max(0, old[1] - old[0])
    alive = min(1.0, (survived + promoted) / filled) if filled else None
    return {"promoted": promoted, "survived": survived, "survival": alive}
