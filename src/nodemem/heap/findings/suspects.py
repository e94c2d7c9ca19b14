"""Suspects: what holds so much of one heap that it is worth a look.

An accumulation point becomes a suspect when it retains at least a share of the heap and the
program's own code has to do with it: names the holder, wrote the class or the functions held.
What only Node.js knows about is left out below a quarter of the heap and 10 MB: every process has
that.
One snapshot says what is big, not what grows; growth is `heap.growth`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from nodemem.heap.engine.columns import CODE, HIDDEN, NATIVE, SYNTHETIC
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.findings.accumulation import Accumulation, accumulations
from nodemem.heap.findings.alike import FEWEST_HELD, MOST_HOLDERS, classes_of, spread, together
from nodemem.heap.findings.recursive import recursive_structure
from nodemem.heap.naming.chains import keeps
from nodemem.heap.naming.contents import Group, callbacks, function_behind, groups, held, payload
from nodemem.heap.naming.declared import (
    Declaration,
    declaration_at,
    declaration_of_global,
)
from nodemem.heap.naming.holders import Holder, describe, is_event_table, list_head, listeners
from nodemem.heap.naming.locations import Place
from nodemem.heap.naming.names import Names

LEAST_SHARE = 0.05
LEAST_BYTES = 500_000
_BUILTIN_SHARE = 0.25
_BUILTIN_BYTES = 10_000_000
_SAMPLE = 200
_MAJORITY = 0.5
_EVEN = 0.3
_MOST_RETAINERS = 50
_MOST_REFERENCES = 2_000  # one retainer may refer to an object many times

SuspectKind = Literal["collection", "listeners", "timers", "promise", "list", "object"]


@dataclass(frozen=True)
class Suspect:
    """`holder` keeps `count` objects of `class_name`, `retained` bytes, `share` of the heap.

    `place` is where to look: the declaration of the holder, the listener, the timer's callback.
    `content` is the class of the program that makes up most of the bytes, when it is another.
    `even` is the part of the bytes that these objects, and not others, account for. `holders` is
    how many alike holders are meant, of which `holder` keeps most.
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
    holders: int = 1


def find_suspects(
    snapshot: Snapshot,
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
        for suspect, user in _judged(names, point, least):
            if not user and not _is_huge(suspect):
                continue
            known = found.get(suspect.holder.ordinal)
            if known is None or known.retained < suspect.retained:
                found[suspect.holder.ordinal] = suspect

    def join(alike: Sequence[Suspect]) -> Suspect:
        by_holder = {suspect.holder.ordinal: suspect for suspect in alike}
        return joined([by_holder[node] for node in snapshot.graph.outermost(by_holder)])

    merged = together(found.values(), alike_holders, join)
    return sorted(merged, key=lambda suspect: (-suspect.retained, suspect.holder.ordinal))


def alike_holders(suspect: Suspect) -> Hashable:
    """Equal for suspects whose holders a reader would call by one name; None when unlike any."""
    if suspect.kind == "listeners":
        return suspect.kind, suspect.holder.emitter
    if suspect.holder.name is None or suspect.kind in ("timers", "list"):
        return None
    return suspect.kind, suspect.holder.label(), suspect.declared


def joined(alike: Sequence[Suspect]) -> Suspect:
    """One suspect for several with alike holders, none inside another, told of the one that keeps
    most."""
    first = max(alike, key=lambda suspect: suspect.retained)
    if first.kind == "listeners" or len(alike) == 1:
        return first
    # One holder may be told of several classes; its bytes count once.
    holders = {suspect.holder.ordinal: suspect for suspect in alike}.values()
    retained = sum(suspect.retained for suspect in holders)
    return replace(
        first,
        class_name=classes_of((suspect.class_name, suspect.retained) for suspect in alike),
        count=sum(suspect.count for suspect in alike),
        retained=retained,
        share=sum(suspect.share for suspect in holders),
        even=min(1.0, sum(suspect.even * suspect.retained for suspect in alike) / retained),
        holders=sum(suspect.holders for suspect in holders),
    )


def suspect_of(
    names: Names,
    holder: Holder,
    group: Group,
    retained: int,
    loose: int,
    *,
    listed: bool = False,
    holders: int = 1,
) -> Suspect:
    """What `holder` does with the objects of `group`, in the words for its kind."""
    calls = holder.kind in ("listeners", "timers")
    kind: SuspectKind = "list" if listed and not calls else holder.kind
    declared, class_name, count = holder.declared, group.class_name, group.count
    if calls:
        functions = _functions(names, holder, group)
        if functions is not None:
            class_name = functions.class_name
            if functions.place is not None and (functions.place.user or declared is None):
                declared = declaration_at(functions.place)
            if is_event_table(names, holder.ordinal):
                count = functions.count
    inside = payload(names, group.members)
    content = inside[0] if inside and inside[0] != class_name else None
    if declared is None and inside and inside[1] is not None and inside[1].user:
        declared = _near(names, holder, inside[1])
    total = names.snapshot.retained_size(0)
    even = min(1.0, group.retained / loose) if loose else 0.0
    return Suspect(
        kind,
        holder,
        class_name,
        count,
        retained,
        retained / total,
        even,
        declared,
        content,
        holders,
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
    calls = holder.kind in ("listeners", "timers")
    functions = _functions(names, holder, group) if calls else None
    if functions is not None and functions.place is not None:
        return functions.place.user
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


def holds(names: Names, ordinal: int) -> bool:
    """Whether a node may be told as what holds many: an object, or the global one, of which a
    program made a dictionary."""
    return names.is_global(ordinal) or not is_general(names, ordinal)


def _judged(names: Names, point: Accumulation, least: int) -> Iterator[tuple[Suspect, bool]]:
    """What an accumulation point may be suspected of, and whether the program has to do with it."""
    if point.links:
        yield _of_list(names, point)
    elif is_general(names, point.ordinal):
        yield from _of_shared(names, point, least)
    else:
        yield _of_one(names, point)


def _of_list(names: Names, point: Accumulation) -> tuple[Suspect, bool]:
    link = groups(names, point.links[:1])[0]
    group = Group(link.class_name, len(point.links), point.loose, link.place, point.links)
    holder = describe(names, list_head(names, point.ordinal))
    suspect = suspect_of(names, holder, group, point.loose, point.loose, listed=True)
    return suspect, by_user(names, holder, group)


def _of_shared(names: Names, point: Accumulation, least: int) -> Iterator[tuple[Suspect, bool]]:
    """Objects of one class that hang off a root or scope because several holders share them."""
    for group in groups(names, point.pieces, least):
        ordinal = holder_of(names, group.members) if group.count >= FEWEST_HELD else None
        if ordinal is not None and holds(names, ordinal):
            holder = describe(names, ordinal)
            suspect = suspect_of(names, holder, group, group.retained, group.retained)
            yield suspect, by_user(names, holder, group)


def _of_one(names: Names, point: Accumulation) -> tuple[Suspect, bool]:
    snapshot = names.snapshot
    holder = describe(names, _named(names, point.ordinal))
    retained = snapshot.retained_size(point.ordinal)
    found = groups(names, point.pieces)
    # What a program can name comes before the scopes in which its functions run.
    found.sort(key=lambda group: names.is_context(group.members[0]))
    many = [g for g in found if g.count >= FEWEST_HELD and g.retained >= _EVEN * point.loose]
    few = found and found[0].count <= MOST_HOLDERS and found[0].retained >= _MAJORITY * point.loose
    alike = spread(names, found[0].members) if few else None
    if alike is not None:
        told = describe(names, alike.holders[0])
        suspect = suspect_of(
            names, told, alike.group, alike.retained, alike.retained, holders=len(alike.holders)
        )
        return suspect, by_user(names, told, alike.group)
    structure = recursive_structure(names, point.ordinal, found[0].members[0]) if found else None
    if structure is not None:
        told = describe(names, structure.holder)
        whole = snapshot.retained_size(structure.holder)
        parts = replace(found[0], count=len(structure.parts), members=structure.parts)
        suspect = suspect_of(names, told, parts, whole, 0)
        suspect = replace(suspect, kind="collection", even=1.0)
        return suspect, by_user(names, told, parts)
    if many:
        suspect = suspect_of(names, holder, many[0], retained, point.loose)
        if suspect.kind == "object":
            suspect = replace(suspect, kind="collection")
        return suspect, by_user(names, holder, many[0])
    if holder.kind == "listeners" and found:
        # One thing may listen to several events, and then no event has it for itself.
        suspect = suspect_of(names, holder, found[0], retained, point.loose)
        return replace(suspect, even=1.0), by_user(names, holder, found[0])
    suspect = Suspect(
        kind="object",
        holder=holder,
        class_name=holder.class_name,
        count=1,
        retained=retained,
        share=retained / snapshot.retained_size(0),
        even=min(1.0, snapshot.shallow_size(point.ordinal) / retained),
        declared=holder.declared,
        content=None,
    )
    return suspect, holder.user


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
        for edge in islice(snapshot.retainers(waiting.pop()), _MOST_REFERENCES):
            if len(seen) >= _MOST_RETAINERS:
                break
            if edge.source in seen or not keeps(snapshot, edge):
                continue
            seen.add(edge.source)
            if names.visible(edge.source):
                yield edge.source
            elif edge.source and snapshot.columns.types[edge.source] != SYNTHETIC:
                waiting.append(edge.source)


def _functions(names: Names, holder: Holder, group: Group) -> Group | None:
    """The functions behind listeners or timers, by the one that most of them share."""
    members = group.members
    if is_event_table(names, holder.ordinal):
        members = [one for _, some in listeners(names, holder.ordinal) for one in some]
        found = groups(names, (function_behind(names, one) for one in members))
        return replace(found[0], count=len(members)) if found else None
    if group.class_name == "TimersList":
        members = [timer for timers in members for timer in held(names, timers)]
    found = groups(names, callbacks(names, members))
    if found:
        return found[0]
    if not names.is_closure(group.members[0]):
        return None
    return groups(names, (function_behind(names, one) for one in members))[0]


def _near(names: Names, holder: Holder, place: Place) -> Declaration:
    """A place for a holder without one: where the script of what it holds sets the global, else
    that of the class held."""
    prefix = "globalThis."
    if holder.name is not None and holder.name.startswith(prefix):
        found = declaration_of_global(names, place.script.file, holder.name.removeprefix(prefix))
        if found is not None:
            return found
    return Declaration(place, "nearby function")
