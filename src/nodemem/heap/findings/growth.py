"""Growth between two snapshots of one process: which objects that were there before keep what is
new.

A new object is put down to its nearest dominator that existed before: freeing that, and nothing
smaller that is old, would free it. Where that dominator is no holder in a program's eyes (a root,
a closure scope, the global object), the object that refers to the new ones takes its place.
Objects that survived may themselves have grown: the table of a Map, the elements of an Array.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.findings.alike import together
from nodemem.heap.findings.attribution import Kept
from nodemem.heap.findings.pairing import Pairing, pair, resized
from nodemem.heap.findings.suspects import (
    Suspect,
    alike_holders,
    by_user,
    holder_of,
    holds,
    is_general,
    joined,
    suspect_of,
)
from nodemem.heap.naming.contents import Group, content_of, groups, held, kind_of
from nodemem.heap.naming.holders import Holder, describe, list_head, referred_as
from nodemem.heap.naming.names import Names

FEWEST = 10
"""Fewer new objects of one class at one holder are not looked into."""
_MOST_HOLDERS = 40
_MOST_ALIKE = 20_000
_FEWEST_ALIKE = 5
_LONGEST_PERIOD = 8
_LINKED = 0.3
_LEAST_DEPTH = 3
_EXAMPLES = 20
_SAMPLE = 200
_LEAST_OWN = 10_000
_DEEPEST_TREE = 64
_NESTED = ("object", "concatenated string")


@dataclass(frozen=True)
class GrowthPoint:
    """One holder that keeps new objects. `suspect` describes it as it is in the later snapshot.

    `added` objects are new; of the `earlier` ones of the same class that were there before,
    `removed` are gone (one that took the place of a removed one and has its content is neither);
    `added_bytes` are shallow sizes of all that is new below the holder; `own_bytes` is by how
    much the holder itself grew; `net_bytes` is the growth of its retained size. `user` says
    whether the program's own code has to do with it; `examples` are ordinals of some new objects.
    """

    suspect: Suspect
    added: int
    earlier: int
    removed: int
    added_bytes: int
    own_bytes: int
    net_bytes: int
    user: bool
    examples: tuple[int, ...]


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


def growth(
    before: Snapshot,
    after: Snapshot,
    names: Names | None = None,
    *,
    middle: Snapshot | None = None,
) -> Growth:
    """See the module. All must be of one process (`pairing.same_process`). With `middle`, taken
    between the two, new is only what was there then already; see `pairing.pair`."""
    names = names or Names(after)
    pairing = pair(before, after, middle)
    old_sizes, sizes = before.graph.shallow_sizes, after.graph.shallow_sizes
    grown = resized(before, after, pairing)
    kept = Kept(names, pairing)
    points = _Points(before, names, pairing, kept, dict(grown)).found()
    return Growth(
        points=points,
        total_before=before.retained_size(0),
        total_after=after.retained_size(0),
        new_count=len(pairing.new),
        new_bytes=sum(map(sizes.__getitem__, pairing.new)),
        gone_count=len(pairing.gone),
        gone_bytes=sum(map(old_sizes.__getitem__, pairing.gone)),
        survivor_bytes=sum(by for _, by in grown),
        grown=sorted(grown, key=lambda item: (-abs(item[1]), item[0])),
        classes=_new_classes(names, pairing.new),
    )


class _Points:
    """Turns new objects by keeper into growth points by holder."""

    def __init__(
        self,
        before: Snapshot,
        names: Names,
        pairing: Pairing,
        kept: Kept,
        grown: dict[int, int],
    ) -> None:
        self._before = Names(before)
        self._names, self._pairing, self._kept, self._grown = names, pairing, kept, grown
        self._gone = frozenset(pairing.gone)
        self._described: dict[int, Holder] = {}

    def found(self) -> list[GrowthPoint]:
        by_bytes = Counter(self._kept.bytes)
        for ordinal, by in self._grown.items():
            if by > 0 and self._names.shown(ordinal):
                by_bytes[ordinal] += by
        points: dict[tuple[int, str], GrowthPoint] = {}
        alike = list(self._alike(by_bytes))
        grouped = {keeper for keepers in alike for keeper in keepers}
        for point in map(self._of_many, alike):
            if point is not None:
                points[point.suspect.holder.ordinal, point.suspect.class_name] = point
        alone = (keeper for keeper, _ in by_bytes.most_common() if keeper not in grouped)
        for keeper in islice(alone, _MOST_HOLDERS):
            for point in self._at(keeper):
                key = (point.suspect.holder.ordinal, point.suspect.class_name)
                if key not in points or points[key].added < point.added:
                    points[key] = point
        found = together(
            filter(_matters, points.values()), lambda p: alike_holders(p.suspect), _joined
        )
        return sorted(found, key=lambda p: (-p.added_bytes - p.own_bytes, p.suspect.holder.ordinal))

    def _alike(self, by_bytes: Counter[int]) -> Iterator[list[int]]:
        """Keepers of one class that are referred to by one name, where there are several and
        none has the most of it: the arrays of messages of many rooms."""
        names, pieces = self._names, self._kept.pieces
        groups_of: dict[Hashable, list[int]] = {}
        for keeper, _ in by_bytes.most_common(_MOST_ALIKE):
            if keeper in pieces and not is_general(names, keeper):
                signature = (kind_of(names, keeper), referred_as(names, keeper))
                groups_of.setdefault(self._tree(keeper) or signature, []).append(keeper)
        for keepers in groups_of.values():
            counts = [len(pieces[keeper]) for keeper in keepers]
            if len(keepers) >= _FEWEST_ALIKE and max(counts) < sum(counts) / 2:
                yield keepers

    def _tree(self, keeper: int) -> int | None:
        """What holds the topmost of the nodes of which a tree is made, when the new objects at a
        keeper are such nodes, or the keeper is one: objects of a class below others of it."""
        names, dominators = self._names, self._names.snapshot.graph.tree.dominators
        nodes = [keeper, *self._kept.pieces[keeper][:1]]
        kinds = {kind_of(names, node) for node in nodes if names.by_user(node)}
        top, node = None, keeper
        for _ in range(_DEEPEST_TREE):
            if kind_of(names, node) in kinds:
                top = node
            node = dominators[node]
            if not node:
                break
        if top is None or top == keeper:
            return None
        while top and not names.shown(holder := dominators[top]):
            top = holder
        return None if is_general(names, holder) else holder

    def _of_many(self, keepers: list[int]) -> GrowthPoint | None:
        """One growth point for alike keepers, told of the one that keeps most; for those of one
        tree, told of what holds the tree."""
        kept, names = self._kept, self._names
        tree = self._tree(keepers[0])
        pieces = [o for keeper in keepers for o in kept.pieces[keeper] if names.visible(o)]
        if tree is not None:
            pieces += [o for keeper in keepers for o in kept.inside.get(keeper, [])]
        found = [group for group in groups(names, pieces) if group.count >= FEWEST]
        if tree is not None:
            found.sort(key=lambda group: group.place is None)
        if not found:
            return None
        added_bytes = sum(kept.bytes[keeper] for keeper in keepers)
        if tree is not None:
            return self._point(tree, found[0], added_bytes, scattered=True)
        return self._point(keepers[0], found[0], added_bytes, together=keepers)

    def _at(self, keeper: int) -> Iterator[GrowthPoint]:
        names = self._names
        general = is_general(names, keeper)
        pieces = [o for o in self._kept.pieces.get(keeper, []) if names.visible(o)]
        direct = [group for group in groups(names, pieces) if group.count >= FEWEST]
        if direct and not general:
            yield self._point(keeper, direct[0], self._kept.bytes[keeper])
            return
        inside = [o for o in self._kept.inside.get(keeper, []) if names.visible(o)]
        points = list(self._scattered(keeper, direct, [*pieces, *inside]))
        yield from points
        own = self._grown.get(keeper, 0)
        if own > 0 and not general and not points:
            alone = groups(names, [keeper])[0]
            yield self._point(keeper, alone, self._kept.bytes[keeper], alone=True)

    def _scattered(self, keeper: int, direct: list[Group], new: list[int]) -> Iterator[GrowthPoint]:
        """Growth at objects that are new themselves, or that share what they hold: the array that
        was replaced by a longer copy, the list with a new head, the two Maps of one session."""
        names = self._names
        nested = [
            group
            for group in groups(names, new)
            if group.count >= FEWEST and names.snapshot.node_type(group.members[0]) in _NESTED
        ]
        # Functions are told where each keeps the next one; else what they keep tells more.
        chained = [
            group
            for group in groups(names, new)
            if group.count >= FEWEST and names.is_closure(group.members[0]) and self._is_list(group)
        ]
        told: set[int] = set()
        for group in direct + nested + chained:
            if not told.isdisjoint(group.members) or self._below(group, told):
                continue
            found = holder_of(names, group.members)
            linked = found is None or names.class_name(found) == group.class_name
            if found is not None and not linked and holds(names, found):
                yield self._point(found, group, group.retained, scattered=True)
            elif linked and self._is_list(group):
                head = list_head(names, self._first(group))
                yield self._point(head, group, self._kept.bytes[keeper], listed=True)
            else:
                continue
            told.update(group.members)

    def _below(self, group: Group, others: set[int]) -> bool:
        """Whether most of a group is kept by others: then it is no growth of its own."""
        dominators = self._names.snapshot.graph.tree.dominators
        sample = group.members[:: max(1, group.count // _SAMPLE)][:_SAMPLE]
        below = 0
        for node in sample:
            for _ in range(_LONGEST_PERIOD):
                node = dominators[node]
                if node in others:
                    below += 1
                    break
        return 2 * below > len(sample)

    def _point(
        self,
        ordinal: int,
        group: Group,
        added_bytes: int,
        *,
        listed: bool = False,
        alone: bool = False,
        scattered: bool = False,
        together: Sequence[int] = (),
    ) -> GrowthPoint:
        names, holders = self._names, together or [ordinal]
        if ordinal not in self._described:
            self._described[ordinal] = describe(names, ordinal)
        holder = self._described[ordinal]
        retained = sum(map(names.snapshot.retained_size, holders))
        before = self._before.snapshot
        olds = [self._pairing.old[one] for one in holders]
        known = sum(before.retained_size(old) for old in olds if old > 0)
        anywhere = listed or scattered or min(olds) <= 0
        earlier, removed, replaced = (
            (0, 0, 0) if alone else self._earlier(group, [] if anywhere else olds)
        )
        return GrowthPoint(
            suspect=suspect_of(
                names, holder, group, retained, retained, listed=listed, holders=len(holders)
            ),
            added=0 if alone else max(0, group.count - replaced),
            earlier=earlier,
            removed=removed - replaced,
            added_bytes=added_bytes,
            own_bytes=sum(max(0, self._grown.get(one, 0)) for one in holders),
            net_bytes=retained - known,
            user=by_user(names, holder, group),
            examples=() if alone else tuple(group.members[:_EXAMPLES]),
        )

    def _earlier(self, group: Group, olds: list[int]) -> tuple[int, int, int]:
        """Objects of the group's class that the holders had before; how many of them are gone;
        and for how many of those only the wrapper was replaced: what they were about lives on, as
        with a timer that starts the next one. Without holders, those of the whole heap."""
        before = self._before
        kind, _ = kind_of(self._names, group.members[0])
        text = before.snapshot.find_string(self._names.name(group.members[0]))
        wanted = kind_of(self._names, group.members[0])
        if wanted[1] >= 0:
            wanted = (kind, -1 if text is None else text)
        candidates: Iterable[int] = range(before.snapshot.node_count)
        if olds:
            candidates = (o for old in olds for o in held(before, old))
        alike = [o for o in candidates if kind_of(before, o) == wanted]
        gone = [o for o in alike if o in self._gone]
        return len(alike), len(gone), self._replaced(gone)

    def _replaced(self, gone: list[int]) -> int:
        sample = gone[:: max(1, len(gone) // _SAMPLE)][:_SAMPLE]
        contents = (content_of(self._before, one) for one in sample)
        alive = sum(c is not None and c not in self._gone for c in contents)
        return round(len(gone) * alive / len(sample)) if sample else 0

    def _is_list(self, group: Group) -> bool:
        """Whether most objects of a group are below another of it, each below its own: links."""
        dominator = self._names.snapshot.graph.tree.dominators
        members = set(group.members)
        above: dict[int, int] = {}
        for ordinal in group.members:
            node = ordinal
            for _ in range(_LONGEST_PERIOD):
                node = dominator[node]
                if node in members:
                    above[ordinal] = node
                    break
        deep = set(above.values())
        for _ in range(_LEAST_DEPTH):  # an array in an array is no list yet
            deep = {above[node] for node in deep if node in above}
        return len(deep) >= _LINKED * group.count

    def _first(self, group: Group) -> int:
        places = self._names.snapshot.graph.tree_places
        return min(group.members, key=places.__getitem__)


def _matters(point: GrowthPoint) -> bool:
    """Objects of Node.js that fill up a little are in every comparison."""
    return point.added > 0 or point.own_bytes >= _LEAST_OWN


def _joined(points: Sequence[GrowthPoint]) -> GrowthPoint:
    """One point for several with alike holders."""
    most = max(points, key=lambda p: (p.added > 0, p.added_bytes + p.own_bytes))
    adding = [p for p in points if p.added] or points
    counted = adding
    if most.suspect.kind == "listeners":
        # What an emitter keeps is told once for each event and once for all of them.
        counted = [most]
    holders = {p.suspect.holder.ordinal: p for p in points}.values()
    net = {p.suspect.holder.ordinal: p for p in counted}.values()
    return replace(
        most,
        suspect=joined([p.suspect for p in adding]),
        added=sum(p.added for p in counted),
        earlier=sum(p.earlier for p in counted),
        removed=sum(p.removed for p in counted),
        added_bytes=sum(p.added_bytes for p in points),
        own_bytes=sum(p.own_bytes for p in holders),
        net_bytes=sum(p.net_bytes for p in net),
        user=any(p.user for p in points),
    )


def _new_classes(names: Names, new: memoryview) -> list[tuple[str, int, int]]:
    sizes = names.snapshot.graph.shallow_sizes
    by_kind: dict[tuple[int, int], list[int]] = {}
    for ordinal in new:
        by_kind.setdefault(kind_of(names, ordinal), []).append(ordinal)
    merged: dict[str, tuple[int, int]] = {}
    for some in by_kind.values():
        name = names.class_name(some[-1])
        count, size = merged.get(name, (0, 0))
        merged[name] = (count + len(some), size + sum(map(sizes.__getitem__, some)))
    rows = [(name, count, size) for name, (count, size) in merged.items()]
    return sorted(rows, key=lambda row: (-row[2], -row[1], row[0]))
