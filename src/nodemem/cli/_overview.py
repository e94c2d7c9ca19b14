"""A recording at a glance, in the place of a live process."""

from __future__ import annotations

from pathlib import Path

from nodemem.cli._frame import Output


def is_recording(target: str) -> bool:
    """Whether what the user named is a file rather than a process: one that is there, or a name
    that only a recording has."""
    named = target.endswith((".ndjson", ".ndjson.zst"))
    return not target.isdecimal() and (named or Path(target).is_file())


def show_recording(out: Output, path: Path) -> None:
    """Of each figure how it began, went and ended.

    Raises:
        InputError: it is no recording, or it is damaged.
    """
    from nodemem.memory.timeline import timeline
    from nodemem.records import RecordingReader

    with RecordingReader(path) as reader:
        seen = timeline(reader)
        cut = (out.texts("usage.cut"),) if reader.truncated else ()
    # In JSON another shape than that of a live process.
    out, subject = Output("usage-recording", out.format, None, force=False), {"file": str(path)}
    sizes = seen.sizes()
    if out.json:
        out.write(out.envelope(seen.to_data(), subject, warnings=cut))
        return
    if out.format != "text":
        out.emit(sizes, subject=subject)
        return
    facts = seen.facts
    out.line(
        out.texts(
            "usage.recorded",
            pid=None if facts is None else facts.pid,
            script=None if facts is None else facts.script,
            count=seen.readings,
            seconds=seen.seconds,
        )
    )
    for table in filter(len, (sizes, seen.counts())):
        out.line("\n" + out.text(table).rstrip("\n"))
    lines = [out.text(series).rstrip("\n") for series in seen.series()]
    if lines:
        out.line("\n" + "\n".join(lines))
    if seen.end is not None:
        out.line("\n" + out.texts("usage.ended", seconds=seen.end.time, how=seen.end.how))
    for warning in cut:
        out.note(warning)
