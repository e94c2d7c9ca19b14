"""What snapshots have cost so far, on this machine: kept from run to run, for the next forecast.

One line of JSON a snapshot in `snapshots.ndjson` of the state folder, for our eyes only (0600). No
path and no name stands in it; a program is known by a hash. What cannot be read or written is left
out without a word: a forecast never fails for want of a past.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, BinaryIO

from nodemem import paths, portable

NAME = "snapshots.ndjson"
KEPT = 200
_MOST = 1 << 18  # bytes that are read; KEPT lines take a third of it
_TRIES, _PAUSE = 20, 0.01


@dataclass(frozen=True)
class Past:
    """One snapshot: what was there, what the forecast expected, what happened.

    `program` is that of `program_of`; `basis` is the forecast's, and what it `expected` is the bare
    model's figure, None without counts. Times in seconds, sizes in bytes. `cpu` is the processor
    time of the thread that stood still; it and `extra_rss` are None where they were not seen.
    """

    version: str
    program: str
    basis: str
    heap_used: int
    nodes: int
    edges: int
    pause: float
    file_size: int
    cpu: float | None = None
    extra_rss: int | None = None
    expected_cpu: float | None = None
    expected_extra_rss: float | None = None
    expected_file_size: float | None = None
    numeric: bool = False
    when: float = 0.0


_OPTIONAL = {"cpu", "extra_rss", "expected_cpu", "expected_extra_rss", "expected_file_size"}
_TEXTS = {"version", "program", "basis"}
_POSITIVE = {"heap_used", "nodes", "edges", "file_size"}


def program_of(argv: Sequence[str], exec_argv: Sequence[str]) -> str:
    """What tells a program from others, from run to run: a hash of its script's path and arguments,
    or of the text it was started with (`-e`)."""
    named = argv[1:] if len(argv) > 1 else exec_argv
    return hashlib.sha256("\0".join(named).encode(errors="replace")).hexdigest()[:24]


def load() -> list[Past]:
    """The past snapshots, oldest first."""
    with contextlib.suppress(OSError), _open(os.O_RDONLY) as file:
        return _parse(_tail(file))
    return []


def add(past: Past) -> None:
    """Keep one more; the oldest are given up beyond `KEPT`."""
    stamped = asdict(past) | {"when": round(time.time())}
    line = json.dumps(stamped, separators=(",", ":")).encode() + b"\n"
    with contextlib.suppress(OSError), _open(os.O_RDWR | os.O_CREAT) as file:
        _lock(file)
        kept = _tail(file)
        lines = [one for one in kept.splitlines() if _past(one) is not None][-(KEPT - 1) :]
        # In place and under the lock: a new file under the name would be out of its reach.
        file.seek(0)
        file.write(b"".join(one + b"\n" for one in lines) + line)
        file.truncate()


@contextlib.contextmanager
def _open(flags: int) -> Iterator[BinaryIO]:
    folder = paths.state_folder()
    if folder is None:
        raise FileNotFoundError
    descriptor = portable.open_file(folder / NAME, flags | portable.NO_LINK)
    with os.fdopen(descriptor, "rb" if flags == os.O_RDONLY else "r+b") as file:
        yield file


def _lock(file: BinaryIO) -> None:
    """Raises BlockingIOError, an OSError, when others hold it for too long."""
    for remaining in range(_TRIES, 0, -1):
        try:
            portable.lock(file.fileno())
            return
        except BlockingIOError:
            if remaining == 1:
                raise
            time.sleep(_PAUSE)


def _tail(file: BinaryIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _MOST))
    return file.read(_MOST)


def _parse(text: bytes) -> list[Past]:
    found = (_past(line) for line in text.splitlines())
    return [past for past in found if past is not None][-KEPT:]


def _past(line: bytes) -> Past | None:
    """A line as it was written; None for anything else, whatever it is."""
    try:
        data = json.loads(line)
        if not isinstance(data, dict):
            return None
        values = {one.name: data[one.name] for one in fields(Past) if one.name in data}
        past = Past(**values)
    except (ValueError, TypeError, RecursionError):
        return None
    return past if all(_sound(one.name, getattr(past, one.name)) for one in fields(Past)) else None


def _sound(name: str, value: Any) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)
    if name == "numeric":
        return isinstance(value, bool)
    if value is None:
        return name in _OPTIONAL
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Neither NaN nor infinity is below.
    return 0 <= value < 1e18 and (value > 0 or name not in _POSITIVE)


def median_ratio(ratios: Sequence[float], *, most: float) -> float:
    """The middle of measured over forecast, 1 where there are none, kept within `most` times."""
    if not ratios:
        return 1.0
    ordered = sorted(ratios)
    middle = ordered[len(ordered) // 2]
    return min(most, max(1 / most, middle))
