"""nodemem explain [TOPIC [TARGET]]"""

from __future__ import annotations

from typing import Any

import click

from nodemem.cli._frame import Output, verb

_WATCHED = 5.0  # seconds for the collections of a process
_DIGITS = 20  # no process id is longer; Python refuses to read thousands of them


@verb(
    "explain",
    example=[
        "nodemem explain",
        "nodemem explain usage 4242",
        "nodemem explain strings a.heapsnapshot",
        "nodemem explain leaks --lang ko",
    ],
)
@click.argument("topic", required=False)
@click.argument("target", required=False, metavar="[PID|FILE]")
def command(out: Output, topic: str | None, target: str | None) -> None:
    """A concept in plain words; with a PID, with the numbers of that process.

    Topics are memory-structure, code-segment, data-segment, heap-segment, stack-segment, rss,
    usage, snapshot, retained-size, leaks, attach, inspect, garbage-collection, minor-gc, major-gc,
    heap-limit and flags; and object-graph, shallow-size, dominators, distance, closures and
    strings, which take the FILE of a heap snapshot instead of a PID. Without a topic they are
    listed. To read a process's numbers it is attached to for a moment, for collections five
    seconds, and left as it was found; PID may also be the host:port or ws:// address of an open
    inspector. For memory-structure, the segments, rss, attach, inspect, heap-limit and flags it is
    not touched at all. Where the output is no terminal, a page is Markdown.
    """
    from nodemem.render import topics

    if topic is None:
        out.emit(_topics(out), subject={})
        return
    values = None
    if target is not None and topic in topics.MAP_TOPICS:
        values = _in_map(out, target, topic)
    elif target is not None and topic in topics.TOPICS:
        values = _own(target, topic)
    page = topics.explain(topic, out.texts, values)
    if out.json:
        data = {"topic": page.topic, "title": page.title, "body": page.body, "values": values}
        known = ("pid", "version", "file")
        subject = {key: values[key] for key in known if key in values} if values else {}
        out.write(out.envelope(data, subject))
    elif out.format == "text":
        out.write(topics.page_to_text(page, color=out.color))
    else:
        out.write(page.body)


def _topics(out: Output) -> Any:
    from nodemem.render.topics import TOPICS
    from nodemem.results import Column, Table

    return Table(
        columns=(Column("topic", role="name"), Column("summary")),
        records=[(topic, out.texts(f"explain.topic.{topic}")) for topic in TOPICS],
    )


def _own(target: str, topic: str) -> dict[str, Any]:
    """The numbers of one process or snapshot, in bytes and seconds; see `render.topics.VALUES`."""
    from nodemem.render.topics import SNAPSHOT_TOPICS

    if topic in SNAPSHOT_TOPICS:
        return _in_snapshot(target, topic)
    if topic in ("memory-structure", "attach", "inspect", "heap-limit", "flags"):
        pid = _process_id(target)
        if topic in ("heap-limit", "flags"):
            return _limits(pid)
        if topic == "memory-structure":
            return _structure(pid)
        from nodemem.api.doctor import standing

        return standing(pid)
    from nodemem.api.gc import gc_facts
    from nodemem.api.node import attach
    from nodemem.render.topics import GC_TOPICS

    with attach(int(target) if target.isdigit() else target) as node:
        seen = gc_facts(node, _WATCHED) if topic in GC_TOPICS else {}
        facts, memory = node.facts(), node.memory_usage()
        forecast = node.forecast_snapshot() if topic == "snapshot" else None
    return seen | {
        "pid": facts.pid,
        "version": facts.version,
        "script": facts.script,
        "rss": memory.rss,
        "heap_total": memory.heap_total,
        "heap_used": memory.heap_used,
        "external": memory.external,
        "array_buffers": memory.array_buffers,
        "heap_limit": memory.heap_limit,
        "container_limit": facts.limit,
        "workers": len(memory.workers),
        "rest": memory.rss - memory.heap_total - memory.external,
        "pause_low": forecast and forecast.pause.low,
        "pause_high": forecast and forecast.pause.high,
        "extra_low": forecast and forecast.extra_rss.low,
        "extra_high": forecast and forecast.extra_rss.high,
    }


def _process_id(target: str) -> int:
    """
    Raises:
        UsageError: `target` is no process id; what is read from outside is read on this host.
    """
    from nodemem.errors import UsageError

    if not target.isdecimal() or len(target) > _DIGITS:
        raise UsageError(
            f"'{target[:80]}' is no process id",
            why="this page is filled from /proc on this host",
            next="nodemem ps lists processes",
        )
    return int(target)


def _structure(pid: int) -> dict[str, Any]:
    """The memory of a process that is not touched, in bytes."""
    from nodemem.api.triage import glance

    facts, sample = glance(pid)
    resident = sample.resident
    keys = ("code", "data", "v8", "c_heap", "stacks", "shared")
    parts = {key: getattr(resident, key) for key in keys}
    known = None not in parts.values()
    return {
        "pid": facts.pid,
        "version": facts.version,
        "script": facts.script,
        "rss": resident.rss,
        **parts,
        "other": resident.rss - sum(parts.values()) if known else None,
        "threads": sample.threads,
        "page_tables": resident.page_tables,
    }


def _limits(pid: int) -> dict[str, Any]:
    """The heap limits of a process that is not touched, in bytes."""
    from nodemem.api.limits_running import limits

    found = limits(pid)
    heap, facts, advice = found.limits, found.facts, found.recommendation
    return {
        "pid": pid,
        "version": facts and facts.version,
        "script": facts and facts.script,
        "heap_limit": heap.heap_size_limit,
        "old_limit": heap.max_old_space_size,
        "semi_limit": heap.max_semi_space_size,
        "semi_least": heap.min_semi_space_size,
        "young_limit": heap.young_generation_size,
        "told_memory": heap.memory,
        "container_limit": found.container,
        "v8": found.outside.heap,
        "options": " ".join(found.options) or None,
        "recommended": " ".join(advice.flags.words()) if advice and advice.flags else None,
        "ends": found.ending.first,
    }


def _in_map(out: Output, target: str, topic: str) -> dict[str, Any]:
    """The parts of one segment, or all segments, with their names in the reader's language."""
    from nodemem.api.map_facts import map_facts
    from nodemem.render.segments import category_name, segment_name

    whole = topic == "rss"
    found = map_facts(_process_id(target), None if whole else topic.removesuffix("-segment"))
    told = segment_name if whole else category_name
    parts = [
        {"category": name, "name": told(out.texts, name), "size": size}
        for name, size in found["parts"]
    ]
    return found | {"parts": parts}


def _in_snapshot(target: str, topic: str) -> dict[str, Any]:
    from nodemem.api.snapshot_facts import snapshot_facts
    from nodemem.errors import UsageError

    if target.isdecimal():
        raise UsageError(
            f"the numbers of '{topic}' are those of a heap snapshot, not of a process",
            next=f"nodemem snapshot {target[:_DIGITS]} -o a.heapsnapshot, then "
            f"nodemem explain {topic} a.heapsnapshot",
        )
    return snapshot_facts(target, topic)
