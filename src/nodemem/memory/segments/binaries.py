"""Program files in memory: machine code and data of Node.js, of libraries and of other files."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable
from typing import BinaryIO

from nodemem.errors import InputError
from nodemem.memory import elf
from nodemem.memory.segments import program
from nodemem.memory.segments.ledger import Ledger
from nodemem.memory.segments.program import Program
from nodemem.memory.segments.types import Kind
from nodemem.records import AddressSpace, MappedMemory

Open = Callable[[str], BinaryIO | None]
"""Opens the file that a mapping names; None where it cannot be had."""

NODE_TEXT = Kind("code", "node_text")
BUILTINS = Kind("code", "embedded_builtins")
LIBRARIES = Kind("code", "shared_libraries")
OTHER_EXECUTABLE = Kind("code", "other_executable")
NODE_RODATA = Kind("data", "node_rodata")
NODE_DATA = Kind("data", "node_data")
ICU = Kind("data", "icu_data")
SNAPSHOT = Kind("data", "v8_snapshot")
LIBRARY_DATA = Kind("data", "library_data")
FILES = Kind("data", "mapped_files")
SHARED = Kind("data", "shared_memory")
IO_URING = Kind("other", "io_uring")
VDSO = Kind("other", "vdso")

_SHARED_FILES = ("/dev/zero", "/dev/shm/", "/memfd:", "/SYSV")
_OF_THE_KERNEL = ("[vdso]", "[vvar]", "[vvar_vclock]", "[vsyscall]")
_PAGE = 4096
_SNAPSHOT_SIZES = range(1 << 16, 1 << 28)


def claim(ledger: Ledger, main: str | None, space: AddressSpace | None, open_file: Open) -> None:
    """Claim what belongs to files; `main` is the file that V8 is in."""
    by_file: dict[str, list[MappedMemory]] = {}
    for one in ledger.mappings:
        if one.file.startswith("/"):
            by_file.setdefault(one.file, []).append(one)
        elif one.file == "anon_inode:[io_uring]":
            ledger.claim(one.start, one.end, IO_URING)
        elif one.file in _OF_THE_KERNEL:
            ledger.claim(one.start, one.end, VDSO)
        elif one.inode:
            ledger.claim(one.start, one.end, FILES)
    if main in by_file:
        _claim_program(ledger, by_file.pop(main), space, open_file)
    for name, own in by_file.items():
        _claim_file(ledger, name, own, space, open_file)


def _claim_program(
    ledger: Ledger, own: list[MappedMemory], space: AddressSpace | None, open_file: Open
) -> None:
    found = _program(own[0].file, open_file)
    if found is None or not found.layout.loads:
        for one in own:
            ledger.claim(one.start, one.end, NODE_TEXT if "x" in one.access else NODE_RODATA)
        return
    base = _base(own, found.layout.loads)
    if found.builtins is not None:
        ledger.claim(*_moved(found.builtins, base), BUILTINS)
    for pair, kind in ((found.icu, ICU), (found.v8_blob, SNAPSHOT)):
        if pair is not None:
            ledger.claim(*_moved(pair, base), kind)
    if (blob := _snapshot(found, base, space)) is not None:
        ledger.claim(*blob, SNAPSHOT)
    for part in (*found.layout.sections, *found.layout.loads):
        kind = NODE_TEXT if part.executable else NODE_DATA if part.writable else NODE_RODATA
        ledger.claim(base + part.start, base + part.end, kind)
    _claim_rest_of_pages(ledger, found.layout.loads, base, NODE_TEXT, NODE_DATA, NODE_RODATA)
    for one in own:
        # V8 maps the builtins once more, near the code that it compiles.
        ledger.claim(one.start, one.end, BUILTINS if "x" in one.access else NODE_RODATA)


def _claim_file(
    ledger: Ledger,
    name: str,
    own: list[MappedMemory],
    space: AddressSpace | None,
    open_file: Open,
) -> None:
    if name.startswith(_SHARED_FILES):
        kinds = (OTHER_EXECUTABLE, SHARED)
    elif any("x" in one.access for one in own):
        kinds = (LIBRARIES, LIBRARY_DATA)
        for part, base in _loads(own, space, open_file):
            # Variables that are zero at first are behind the file's own, in memory of no file.
            if part.writable:
                ledger.claim(base + part.start, _up(base + part.end), LIBRARY_DATA)
    else:
        kinds = (OTHER_EXECUTABLE, FILES)
    for one in own:
        ledger.claim(one.start, one.end, kinds[0] if "x" in one.access else kinds[1])


def _claim_rest_of_pages(
    ledger: Ledger, loads: Iterable[elf.Part], base: int, text: Kind, data: Kind, rodata: Kind
) -> None:
    """Mappings are whole pages: what is before and behind the parts of a file on theirs."""
    for part in loads:
        kind = text if part.executable else data if part.writable else rodata
        ledger.claim((base + part.start) // _PAGE * _PAGE, _up(base + part.end), kind)


def _program(name: str, open_file: Open) -> Program | None:
    file = open_file(name)
    if file is None:
        return None
    with file:
        try:
            return program.read(file)
        except (InputError, OSError):
            return None


def _base(own: list[MappedMemory], loads: list[elf.Part]) -> int:
    """What has to be added to a file's addresses: the first of its mappings is its first part."""
    return own[0].start - own[0].offset - (loads[0].start - loads[0].offset)


def _loads(
    own: list[MappedMemory], space: AddressSpace | None, open_file: Open
) -> list[tuple[elf.Part, int]]:
    head = None
    if space is not None and own[0].offset == 0:
        head = space.read(own[0].start, _PAGE)
    if head is None and (file := open_file(own[0].file)) is not None:
        with file:
            try:
                head = file.read(_PAGE)
            except OSError:
                return []
    try:
        parts = elf.loads(head or b"")
    except InputError:
        return []
    return [(part, _base(own, parts)) for part in parts]


def _snapshot(found: Program, base: int, space: AddressSpace | None) -> tuple[int, int] | None:
    """Where Node.js' start-up snapshot is: an address within the file, and a size behind it, that
    its description holds."""
    if found.snapshot_data is None or space is None:
        return None
    start, end = _moved(found.snapshot_data, base)
    data = space.read(start, (end - start) // 8 * 8) or b""
    words = struct.unpack(f"<{len(data) // 8}Q", data)
    for address, size in itertools.pairwise(words):
        if size & 0xFFFFFFFF in _SNAPSHOT_SIZES and any(
            base + part.start <= address and address + (size & 0xFFFFFFFF) <= base + part.end
            for part in found.layout.loads
        ):
            return address, address + (size & 0xFFFFFFFF)
    return None


def _moved(pair: tuple[int, int], base: int) -> tuple[int, int]:
    return base + pair[0], base + pair[1]


def _up(address: int) -> int:
    return -(-address // _PAGE) * _PAGE
