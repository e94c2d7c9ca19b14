"""What V8 publishes about its own objects, for debuggers after a crash: the names `v8dbg_*`.

They are in the dynamic symbol table of every build of Node.js, also of stripped ones: instance
types by name, offsets of fields, masks and tags.
"""

from __future__ import annotations

import os
from pathlib import Path

from nodemem.errors import InputError
from nodemem.memory import elf

_known: dict[tuple[int, int, int, int], Metadata] = {}


class Metadata:
    """`types` is instance type -> name (`JS_MAP_TYPE`); all other values are in `values` by name
    without `v8dbg_`."""

    def __init__(self, values: dict[str, int]) -> None:
        self.values = values
        self.types = {
            value: name.rsplit("__", 1)[-1]
            for name, value in values.items()
            if name.startswith("type_")
        }
        self._by_name = {name: value for value, name in self.types.items()}

    def type(self, name: str) -> int | None:
        """The number of the instance type `name`; None where it is not published."""
        return self._by_name.get(name)

    def offset(self, field: str, default: int) -> int:
        """Where in its object a field lies, in bytes; `field` is `Class__name`. Its C++ type,
        which follows in the published name, differs between releases and is left open."""
        start = f"class_{field}__"
        found = (value for name, value in self.values.items() if name.startswith(start))
        return next(found, default)


def load(path: str | Path) -> Metadata:
    """The metadata in a program file (`/proc/PID/exe`, `libnode.so`); read once a file.

    Raises:
        InputError: the file cannot be read, or V8 publishes nothing in it.
    """
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            key = info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns
            if key not in _known:
                _known[key] = Metadata(elf.published(file, "v8dbg_"))
            found = _known[key]
    except OSError as error:
        raise InputError(f"{path} cannot be read", why=error.strerror) from error
    if found.type("MAP_TYPE") is None:
        raise InputError(
            f"{path} does not say how V8 lays out its objects", why="it has no symbols v8dbg_*"
        )
    return found
