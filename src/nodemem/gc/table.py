"""Collections as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nodemem.gc.statistics import KINDS, Statistics
from nodemem.records import GcEvent, MemorySample
from nodemem.results import Column, Table

_COLUMNS = (
    Column("start", unit="s"),
    Column("kind", role="kind"),
    Column("collector"),
    Column("cause"),
    Column("collector_cause"),
    Column("pause_ms", unit="ms"),
    Column("cpu_ms", unit="ms"),
    Column("callbacks_ms", unit="ms"),
    Column("used_before", unit="bytes"),
    Column("used_after", unit="bytes"),
    Column("size_before", unit="bytes"),
    Column("size_after", unit="bytes"),
    Column("external_before", unit="bytes"),
    Column("external_after", unit="bytes"),
    Column("promoted", unit="bytes"),
    Column("survived", unit="bytes"),
    Column("allocated", unit="bytes"),
    Column("survival", unit="share"),
    Column("new_capacity", unit="bytes"),
    Column("old_limit", unit="bytes"),
    Column("global_limit", unit="bytes"),
    Column("heap_limit", unit="bytes"),
    Column("steps", unit="count"),
    Column("steps_ms", unit="ms"),
    Column("longest_step_ms", unit="ms"),
    Column("marking_ms", unit="ms"),
    Column("utilization", unit="share"),
    Column("average_utilization", unit="share"),
    Column("reduce"),
    Column("forced"),
    Column("isolate"),
    Column("thread"),
    Column("pid", role="pid"),
)
_OF_TIME = {
    "start": "time",
    "pause_ms": "pause",
    "cpu_ms": "cpu",
    "callbacks_ms": "callbacks",
    "steps_ms": "steps_time",
    "longest_step_ms": "longest_step",
    "marking_ms": "marking_time",
}
_SPACE_PARTS = ("used_before", "used_after", "size_before", "size_after")


def events_table(events: Iterable[GcEvent], summary: dict[str, Any] | None = None) -> Table:
    """One row an event: the fields of `GcEvent`, `start` in seconds, durations in milliseconds.

    Behind them, four columns for each heap space that any event knows of, e.g.
    `old_space_used_before`.
    """
    kept = list(events)
    spaces = list(dict.fromkeys(space.name for event in kept for space in event.spaces))
    columns = _COLUMNS + tuple(
        Column(f"{name}_{part}", unit="bytes") for name in spaces for part in _SPACE_PARTS
    )
    return Table(columns, [_row(event, spaces) for event in kept], summary=summary or {})


def _row(event: GcEvent, spaces: list[str]) -> tuple[Any, ...]:
    values = [_value(event, column.key) for column in _COLUMNS]
    if spaces:
        known = {space.name: space for space in event.spaces}
        for name in spaces:
            space = known.get(name)
            values += [None if space is None else getattr(space, part) for part in _SPACE_PARTS]
    return tuple(values)


def _value(event: GcEvent, key: str) -> Any:
    value = getattr(event, _OF_TIME.get(key, key))
    if key in _OF_TIME and value is not None:
        return round(value if key == "start" else value * 1000, 6)
    return value


def in_short(table: Table) -> Table:
    """The columns of `events_table` that fit a terminal, without those that the source does not
    tell; what survived gives way to the processor's time."""
    untold = {key for key in _OF_SOME if all(value is None for value in table.values(key))}
    if "cpu_ms" not in untold:
        untold.add("survived")
    return table.select(*(key for key in _SHORT if key not in untold))


_SHORT = (
    "start",
    "kind",
    "pause_ms",
    "cpu_ms",
    "used_before",
    "used_after",
    "promoted",
    "survived",
    "allocated",
    "cause",
)
_OF_SOME = ("cpu_ms", "promoted", "survived")


def collected_table(isolates: Sequence[tuple[int, Sequence[MemorySample]]]) -> Table:
    """Isolates by `threadId`, each with samples before, right after, and a second after it was
    collected: a row a figure, bytes. RSS is that of the process, before the first and after the
    last."""
    figures = ("heap_used", "heap_total", "external", "array_buffers")
    rows: list[tuple[object, ...]] = [
        (thread, figure, *(getattr(sample, figure) for sample in samples))
        for thread, samples in isolates
        for figure in figures
    ]
    first, last = isolates[0][1], isolates[-1][1]
    rows.append((None, "rss", first[0].rss, last[1].rss, last[2].rss))
    return Table(
        (
            Column("thread"),
            Column("figure", role="name"),
            *(Column(key, unit="bytes") for key in ("before", "after", "after_a_second")),
        ),
        rows,
    )


def pauses_table(statistics: Statistics) -> Table:
    """Rows `kind, count, total_ms, p50_ms, p95_ms, p99_ms, max_ms, cpu_ms` of the kinds met."""
    names = ("total", "p50", "p95", "p99", "max")
    records = []
    for kind in KINDS:
        pauses, cpu = statistics.pauses[kind], statistics.cpu[kind].value
        if pauses.count or kind in ("minor", "major"):
            figures = pauses.to_data()
            known = [figures[name] if pauses.count else None for name in names]
            records.append((kind, pauses.count, *known, None if cpu is None else cpu / 1e6))
    return Table(
        (
            Column("kind", role="kind"),
            Column("count", unit="count"),
            *(Column(f"{name}_ms", unit="ms") for name in names),
            Column("cpu_ms", unit="ms"),
        ),
        records,
    )


def triggers_table(statistics: Statistics) -> Table:
    """Rows `kind, cause, count, pause_ms`, the most frequent first."""
    return Table(
        (
            Column("kind", role="kind"),
            Column("cause", role="name"),
            Column("count", unit="count"),
            Column("pause_ms", unit="ms"),
        ),
        [
            (kind, cause, one.count, one.pause * 1000)
            for (kind, cause), one in statistics.ordered_triggers()
        ],
    )


def longest_table(statistics: Statistics) -> Table:
    """The longest pauses, each with what is known of it."""
    table = events_table(statistics.longest_events())
    return table.select(
        "start", "kind", "pause_ms", "cpu_ms", "used_before", "used_after", "promoted", "cause"
    )


def isolates_table(isolates: list[Statistics]) -> Table:
    """A row an isolate: who, how many collections, how much time they took."""
    return Table(
        (
            Column("isolate", role="name"),
            Column("pid", role="pid"),
            Column("minor", unit="count"),
            Column("major", unit="count"),
            Column("pause_ms", unit="ms"),
            Column("gc_share", unit="share"),
            Column("allocated_bytes", unit="bytes"),
            Column("live_bytes", unit="bytes"),
        ),
        [
            (
                isolate_name(one),
                one.pid,
                one.pauses["minor"].count,
                one.pauses["major"].count,
                one.paused_total * 1000,
                one.share,
                one.allocated.value,
                one.live.last,
            )
            for one in isolates
        ],
    )


def isolate_name(statistics: Statistics) -> str | None:
    """`main`, `worker 3`, or the isolate's address."""
    if statistics.thread is not None:
        return f"worker {statistics.thread}" if statistics.thread else "main"
    return statistics.isolate
