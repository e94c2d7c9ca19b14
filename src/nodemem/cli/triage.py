"""nodemem PID"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nodemem.cli._frame import Output, verb

if TYPE_CHECKING:
    from nodemem.api.triage import Triage


@verb("triage", example=["nodemem 4242", "nodemem 4242 --seconds 30", "nodemem 4242 --json"])
@click.argument("pid", type=int, metavar="")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=3600),
    default=5.0,
    show_default=True,
    help="Time between the two readings that growth is told from",
)
@click.option("--attach", is_flag=True, help="Open the inspector too, for the heap's own figures")
@click.option(
    "--exact",
    is_flag=True,
    help="Look at the kinds of mappings of a process above 1 GiB too; may hold it up for a moment",
)
def command(out: Output, pid: int, seconds: float, attach: bool, exact: bool) -> None:
    """One process at a glance: where its memory is, which limit it will meet first, whether it
    grows, what looks wrong, and what to run next.

    Everything is read from /proc and the control groups; nothing is sent to the process unless
    --attach is given.
    """
    from nodemem.api.triage import triage

    found = triage(pid, seconds=seconds, detailed=True if exact else None, attached=attach)
    subject = {"pid": pid, "version": found.facts.version, "script": found.facts.script}
    if out.format == "text":
        out.write("\n".join(_lines(out, found)))
    else:
        out.emit(found.table(), subject=subject, data=found.to_data())


def _lines(out: Output, found: Triage) -> list[str]:
    from nodemem.render.terminal import cells

    said = _said(out, found)
    labels = [out.texts(f"triage.label.{key}") for key, _ in said]
    width = max(map(cells, labels))
    lines = [_head(out, found)]
    for label, (_, text) in zip(labels, said, strict=True):
        lines.append(f"  {label}{' ' * (width - cells(label))}  {text}")
    return lines


def _head(out: Output, found: Triage) -> str:
    facts = found.facts
    script, version = facts.script or out.texts("unknown"), facts.version or out.texts("unknown")
    return out.texts("triage.head", script=script, pid=facts.pid, version=version, age=found.age)


def _said(out: Output, found: Triage) -> list[tuple[str, str]]:
    """(key of the label, text) for each line after the first."""
    from nodemem.render.told import tell

    say, resident = out.texts, found.now.resident
    totals = {key: getattr(resident, key) for key in ("rss", "anonymous", "file", "shared")}
    lines = [("memory", say("triage.memory", **totals)), ("anonymous", _anonymous(out, found))]
    if resident.anonymous is None:
        lines = [("memory", say("triage.rss", rss=resident.rss, pid=found.facts.pid))]
    lines.append(("heap", _heap(out, found)))
    container = next((one for one in found.bounds if one.kind == "container"), None)
    if container is None:
        lines.append(("container", say("triage.no_container")))
    else:
        values = {key: getattr(container, key) for key in ("limit", "used", "room", "source")}
        lines.append(("container", say("triage.container", **values)))
    if found.first is not None:
        text = say(f"triage.first.{found.first.kind}", room=found.first.room)
        if found.situation.heap_limit is None and found.first.kind != "heap":
            text += say("triage.heap_limit_unknown")
        if found.seconds_left is not None:
            text += say("triage.left", seconds=found.seconds_left)
        if found.ends is not None and container is not None:
            slowed = found.ends.slows and found.ends.first == "kernel"
            text += say(f"triage.ends.{'slowed' if slowed else found.ends.first}")
        lines.append(("first", text))
    growth, seconds = found.situation.growth, found.situation.seconds
    key = "noise" if found.situation.rate is None else "growth"
    lines.append(("growth", say(f"triage.{key}", growth=growth, seconds=seconds)))
    lines += [("finding", tell(finding, say).title) for finding in found.findings]
    return [*lines, ("next", found.next)]


def _anonymous(out: Output, found: Triage) -> str:
    parts = {kind: size for kind, size, _ in found.table().records}
    if found.detailed:
        values = {key: parts[key] for key in ("v8", "c_heap", "stacks")}
        return out.texts("triage.anonymous", **values, other=parts["anonymous"])
    return out.texts("triage.parts_too_big" if found.readable else "triage.parts_not_permitted")


def _heap(out: Output, found: Triage) -> str:
    seen = found.situation
    if found.usage is not None:
        return out.texts("triage.heap_used", used=seen.heap_used, limit=seen.heap_limit)
    if seen.heaps is not None:
        key = "triage.heap_pages" if seen.heaps == 1 else "triage.heap_fullest"
        told = out.texts(key, used=seen.heap_used, count=seen.heaps)
    else:
        resident = found.now.resident.v8
        unseen = "" if resident is not None else "_unknown"
        told = out.texts(f"triage.heap_resident{unseen}", v8=resident)
    return told + _heap_limit(out, found)


def _heap_limit(out: Output, found: Triage) -> str:
    seen = found.situation
    if seen.heap_source is not None:
        chosen = "chosen" if seen.heap_source == "v8" else "set"
        key = f"triage.heap_limit_{chosen}"
        young = None if found.limits is None else found.limits.young_generation_size
        return out.texts(key, limit=seen.heap_limit, source=seen.heap_source, young=young)
    return out.texts(f"triage.heap_limit_unknown_{found.heap_unknown or 'version'}")
