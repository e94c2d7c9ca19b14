"""Files of a program on this machine: the scripts of a snapshot that was perhaps taken elsewhere,
and what they were made from."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from nodemem.errors import UsageError

_LARGEST_SCRIPT = 64_000_000
_ASTRAL = re.compile(r"[\U00010000-\U0010FFFF]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_BUNDLERS = re.compile(r"(?:webpack|webpack-internal|turbopack|rollup|vite|parcel|ng|rspack):/*")
_MOST_PARENTS = 6


class SourceRoots:
    """Where scripts are found here. `mapped` says which folder stands for the beginning of a
    script's path; in `folders` a script is looked for by the end of its path, the longest first."""

    def __init__(
        self, mapped: Mapping[str, str] | None = None, folders: Iterable[str] = ()
    ) -> None:
        self._mapped = sorted((mapped or {}).items(), key=lambda item: -len(item[0]))
        self._folders = [Path(folder) for folder in folders]

    @classmethod
    def parse(
        cls, given: Iterable[str], configured: Mapping[str, str] | None = None
    ) -> SourceRoots:
        """From options, `DIR` or `FROM=DIR` each, and the settings' table of the latter.

        Raises:
            UsageError: there is no such folder.
        """
        mapped, folders = dict(configured or {}), []
        for text in given:
            begin, equals, folder = text.partition("=")
            if not Path(folder if equals else text).is_dir():
                raise UsageError(
                    f"--source-root {text}: there is no folder {folder if equals else text}",
                    next="give a folder of this machine, as --source-root DIR or "
                    "--source-root /path/there=DIR",
                )
            if equals:
                mapped[begin] = folder
            else:
                folders.append(text)
        return cls(mapped, folders)

    def files(self, script: str) -> Iterator[Path]:
        """The files of this machine that may be `script`, a path as V8 has it; the likeliest
        first. What they hold is for the caller to compare."""
        seen: set[Path] = set()
        for path in self._candidates(script):
            if path not in seen and _is_file(path):
                seen.add(path)
                yield path

    def _candidates(self, script: str) -> Iterator[Path]:
        for prefix, stands_for in self._mapped:
            begin = prefix.rstrip("/")
            if script.startswith(begin) and script[len(begin) : len(begin) + 1] in ("/", ""):
                yield Path(stands_for) / script[len(begin) :].lstrip("/")
        if script.startswith("/"):
            yield Path(script)
        parts = [part for part in PurePosixPath(script).parts if part not in ("/", "..")]
        if _SCHEME.match(script):
            return
        for folder in self._folders:
            for first in range(len(parts)):
                yield folder.joinpath(*parts[first:])


def script_text(path: Path) -> str | None:
    """The text of a script as V8 counts it: a character outside the basic plane is two. None when
    it cannot be read, or is no file of a sensible size."""
    try:
        if not _is_file(path) or path.stat().st_size > _LARGEST_SCRIPT:
            return None
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            text = file.read()
    except (OSError, ValueError):
        return None
    return text if text.isascii() else _ASTRAL.sub("\ufffd\ufffd", text)


def original_file(source: str, base: Path) -> str:
    """The path of a map's source; `base` is the file it is relative to.

    What a bundler names after itself (`webpack://shop/./src/a.ts`) is relative to the project:
    the nearest folder above the bundle that has it. Where none has, the path stays relative.
    """
    if source.startswith("file://"):
        return unquote(urlsplit(source).path)
    bundler = _BUNDLERS.match(source)
    if bundler is None:
        if _SCHEME.match(source):
            return source
        return os.path.normpath(base.parent / source)
    rest = source[bundler.end() :].partition("?")[0]
    rest = rest.removeprefix("[project]/")
    for inner in (rest, rest.partition("/")[2]):
        inner = os.path.normpath(inner.lstrip("/") or ".")
        for folder in list(base.parents)[:_MOST_PARENTS]:
            if inner != "." and _is_file(folder / inner):
                return os.path.normpath(folder / inner)
    if not rest.startswith("./") and "/./" in rest:
        rest = rest.partition("/./")[2]  # before it is the name of the package
    return os.path.normpath(rest)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False
