"""Where the memory of a process was that a core file is of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nodemem.memory import core_program, metadata
from nodemem.memory.core import Core
from nodemem.memory.segments import whole
from nodemem.memory.segments.types import MemoryMap
from nodemem.target import binary


class CoreMap(NamedTuple):
    """`found` is the map of process `pid`, which ran Node.js `version`; None is unknown.
    `warnings` say what is uncertain."""

    found: MemoryMap
    pid: int
    version: str | None
    warnings: tuple[str, ...]


def core_map(path: str | Path, program: str | Path | None = None) -> CoreMap:
    """The memory map of a core file, of what is in it: memory that belongs to files and was not
    written to is not, nor is what the kernel counts. `program` is the file of the Node.js that ran,
    unless it still is where it was.

    Raises:
        InputError: it is no core, not of this program, or not of Node.js.
    """
    with Core(path) as core:
        file = core_program.find(core, program)
        seen = core.observed()

        def open_file(name: str) -> BinaryIO | None:
            place = file.path if name == seen.program else name
            try:
                # What a core names may be anything by now, a pipe that nobody writes to, too.
                return open(place, "rb") if Path(place).is_file() else None
            except (OSError, ValueError):
                return None

        found = whole.make(seen, core, metadata.load(file.path), open_file)
        if not core.sparse:
            categories = [replace(one, exactness="estimate") for one in found.categories]
            found = replace(found, categories=categories)
        unseen = ("files",) if core.sparse else ("files", "holes")
        known = binary.of_file(file.path)
        return CoreMap(
            replace(found, unseen=unseen),
            seen.pid,
            None if known is None else known.version,
            tuple(core_program.doubts(core, file)),
        )
