"""Classes over several snapshots, in the order given.

Objects are not matched: a class is, by its name and the place of its constructor. So the files may
be of different processes, of one release or several deployments of the same program.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.classes import located_classes
from nodemem.results import SILENT, Column, Progress, Table

COLUMNS = (
    Column("class", role="class"),
    Column("counts"),
    Column("growth", unit="count"),
    Column("rises", unit="count"),
    Column("grown_bytes", unit="bytes"),
    Column("shallow", unit="bytes"),
    Column("retained", unit="bytes"),
    Column("source", role="source"),
)
_SHOWN = 6

_Key = tuple[str, str | None]
_Figures = tuple[int, int, int]
_NONE: _Figures = (0, 0, 0)


def trend(snapshots: Sequence[Snapshot], progress: Progress = SILENT) -> Table:
    """A row for each class whose count or bytes differ between the first snapshot and the last,
    what grew most first.

    `counts` are the numbers of objects in each snapshot, `rises` says how often that number was
    greater than in the one before; `growth` and `grown_bytes` (shallow) are last minus first;
    `shallow` and `retained` are bytes in the last.
    """
    progress.phase("classes", len(snapshots), "snapshots")
    seen: list[dict[_Key, _Figures]] = []
    for done, snapshot in enumerate(snapshots, 1):
        seen.append(_by_class(snapshot))
        progress.update(done)
    keys = dict.fromkeys(key for figures in reversed(seen) for key in figures)
    records = [_record(key, [figures.get(key, _NONE) for figures in seen]) for key in keys]
    changed = [record for record in records if record[2] or record[4]]
    changed.sort(key=lambda record: (-record[4], -record[2], record[0]))
    totals = [sum(shallow for _, shallow, _ in figures.values()) for figures in seen]
    return Table(
        COLUMNS,
        changed,
        summary={
            "snapshots": len(seen),
            "total_before": totals[0],
            "total_after": totals[-1],
        },
    )


def _by_class(snapshot: Snapshot) -> dict[_Key, _Figures]:
    """Count, shallow and retained size by class. Classes that look alike are one: two copies of a
    module, or one whose line is not known."""
    figures: dict[_Key, _Figures] = {}
    for row in located_classes(snapshot).iter_rows():
        key = (row["original"] or row["class"], row["source"])
        count, shallow, retained = figures.get(key, _NONE)
        figures[key] = (
            count + row["count"],
            shallow + row["shallow"],
            max(retained, row["retained"]),
        )
    return figures


def _record(
    key: _Key, figures: Sequence[_Figures]
) -> tuple[str, str, int, int, int, int, int, str | None]:
    counts = [count for count, _, _ in figures]
    shown = counts if len(counts) <= _SHOWN else [counts[0], *counts[1 - _SHOWN :]]
    texts = [f"{count:,}" for count in shown]
    if len(shown) < len(counts):
        texts.insert(1, "…")
    (_, shallow_before, _), (_, shallow, retained) = figures[0], figures[-1]
    return (
        key[0],
        " → ".join(texts),
        counts[-1] - counts[0],
        sum(later > earlier for earlier, later in pairwise(counts)),
        shallow - shallow_before,
        shallow,
        retained,
        key[1],
    )
