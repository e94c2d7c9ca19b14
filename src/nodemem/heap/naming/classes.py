"""The classes of a heap, with where each is written and what it is called there."""

from __future__ import annotations

from nodemem.heap.classes import ClassGroup, class_groups
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import Column, Table

CLASS_COLUMNS = (
    Column("class", role="class"),
    Column("count", unit="count"),
    Column("shallow", unit="bytes"),
    Column("retained", unit="bytes"),
    Column("distance", unit="hops"),
    Column("original", role="class"),
    Column("source", role="source"),
    Column("generated", role="source"),
)


def located_classes(snapshot: Snapshot, compat: str | None = None) -> Table:
    """Rows `class, count, shallow, retained, distance, original, source, generated`, the largest
    retained size first.

    `class` is V8's name. `source` is the constructor of a class of the program, `generated` the
    place in the script that V8 ran where a source map led from there to `source`, and `original`
    the name in the source where it is another. Sizes are bytes. With `compat="devtools"` the
    figures are those of Chrome DevTools.

    Raises:
        UsageError: `compat` is another word.
    """
    names = Names(snapshot)
    records = [
        (g.label, g.count, g.shallow, g.retained or 0, g.distance, *_origin(names, g))
        for g in class_groups(snapshot, compat)
    ]
    records.sort(key=lambda record: (-record[3], record[0], -record[1]))
    return Table(CLASS_COLUMNS, records)


def _origin(names: Names, group: ClassGroup) -> tuple[str | None, str | None, str | None]:
    if group.location is None:
        return None, None, None
    place = names.locations.at(*group.location)
    if place is None or not place.user:
        return None, None, None
    original = names.original_name(group.label, *group.location)
    other = original if original != group.label else None
    return other, str(place), place.generated_text
