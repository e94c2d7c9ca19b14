"""Which program file belongs to a core: the same build, by the id that both have."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from nodemem.errors import InputError
from nodemem.memory import elf_segments
from nodemem.memory.core import Core
from nodemem.units import format_bytes

_LIBRARY = "libnode.so"


class Program(NamedTuple):
    """The file at `path`; `checked` says whether its build id was compared with the core's."""

    path: str
    checked: bool


def find(core: Core, given: str | Path | None = None) -> Program:
    """The file that holds V8, as the process had it: `given`, or else the one that the core names,
    where it still is what it was.

    Raises:
        InputError: it is another build, it is not here, or the core names none.
    """
    named = _named(core)
    if given is None and named is None:
        raise InputError(
            f"{core.path} does not say which program it is of",
            why=_cut_short(core) if core.missing else None,
            next=_give(core, "NODE"),
        )
    path = str(given if given is not None else named)
    try:
        if not Path(path).is_file() and Path(path).exists():
            raise ValueError("it is no file")  # opening a pipe would wait for a writer
        with open(path, "rb") as file:
            found = elf_segments.build_id(elf_segments.reader(file))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        if given is not None:
            raise InputError(f"{path} cannot be read", why=why) from error
        raise InputError(
            f"the program of {core.path} cannot be read: {path}",
            why=why,
            next=_give(core, "COPY_OF_IT"),
        ) from error
    known = [one for one in (_build_id(core, name) for name in _programs(core)) if one]
    if known and found not in known:
        raise InputError(
            f"{path} is not the program of {core.path}",
            why=f"its build id is {found or 'missing'}, that in the core is {known[0]}"
            + (f", of {named}" if named else ""),
            next=_give(core, "THE_FILE_THAT_RAN"),
        )
    return Program(path, bool(known))


def doubts(core: Core, program: Program) -> list[str]:
    """What is uncertain about what is read from a core, in words."""
    found = []
    if core.missing:
        found.append(f"{core.path}: {_cut_short(core)}; what was there is not counted")
    if not program.checked:
        found.append(
            f"whether {program.path} is what ran could not be checked: the core has no build id"
        )
    return found


def _cut_short(core: Core) -> str:
    return f"the file is cut short, {format_bytes(core.missing)} are missing"


def _give(core: Core, name: str) -> str:
    return f"nodemem map --core {core.path} --exe {name}"


def _programs(core: Core) -> list[str]:
    """What may have V8 in it: a library of that name first, then the program."""
    paths = dict.fromkeys(one.path for one in core.notes.files)
    found = [path for path in paths if Path(path).name.startswith(_LIBRARY)]
    program = core.notes.program_file()
    return [*found, *([program] if program else [])]


def _named(core: Core) -> str | None:
    return next(iter(_programs(core)), None)


def _build_id(core: Core, path: str) -> str | None:
    """The build id in what the core has of a mapped file: its first page, as a rule."""
    start = next(
        (one.start for one in core.notes.files if one.path == path and one.offset == 0), None
    )
    if start is None:
        return None

    def read(offset: int, length: int) -> bytes:
        data = core.read(start + offset, length)
        if data is None:
            raise ValueError("it is not in the core")
        return data

    return elf_segments.build_id(read)
