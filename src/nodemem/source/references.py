"""Which source map a script names, and the map read: in the script itself, or a file beside it."""

from __future__ import annotations

import base64
import binascii
import re
import stat
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from nodemem.errors import InputError
from nodemem.source.maps import LARGEST_MAP, SourceMap, parse_map

_KEY = "sourceMappingURL="
_BEFORE_KEY = re.compile(r"(?P<begin>//|/\*)[#@][ \t]+\Z")
_REST = {
    "//": re.compile(r"(?P<url>[^\s'\"`]+)[ \t\r]*$", re.MULTILINE),
    "/*": re.compile(r"(?P<url>[^\s'\"`*]+)[ \t]*\*/"),
}
_MOST_COMMENTS = 100
_LONGEST_PREFIX = 40
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


class FoundMap(NamedTuple):
    """A map, and the file that its sources are relative to: its own, or the script's."""

    map: SourceMap
    base: Path


def mapping_url(text: str) -> str | None:
    """What the last `//# sourceMappingURL=` comment of a script says; None without one."""
    end = len(text)
    for _ in range(_MOST_COMMENTS):
        at = text.rfind(_KEY, 0, end)
        if at < 0:
            return None
        before = _BEFORE_KEY.search(text[max(0, at - _LONGEST_PREFIX) : at])
        rest = before and _REST[before["begin"]].match(text, at + len(_KEY))
        if rest:
            return rest["url"]
        end = at
    return None


def find_map(text: str, path: Path) -> FoundMap | None:
    """The source map of the script with this text, which is the file `path`; None without one.

    It is what the script's comment names, or, when there is no comment or what it names is not
    here, the file of the script's name with `.map`.

    Raises:
        InputError: there is a map that cannot be used. Or the comment names one that is not on
            this machine.
    """
    beside = path.with_name(path.name + ".map")
    url = mapping_url(text)
    if url is not None and url[:5].lower() == "data:":
        return FoundMap(parse_map(_data(url, path), str(path)), path)
    if url is None or (_SCHEME.match(url) and not url.startswith("file:")):
        if beside.is_file():
            return FoundMap(parse_map(_read(beside, path), str(path)), beside)
        if url is None:
            return None
        raise InputError(
            f"the source map of {path} is not read",
            why=f"it is at {_short(url)}, and nothing is fetched from the network",
            next=f"put it beside the script, as {beside}",
        )
    named = path.parent / unquote(urlsplit(url).path)
    if not named.is_file() and beside.is_file():
        named = beside
    return FoundMap(parse_map(_read(named, path), str(path)), named)


def _data(url: str, path: Path) -> bytes:
    head, comma, body = url.partition(",")
    if not comma:
        raise InputError(
            f"the source map of {path} cannot be read", why="its data: URL has no data"
        )
    data = unquote_to_bytes(body)
    if not head.lower().endswith(";base64"):
        return data
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"the source map of {path} cannot be read", why=str(error)) from error


def _read(named: Path, script: Path) -> bytes:
    try:
        facts = named.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > LARGEST_MAP:
            raise InputError(
                f"the source map of {script} is not read",
                why=f"{named} is no file of at most {LARGEST_MAP:,} bytes",
            )
        with named.open("rb") as file:
            return file.read(LARGEST_MAP)
    except (OSError, ValueError) as error:
        raise InputError(
            f"the source map of {script} cannot be read",
            why=str(error),
            next="deploy the .map files, or copy them beside the scripts on this machine",
        ) from error


def _short(url: str) -> str:
    return url if len(url) <= 100 else f"{url[:99]}…"
