"""What is where in the file that V8 is in: found once a build, and remembered by its build id."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nodemem import paths
from nodemem.errors import NodememError
from nodemem.memory import elf
from nodemem.memory.elf import Layout

_WANTED = (
    "v8_Default_embedded_blob_code_",
    "v8_Default_embedded_blob_code_data_",  # Node.js 18
    "v8_Default_embedded_blob_code_size_",
    "icudt*",
    "_ZN2v88internalL9blob_dataE",
    "_ZN4nodeL13snapshot_dataE",
)
_BUILTINS_UP_TO = 64 << 20
_FOLDER = "programs"


@dataclass(frozen=True)
class Program:
    """Addresses are those of the file, to which the place it was loaded to has to be added.

    `builtins` is V8's machine code for JavaScript's own functions, `icu` the data of languages and
    time zones, `v8_blob` V8's own start-up snapshot, [start, end) each; `snapshot_data` is where
    Node.js keeps the address and size of its snapshot. Each is None where no symbol tells it.
    """

    layout: Layout
    builtins: tuple[int, int] | None = None
    icu: tuple[int, int] | None = None
    v8_blob: tuple[int, int] | None = None
    snapshot_data: tuple[int, int] | None = None


def read(file: BinaryIO) -> Program:
    """What the program file says of itself; its symbols only once for each build.

    Raises:
        InputError: it is no program file.
    """
    layout = elf.layout(file)
    place = _place(layout.build_id)
    found = None if place is None else _recall(place)
    if found is None:
        found = _symbols(file, layout)
        if place is not None:
            _remember(place, found)
    return Program(layout, **found)


Ranges = dict[str, tuple[int, int] | None]


def _symbols(file: BinaryIO, layout: Layout) -> Ranges:
    known = elf.symbols(file, _WANTED)

    def whole(name: str) -> tuple[int, int] | None:
        start, size = known.get(name, (0, 0))
        return (start, start + size) if size else None

    code = known.get("v8_Default_embedded_blob_code_data_") or known.get(
        "v8_Default_embedded_blob_code_"
    )
    size = _number(file, layout, known.get("v8_Default_embedded_blob_code_size_", (0, 0))[0])
    return {
        "builtins": (code[0], code[0] + size) if code and 0 < size <= _BUILTINS_UP_TO else None,
        "icu": whole("icudt*"),
        "v8_blob": whole("_ZN2v88internalL9blob_dataE"),
        "snapshot_data": whole("_ZN4nodeL13snapshot_dataE"),
    }


def _number(file: BinaryIO, layout: Layout, address: int) -> int:
    for section in layout.sections:
        if section.start <= address < section.end:
            file.seek(section.offset + address - section.start)
            return int.from_bytes(file.read(4), "little")
    return 0


def _place(build_id: str | None) -> Path | None:
    folder = paths.cache_folder() if build_id else None
    return None if folder is None else folder / _FOLDER / f"{build_id}.json"


def _recall(place: Path) -> Ranges | None:
    try:
        told = json.loads(place.read_bytes())
        found = {name: told[name] for name in ("builtins", "icu", "v8_blob", "snapshot_data")}
        return {
            name: None if pair is None else (int(pair[0]), int(pair[1]))
            for name, pair in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _remember(place: Path, found: Ranges) -> None:
    with contextlib.suppress(OSError, NodememError):
        place.parent.mkdir(mode=0o700, exist_ok=True)
        with paths.whole_file(place, force=True) as file:
            file.write(json.dumps(found).encode())
