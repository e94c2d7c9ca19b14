"""A `.heapprofile` file -> the call tree as V8 wrote it.

    {"head": {"callFrame": {...}, "selfSize": 0, "id": 1, "children": [...]},
     "samples": [{"size": 524600, "nodeId": 12, "ordinal": 41}, ...]}

DevTools, `node --heap-prof`, the inspector and `v8.startHeapProfile()` all write it. Members may
stand in any order, unknown ones are passed over; `samples` may be absent.
"""

from __future__ import annotations

import math
import os
import re
import shlex
from typing import Any, NamedTuple

from nodemem.errors import InputError
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.profile.json_text import Malformed, parse
from nodemem.results.progress import SILENT, Progress

LARGEST = 1 << 28
"""Bytes of text. A profile of a day is some megabytes."""

_CHUNK = 1 << 20
_FIRST_KEY = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*\{\s*"(\w*)"')


class Frame(NamedTuple):
    """A function as V8 names it; line and column count from 1, 0 where there is none. `script` is
    V8's number of the script, `0` for what is in none."""

    function: str
    script: str
    url: str
    line: int
    column: int


class Call(NamedTuple):
    """A node of the call tree: `size` bytes that are alive were allocated by the function itself,
    called this way. V8 has scaled them up from its samples."""

    frame: Frame
    size: float
    id: int
    callees: list[Call]


class Sample(NamedTuple):
    """One object that V8 sampled; `size` are the bytes that it stands for."""

    call_id: int
    size: float


class Recorded(NamedTuple):
    """`samples` is None where the file has none, as those of Chrome before 2018."""

    root: Call
    samples: list[Sample] | None


def read_profile(path: str | os.PathLike[str], progress: Progress = SILENT) -> Recorded:
    """The profile in the file `path`, plain, gzip or Zstandard.

    Raises:
        InputError: it cannot be read, or is no sampling heap profile.
    """
    file = SnapshotFile(path)
    try:
        progress.phase("read", file.size if file.magic.startswith(b"{") else None)
        data = _read(file, progress)
    finally:
        file.close()
    try:
        document = parse(data.decode("utf-8-sig"), _shrink)
    except UnicodeDecodeError as error:
        raise _broken(file, f"byte {error.start:,} is not UTF-8") from error
    except Malformed as error:
        byte = len(data.decode("utf-8-sig")[: error.position].encode())
        if error.ended:
            raise InputError(
                f"{file.path} is cut short",
                why=f"it ends within its JSON, after {byte:,} bytes",
                next="take the profile again; a process that died while writing leaves half a file",
            ) from error
        raise _broken(file, f"it is not JSON from byte {byte:,} on") from error
    except _Unusable as error:
        raise _broken(file, str(error)) from None
    if not isinstance(document, dict) or not isinstance(document.get("head"), Call):
        raise _broken(file, "it has no call tree 'head'")
    samples = document.get("samples")
    if samples is not None and not (
        isinstance(samples, list) and all(isinstance(sample, Sample) for sample in samples)
    ):
        raise _broken(file, "'samples' is not a list of samples")
    return Recorded(document["head"], samples)


class _Unusable(Exception):
    pass


def _read(file: SnapshotFile, progress: Progress) -> bytes:
    source, data, chunk = file.source(), bytearray(), bytearray(_CHUNK)
    view = memoryview(chunk)
    while count := source.read_into(view):
        if not data:
            _refuse_others(file, bytes(chunk[:count]))
        data += view[:count]
        progress.update(len(data))
        if len(data) > LARGEST:
            raise InputError(
                f"{file.path} is too large for a sampling heap profile",
                why=f"it has more than {LARGEST:,} bytes",
                next=f"look at what it begins with: head -c 200 {shlex.quote(file.path)}",
            )
    return bytes(data)


def _refuse_others(file: SnapshotFile, begin: bytes) -> None:
    """Heap snapshots may be too large to be read first."""
    first = _FIRST_KEY.match(begin)
    if first is not None and first[1] == b"snapshot":
        raise InputError(
            f"{file.path} is a heap snapshot, not a sampling heap profile",
            next=f"nodemem heap summary {shlex.quote(file.path)}",
        )


def _broken(file: SnapshotFile, why: str) -> InputError:
    return InputError(
        f"{file.path} is not a sampling heap profile",
        why=why,
        next="name a .heapprofile file written by node --heap-prof, Chrome DevTools or "
        "v8.startHeapProfile()",
    )


def _shrink(value: dict[str, Any]) -> Any:
    """Calls and samples as tuples; other objects as they are."""
    if "callFrame" in value:
        callees = value.get("children") or []
        if not isinstance(callees, list) or not all(isinstance(call, Call) for call in callees):
            raise _Unusable("the children of a call are not calls")
        number = _number(value, "id") if "id" in value else 0
        return Call(_frame(value["callFrame"]), _number(value, "selfSize"), int(number), callees)
    if "nodeId" in value and "size" in value:
        return Sample(int(_number(value, "nodeId")), _number(value, "size"))
    return value


def _frame(value: Any) -> Frame:
    if not isinstance(value, dict):
        raise _Unusable("a call has no 'callFrame'")
    function, url = value.get("functionName", ""), value.get("url", "")
    if not isinstance(function, str) or not isinstance(url, str):
        raise _Unusable("the name or URL of a function is not text")
    # V8 counts from 0 and writes -1 for functions of its own.
    places = (_number(value, key, least=-1, default=-1) for key in ("lineNumber", "columnNumber"))
    line, column = (int(place) + 1 for place in places)
    return Frame(function, str(value.get("scriptId", 0)), url, line, column if line else 0)


def _number(
    value: dict[str, Any], key: str, *, least: int = 0, default: float | None = None
) -> float:
    number = value.get(key, default)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise _Unusable(f"'{key}' of a call or sample is no number")
    if not least <= number < math.inf:
        raise _Unusable(f"'{key}' of a call or sample is {number}")
    return number
