"""nodemem map --classes"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nodemem.cli._frame import Output
from nodemem.render.terminal import detect, wrap

_ERRORS = ("count_error", "shallow_error")


def show(
    out: Output,
    pid: int,
    core: Path | None,
    exe: Path | None,
    *,
    top: int | None,
    seconds: float | None,
) -> None:
    """Count the classes of process `pid`, or of a core file, which the program `exe` has left, and
    print the first `top` of them."""
    from nodemem.api.class_histogram import SECONDS, class_histogram, core_classes

    out.command = "map-classes"
    limit, progress = seconds or SECONDS, out.progress
    subject: dict[str, Any] = {}
    if core is not None:
        table = core_classes(core, program=exe, seconds=limit, progress=progress)
        subject["core"] = str(core)
    else:
        table = class_histogram(pid, seconds=limit, progress=progress)
        subject["pid"] = pid
    out.progress.finish()
    table = table.head(top or out.config.top, "--top N shows more")
    if out.format != "text":
        out.emit(table, subject=subject)
        return
    hidden = [key for key in _ERRORS if not any(table.values(key))]
    if table.summary["isolates"] == 1:
        hidden.append("isolate")
    shown = table.select(*(one.key for one in table.columns if one.key not in hidden))
    terminal = detect(out.color)
    note = wrap(out.texts("map.classes_note"), terminal.prose, terminal)
    out.write("\n".join([out.text(shown), *map(terminal.encodable, note)]))
