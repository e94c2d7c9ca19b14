"""A regular expression against many strings, in a process of its own that can be stopped.

Python's `re` cannot be interrupted from another thread, and some patterns take years on some
texts. `Matcher` is the side that asks; run as a program, this file is the side that answers:

    in   one line: the flags and the pattern, as JSON
    in   frames: how many strings, the bytes of each (u32), the strings as JSON spells them
    out  for each frame: the numbers (u32) of the strings that match, then NONE
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import BinaryIO, Self

NONE = 0xFFFFFFFF


class Matcher:
    """Use as a context manager. `stopped` says whether time ran out: what was asked from then on
    has no matches. Raises UsageError where no process can be started."""

    def __init__(self, pattern: re.Pattern[str], seconds: float) -> None:
        self.stopped = False
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            from nodemem.errors import UsageError  # not there where this file is the program

            raise UsageError(
                "a pattern is tried in a process of its own, which cannot be started here",
                why=str(error),
                next="look for a plain text instead: --name or --string",
            ) from error
        self._timer = threading.Timer(seconds, self._process.kill)
        self._timer.daemon = True
        self._timer.start()
        self._send(json.dumps([pattern.flags, pattern.pattern]).encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except BrokenPipeError:
                pass
        self._process.wait()

    def matches(self, sizes: Sequence[int], data: bytes) -> list[int]:
        """The numbers of those strings in `data`, end to end with these sizes, that match."""
        count = len(sizes)
        self._send(struct.pack(f"<{count + 1}I", count, *sizes) + data)
        found: list[int] = []
        while not self.stopped:
            assert self._process.stdout is not None
            answer = self._process.stdout.read(4)
            if len(answer) < 4:
                self.stopped = True
            elif (number := struct.unpack("<I", answer)[0]) == NONE:
                break
            else:
                found.append(number)
        return found

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (BrokenPipeError, OSError):
            self.stopped = True


def _answer(asked: BinaryIO, answers: BinaryIO) -> None:
    flags, pattern = json.loads(asked.readline())
    search = re.compile(pattern, flags).search
    decode = json.JSONDecoder(strict=False).decode
    while head := asked.read(4):
        (count,) = struct.unpack("<I", head)
        sizes = struct.unpack(f"<{count}I", asked.read(4 * count))
        for number, size in enumerate(sizes):
            spelled = asked.read(size)
            try:
                text = decode(spelled[: spelled.rfind(b'"') + 1].decode("utf-8", "surrogatepass"))
            except ValueError:
                continue
            if search(text):
                answers.write(struct.pack("<I", number))
        answers.write(struct.pack("<I", NONE))
        answers.flush()


if __name__ == "__main__":
    _answer(sys.stdin.buffer, sys.stdout.buffer)
