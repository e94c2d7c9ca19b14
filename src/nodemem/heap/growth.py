"""Growth between two snapshots of one process: which objects that were there before keep what is
new.

A new object is put down to its nearest dominator that existed before: freeing that, and nothing
smaller that is old, would free it. Where that dominator is no holder in a program's eyes (a root,
a closure scope, the global object), the object that refers to the new ones takes its place.
Objects that survived may themselves have grown: the table of a Map, the elements of an Array.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nodemem.heap.contents import Group, groups, held
from nodemem.heap.holders import Holder, describe
from nodemem.heap.names import Names
from nodemem.heap.pairing import Pairing, pair
from nodemem.heap.snapshot import HeapSnapshot
from nodemem.heap.suspects import Suspect, by_user, holder_of, is_general, suspect_of

FEWEST = 10
"""Fewer new objects of one class at one holder are not looked into."""
_MOST_HOLDERS = 40
_BUILTIN_FEWEST = 1000


@dataclass(frozen=True)
class GrowthPoint:
    """One holder that keeps new objects. `suspect` describes it as it is in the later snapshot.

    `added` objects are new, `removed` of the same class were there before and are gone;
    `added_bytes` are shallow sizes of all that is new below the holder; `own_bytes` is by how
    much the holder itself grew; `net_bytes` is the growth of its retained size. `user` says
    whether the program's own code has to do with it.
    """

    suspect: Suspect
    added: int
    removed: int
    added_bytes: int
    own_bytes: int
    net_bytes: int
    user: bool


@dataclass(frozen=True)
class Growth:
    """Totals are bytes of the whole heap; `new_bytes` and `survivor_bytes` make up its growth
    together with `gone_bytes` (positive). `classes` are (class, new objects, bytes)."""

    points: list[GrowthPoint]
    total_before: int
    total_after: int
    new_count: int
    new_bytes: int
    gone_count: int
    gone_bytes: int
    survivor_bytes: int
    grown: list[tuple[int, int]]
    classes: list[tuple[str, int, int]]


def growth(before: HeapSnapshot, after: HeapSnapshot, names: Names | None = None) -> Growth:
    """See the module. Both must be of one process (`pairing.same_process`)."""
    names = names or Names(after)
    pairing = pair(before, after)
    old_sizes, sizes = before.graph.shallow_sizes, after.graph.shallow_sizes
    grown = [
        (ordinal, sizes[ordinal] - old_sizes[old])
        for ordinal, old in enumerate(pairing.old)
        if old >= 0 and sizes[ordinal] != old_sizes[old]
    ]
    kept = _Kept(names, pairing)
    points = _Points(before, names, pairing, kept, dict(grown)).found()
    return Growth(
        points=points,
        total_before=before.retained_size(0),
        total_after=after.retained_size(0),
        new_count=len(pairing.new),
        new_bytes=sum(sizes[ordinal] for ordinal in pairing.new),
        gone_count=len(pairing.gone),
        gone_bytes=sum(old_sizes[ordinal] for ordinal in pairing.gone),
        survivor_bytes=sum(by for _, by in grown),
        grown=sorted(grown, key=lambda item: (-abs(item[1]), item[0])),
        classes=_new_classes(names, pairing.new),
    )


class _Kept:
    """New objects by the old object that keeps them.

    `pieces` hang there directly, `inside` below other new ones; `bytes` are of all.
    """

    def __init__(self, names: Names, pairing: Pairing) -> None:
        self.bytes: Counter[int] = Counter()
        self.pieces: dict[int, list[int]] = {}
        self.inside: dict[int, list[int]] = {}
        graph = names.snapshot.graph
        dominators, sizes = graph.tree.dominators, graph.shallow_sizes
        keeper: dict[int, int] = {}
        # In preorder of the dominator tree what is above is settled first.
        for ordinal in sorted(pairing.new, key=graph.tree_places.__getitem__):
            above = dominators[ordinal]
            while above and not names.shown(above):
                above = dominators[above]
            direct = above not in keeper
            keeper[ordinal] = at = keeper.get(above, above)
            self.bytes[at] += sizes[ordinal]
            if names.shown(ordinal):
                (self.pieces if direct else self.inside).setdefault(at, []).append(ordinal)


class _Points:
    """Turns new objects by keeper into growth points by holder."""

    def __init__(
        self,
        before: HeapSnapshot,
        names: Names,
        pairing: Pairing,
        kept: _Kept,
        grown: dict[int, int],
    ) -> None:
        self._before = Names(before)
        self._names, self._pairing, self._kept, self._grown = names, pairing, kept, grown
        self._new = set(pairing.new)
        self._described: dict[int, Holder] = {}

    def found(self) -> list[GrowthPoint]:
        by_bytes = Counter(self._kept.bytes)
        for ordinal, by in self._grown.items():
            if by > 0 and self._names.shown(ordinal):
                by_bytes[ordinal] += by
        points: dict[tuple[int, str], GrowthPoint] = {}
        for keeper, _ in by_bytes.most_common(_MOST_HOLDERS):
            for point in self._at(keeper):
                key = (point.suspect.holder.ordinal, point.suspect.class_name)
                if key not in points or points[key].added < point.added:
                    points[key] = point
        return sorted(
            points.values(), key=lambda p: (-p.added_bytes - p.own_bytes, p.suspect.holder.ordinal)
        )

    def _at(self, keeper: int) -> Iterator[GrowthPoint]:
        names = self._names
        general = is_general(names, keeper)
        pieces = [o for o in self._kept.pieces.get(keeper, []) if names.visible(o)]
        direct = [group for group in groups(names, pieces) if group.count >= FEWEST]
        if direct and not general:
            yield self._point(keeper, direct[0], self._kept.bytes[keeper])
            return
        inside = self._kept.inside.get(keeper, [])
        scattered = direct + [
            group
            for group in groups(names, [o for o in inside if names.visible(o)])
            if group.count >= FEWEST and names.snapshot.node_type(group.members[0]) == "object"
        ]
        for group in scattered:
            found = holder_of(names, group.members)
            linked = found is None or names.class_name(found) == group.class_name
            if found is not None and not linked and not is_general(names, found):
                yield self._point(found, group, group.retained)
                return
            if linked and self._is_list(group):
                yield self._point(self._head(group), group, self._kept.bytes[keeper], listed=True)
                return
        own = self._grown.get(keeper, 0)
        if own > 0 and not general:
            alone = groups(names, [keeper])[0]
            yield self._point(keeper, alone, self._kept.bytes[keeper], alone=True)

    def _point(
        self,
        ordinal: int,
        group: Group,
        added_bytes: int,
        *,
        listed: bool = False,
        alone: bool = False,
    ) -> GrowthPoint:
        names, old = self._names, self._pairing.old[ordinal]
        if ordinal not in self._described:
            self._described[ordinal] = describe(names, ordinal)
        holder = self._described[ordinal]
        retained = names.snapshot.retained_size(ordinal)
        suspect = suspect_of(names, holder, group, retained, retained, listed=listed)
        before = self._before.snapshot
        net = retained - (before.retained_size(old) if old > 0 else 0)
        return GrowthPoint(
            suspect=suspect,
            added=0 if alone else group.count,
            removed=0 if alone else self._removed(group, ordinal, listed),
            added_bytes=added_bytes,
            own_bytes=max(0, self._grown.get(ordinal, 0)),
            net_bytes=net,
            user=by_user(names, holder, group),
        )

    def _removed(self, group: Group, holder: int, listed: bool) -> int:
        """Objects of the group's class that the holder had before and that are gone."""
        old = self._pairing.old[holder]
        before = self._before
        sample = group.members[0]
        kind = (self._names.snapshot.node_type(sample), self._names.name(sample))
        if old <= 0 or listed or is_general(self._names, holder):
            candidates: Iterator[int] = iter(self._pairing.gone)
        else:
            gone = set(self._pairing.gone)
            candidates = (o for o in held(before, old) if o in gone)
        return sum(1 for o in candidates if (before.snapshot.node_type(o), before.name(o)) == kind)

    def _is_list(self, group: Group) -> bool:
        """Whether most objects of a group are below another of it: links of a list."""
        dominator = self._names.snapshot.graph.tree.dominators
        members = set(group.members)
        linked = 0
        for ordinal in group.members:
            node = ordinal
            for _ in range(8):
                node = dominator[node]
                if node in members:
                    linked += 1
                    break
        return linked >= group.count * 0.8

    def _head(self, group: Group) -> int:
        places = self._names.snapshot.graph.tree_places
        return min(group.members, key=places.__getitem__)


def _new_classes(names: Names, new: list[int]) -> list[tuple[str, int, int]]:
    columns, sizes = names.snapshot.columns, names.snapshot.graph.shallow_sizes
    counts: Counter[tuple[int, int]] = Counter()
    total: Counter[tuple[int, int]] = Counter()
    example: dict[tuple[int, int], int] = {}
    for ordinal in new:
        kind = (columns.types[ordinal], columns.names[ordinal])
        counts[kind] += 1
        total[kind] += sizes[ordinal]
        example[kind] = ordinal
    merged: dict[str, tuple[int, int]] = {}
    for kind, count in counts.items():
        name = names.class_name(example[kind])
        known = merged.get(name, (0, 0))
        merged[name] = (known[0] + count, known[1] + total[kind])
    rows = [(name, count, size) for name, (count, size) in merged.items()]
    return sorted(rows, key=lambda row: (-row[2], -row[1], row[0]))
