"""Suspects: what holds so much of one heap that it is worth a look.

An accumulation point becomes a suspect when it retains at least a share of the heap and the
program's own code has to do with it: names the holder, wrote the class or the functions held.
What only Node.js knows about is left out below a quarter of the heap and 10 MB: every process has
that.
One snapshot says what is big, not what grows; growth is `heap.growth`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from nodemem.heap.accumulation import Accumulation, accumulations
from nodemem.heap.chains import keeps
from nodemem.heap.columns import CODE, HIDDEN, NATIVE, SYNTHETIC
from nodemem.heap.contents import Group, callbacks, groups, payload
from nodemem.heap.declared import Declaration
from nodemem.heap.holders import Holder, describe
from nodemem.heap.locations import Place
from nodemem.heap.names import Names
from nodemem.heap.snapshot import HeapSnapshot

LEAST_SHARE = 0.05
LEAST_BYTES = 500_000
_BUILTIN_SHARE = 0.25
_BUILTIN_BYTES = 10_000_000
_FEWEST = 20
_SAMPLE = 200
_MAJORITY = 0.5
_MOST_RETAINERS = 50

SuspectKind = Literal["collection", "listeners", "timers", "list", "object"]


@dataclass(frozen=True)
class Suspect:
    """`holder` keeps `count` objects of `class_name`, `retained` bytes, `share` of the heap.

    `place` is where to look: the declaration of the holder, the listener, the timer's callback.
    `content` is the class of the program that makes up most of the bytes, when it is another.
    `even` is the part of the bytes that these objects, and not others, account for.
    """

    kind: SuspectKind
    holder: Holder
    class_name: str
    count: int
    retained: int
    share: float
    even: float
    declared: Declaration | None
    content: str | None


def find_suspects(
    snapshot: HeapSnapshot,
    *,
    least_share: float = LEAST_SHARE,
    least_bytes: int = LEAST_BYTES,
    names: Names | None = None,
) -> list[Suspect]:
    """The suspects of a snapshot, greatest first. A suspect retains at least `least_share` of
    the heap and at least `least_bytes`."""
    names = names or Names(snapshot)
    total = snapshot.retained_size(0)
    least = max(1, least_bytes, round(least_share * total))
    found: dict[int, Suspect] = {}
    for point in accumulations(names, least):
        for suspect in _judged(names, point, least, total):
            known = found.get(suspect.holder.ordinal)
            if known is None or known.retained < suspect.retained:
                found[suspect.holder.ordinal] = suspect
    return sorted(found.values(), key=lambda suspect: (-suspect.retained, suspect.holder.ordinal))


def suspect_of(
    names: Names, holder: Holder, group: Group, retained: int, loose: int, *, listed: bool = False
) -> Suspect:
    """What `holder` does with the objects of `group`, in the words for its kind."""
    kind: SuspectKind = "list" if listed else holder.kind
    declared, class_name = holder.declared, group.class_name
    if kind == "timers":
        functions = groups(names, callbacks(names, group.members))
        if functions:
            class_name = functions[0].class_name
            declared = _at(functions[0].place)
    elif kind == "listeners":
        declared = _at(group.place) or declared
    inside = payload(names, group.members)
    content = inside[0] if inside and inside[0] != group.class_name else None
    if declared is None and inside and inside[1] is not None:
        declared = Declaration(inside[1], "nearby function")
    total = names.snapshot.retained_size(0)
    even = min(1.0, group.retained / loose) if loose else 0.0
    return Suspect(
        kind, holder, class_name, group.count, retained, retained / total, even, declared, content
    )


def holder_of(names: Names, members: list[int]) -> int | None:
    """The object that refers to most of the given ones, when one does."""
    seen: Counter[int] = Counter()
    inside = set(members)
    sample = members[:: max(1, len(members) // _SAMPLE)][:_SAMPLE]
    for member in sample:
        seen.update(set(_visible_retainers(names, member)) - inside)
    if not seen:
        return None
    holder, times = min(seen.items(), key=lambda item: (-item[1], item[0]))
    return holder if times >= _MAJORITY * len(sample) else None


def by_user(names: Names, holder: Holder, group: Group) -> bool:
    """Whether the program's own code has to do with what is held."""
    if holder.user or (group.place is not None and group.place.user):
        return True
    if holder.kind == "timers":
        functions = groups(names, callbacks(names, group.members))
        return any(f.place is not None and f.place.user for f in functions[:1])
    inside = payload(names, group.members)
    return inside is not None and inside[1] is not None and inside[1].user


def is_general(names: Names, ordinal: int) -> bool:
    """Whether a node is no holder in a program's eyes: a root, a scope, the global object."""
    kind = names.snapshot.columns.types[ordinal]
    return (
        ordinal == 0
        or kind in (SYNTHETIC, CODE, HIDDEN)
        or names.is_context(ordinal)
        or names.is_global(ordinal)
    )


def _judged(names: Names, point: Accumulation, least: int, total: int) -> Iterator[Suspect]:
    snapshot = names.snapshot
    if point.links:
        group = groups(names, point.links[:1])[0]
        group = Group(group.class_name, len(point.links), point.loose, group.place, point.links)
        suspect = suspect_of(
            names, describe(names, point.ordinal), group, point.loose, point.loose, listed=True
        )
        if by_user(names, suspect.holder, group) or _is_huge(suspect):
            yield suspect
    elif is_general(names, point.ordinal):
        for group in groups(names, point.pieces, least):
            ordinal = holder_of(names, group.members) if group.count >= _FEWEST else None
            if ordinal is None or is_general(names, ordinal):
                continue
            holder = describe(names, ordinal)
            suspect = suspect_of(names, holder, group, group.retained, group.retained)
            if by_user(names, holder, group) or _is_huge(suspect):
                yield suspect
    else:
        ordinal = _named(names, point.ordinal)
        holder = describe(names, ordinal)
        retained = snapshot.retained_size(point.ordinal)
        held = [group for group in groups(names, point.pieces) if group.count >= _FEWEST]
        if held and held[0].retained >= point.loose * 0.3:
            suspect = suspect_of(names, holder, held[0], retained, point.loose)
            if by_user(names, holder, held[0]) or _is_huge(suspect):
                yield suspect
        elif holder.user or (retained >= _BUILTIN_BYTES and retained >= _BUILTIN_SHARE * total):
            own = snapshot.shallow_size(point.ordinal)
            yield Suspect(
                "object", holder, holder.class_name, 1, retained, retained / total,
                min(1.0, own / retained), holder.declared, None,
            )  # fmt: skip


def _is_huge(suspect: Suspect) -> bool:
    """Whether there is so much of it that it matters even if only Node.js knows of it."""
    return suspect.retained >= _BUILTIN_BYTES and suspect.share >= _BUILTIN_SHARE


def _named(names: Names, ordinal: int) -> int:
    """The object that a program knows a block of bytes by: its view, not the memory behind it."""
    snapshot = names.snapshot
    while (
        snapshot.columns.types[ordinal] == NATIVE or names.name(ordinal) == "ArrayBuffer"
    ) and not is_general(names, snapshot.dominator(ordinal)):
        ordinal = snapshot.dominator(ordinal)
    return ordinal


def _visible_retainers(names: Names, ordinal: int) -> Iterator[int]:
    snapshot = names.snapshot
    waiting, seen = [ordinal], {ordinal}
    while waiting and len(seen) < _MOST_RETAINERS:
        for edge in islice(snapshot.retainers(waiting.pop()), _MOST_RETAINERS):
            if edge.source in seen or not keeps(snapshot, edge):
                continue
            seen.add(edge.source)
            if names.visible(edge.source):
                yield edge.source
            elif edge.source and snapshot.columns.types[edge.source] != SYNTHETIC:
                waiting.append(edge.source)


def _at(place: Place | None) -> Declaration | None:
    return None if place is None else Declaration(place, "snapshot")
