"""Constructor groups: the rows of DevTools' Summary, right by default, to the number on request.

Groups are numbered; a column over nodes says which group each belongs to. What the default does
differently from DevTools stands in docs/concepts/devtools-differences.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nodemem.errors import UsageError
from nodemem.heap.engine.columns import CLOSURE, CODE, HIDDEN, REGEXP
from nodemem.heap.engine.graph import SYSTEM_DISTANCE, UNREACHED
from nodemem.heap.engine.interfaces import Definition
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.threads import side_by_side
from nodemem.kernels import load

if TYPE_CHECKING:
    from nodemem.heap.engine.snapshot import Snapshot
    from nodemem.results import Table

_TYPE_LABELS = {
    HIDDEN: "(system)",
    CODE: "(compiled code)",
    CLOSURE: "Function",
    REGEXP: "RegExp",
}
_FAR = 0x7FFFFFFF


class Location(NamedTuple):
    """Of a constructor; line and column count from 0, as in the file."""

    script_id: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ClassGroup:
    """One row. `key` names the group across snapshots of one process. `retained` and `distance`
    are None where they were not asked for or are not known."""

    key: str
    label: str
    location: Location | None
    number: int
    count: int
    shallow: int
    retained: int | None
    distance: int | None


class Assignment(NamedTuple):
    """`groups[o]` is the number of the group of node o; the lists are by number. `kinds` has the
    type that makes a group, None where a name does."""

    groups: memoryview
    labels: list[str]
    kinds: list[str | None]
    locations: list[Location | None]

    def key(self, number: int, compat: str | None) -> str:
        """What the group is called across snapshots. DevTools does not tell closures from objects
        that are named Function."""
        location, kind = self.locations[number], self.kinds[number]
        place = "" if location is None else f"{location[0]},{location[1]},{location[2]}"
        prefix = "" if kind is None or compat else f"{kind}:"
        return f"{prefix}{place},{self.labels[number]}"


class Grouping(NamedTuple):
    """`groups` are those that show, in the order of their first nodes."""

    assignment: Assignment
    groups: list[ClassGroup]


def check_compat(compat: str | None) -> None:
    """Raises UsageError for a word that is not known."""
    if compat not in (None, "devtools"):
        raise UsageError(f"compat is 'devtools' or nothing, not {compat!r}")


def assign_groups(snapshot: Snapshot, definitions: list[Definition]) -> Assignment:
    """The group of every node; plain objects by `definitions`, which may be another snapshot's."""
    columns, strings, n = snapshot.columns, snapshot.strings, snapshot.node_count
    kernel = load("classes")
    slots = len(strings) + 256
    groups, slot_of = zeros("I", n), zeros("I", slots)
    count = kernel.by_name(
        n, columns.types, columns.names, len(strings), zeros("I", slots), slot_of, groups
    )
    labels: list[str] = []
    kinds: list[str | None] = []
    new = zeros("I", count)
    # Elements are one class by tag, whatever their attributes.
    elements: dict[str, int] = {}
    for number, slot in enumerate(slot_of[:count]):
        new[number] = number
        if slot >= len(strings):
            kinds.append(snapshot.header.meta.node_types[slot - len(strings)])
            label = _TYPE_LABELS.get(slot - len(strings)) or f"({kinds[-1]})"
        else:
            kinds.append(None)
            label = strings[slot]
            if label.startswith(("<", "Detached <")):
                label = _element_label(label)
                new[number] = elements.setdefault(label, number)
        labels.append(label)
    if elements:
        kernel.rename(n, new, groups)
    labels += snapshot.plain_objects.classify(definitions, len(labels), groups)
    kinds += [None] * (len(labels) - count)
    locations: list[Location | None] = [None] * len(labels)
    records = columns.locations
    if len(records):
        located = len(records) // 4
        example, former = zeros("I", located), zeros("I", located)
        table = zeros("I", 1 << (2 * located).bit_length())
        found = kernel.by_location(
            columns.types, records, len(labels), table, example, former, groups
        )
        for record, old in zip(example[:found], former[:found], strict=True):
            labels.append(labels[old])
            kinds.append(None)
            locations.append(Location(*records[4 * record + 1 : 4 * record + 4]))
    return Assignment(groups, labels, kinds, locations)


def _element_label(name: str) -> str:
    """`<div id="a">` -> `<div>`."""
    blank = name.find(" ", 10 if name.startswith("Detached <") else 0)
    return name if blank < 0 else name[:blank] + ">"


def group_nodes(
    snapshot: Snapshot,
    compat: str | None = None,
    *,
    retained: bool = True,
    definitions: list[Definition] | None = None,
) -> Grouping:
    """All groups with their sums; `retained=False` spares dominators and distances. Plain objects
    are named by `definitions`, by default the snapshot's own.

    With `compat="devtools"` sizes count modulo 2**32, an unreachable node makes its group's
    distance -5, and of groups with one key only the last shows.
    """
    check_compat(compat)
    exact = compat is None
    graph, n = snapshot.graph, snapshot.node_count
    kernel = load("classes")

    def assign() -> Assignment:
        return assign_groups(snapshot, snapshot.definitions if definitions is None else definitions)

    assignment = graph.work_out(assign) if retained else assign()
    if retained:
        node_sizes = graph.retained_sizes if exact else graph.wrapped_retained_sizes
        distances = graph.distances
    snapshot.release_pages()
    groups, total = assignment.groups, len(assignment.labels)
    sizes = graph.shallow_sizes if exact else graph.wrapped_sizes
    words, width = sizes.cast("B").cast("I"), sizes.itemsize // 4
    counts, shallow, first = zeros("I", total), zeros("Q", total), zeros("I", total)
    held, hops = zeros("Q", total), zeros("i", total)

    def tally() -> None:
        kernel.tally(n, groups, words, width, counts, shallow, first)
        if retained:
            for number in range(total):
                hops[number] = _FAR
            kernel.nearest(n, groups, words, width, distances, 0 if exact else UNREACHED, hops)

    def hold() -> None:
        if retained:
            tree = graph.tree
            kernel.retained(
                n, tree.preorder, tree.subtree, groups, words, width,
                node_sizes.cast("B").cast("I"), node_sizes.itemsize // 4, zeros("I", total), held,
            )  # fmt: skip

    side_by_side(tally, hold)
    shown: dict[object, ClassGroup] = {}
    for number in sorted(filter(counts.__getitem__, range(total)), key=first.__getitem__):
        key = assignment.key(number, compat)
        far = hops[number] >= SYSTEM_DISTANCE and exact
        shown[number if exact else key] = ClassGroup(
            key=key,
            label=assignment.labels[number],
            location=assignment.locations[number],
            number=number,
            count=counts[number],
            shallow=shallow[number],
            retained=held[number] if retained else None,
            distance=None if far or not retained else hops[number],
        )
    return Grouping(assignment, list(shown.values()))


def class_groups(snapshot: Snapshot, compat: str | None = None) -> list[ClassGroup]:
    """The groups of `group_nodes`, which an index remembers."""
    check_compat(compat)
    found = snapshot.remembered(f"classes {compat}", lambda: group_records(snapshot, compat))
    return [
        ClassGroup(key, label, None if location is None else Location(*location), *rest)
        for key, label, location, *rest in found
    ]


def group_records(snapshot: Snapshot, compat: str | None) -> list[tuple[Any, ...]]:
    """The fields of each `ClassGroup`, worked out anew."""
    return [
        (g.key, g.label, g.location, g.number, g.count, g.shallow, g.retained, g.distance)
        for g in group_nodes(snapshot, compat).groups
    ]


def class_table(snapshot: Snapshot, compat: str | None = None) -> Table:
    """`class, count, shallow, retained, distance`, the largest retained size first."""
    from nodemem.results import Column, Table

    groups = class_groups(snapshot, compat)
    records = [(g.label, g.count, g.shallow, g.retained or 0, g.distance) for g in groups]
    records.sort(key=lambda record: (-record[3], record[0], -record[1]))
    return Table(
        columns=(
            Column("class", role="class"),
            Column("count", unit="count"),
            Column("shallow", unit="bytes"),
            Column("retained", unit="bytes"),
            Column("distance", unit="hops"),
        ),
        records=records,
    )
