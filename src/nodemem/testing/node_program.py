"""A real Node.js program under test: started, waited for, spoken to over its pipes, ended."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


class NodeProgram:
    """A running Node.js process whose output lines can be waited for.

    `stdout_lines` and `stderr_lines` grow as the program writes.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        self.stdout_lines: list[str] = []
        self.stderr_lines: list[str] = []
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        for stream, lines in (
            (process.stdout, self.stdout_lines),
            (process.stderr, self.stderr_lines),
        ):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()

    @classmethod
    def start(
        cls,
        node: Path,
        source: str | Path,
        *,
        flags: Sequence[str] = (),
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready: str | None = "ready",
    ) -> NodeProgram:
        """Start `source` (a script's path, or program text for `-e`) and wait until it prints
        a line that starts with `ready`.

        Raises:
            TimeoutError: the line did not come within 60 s, or the program ended before.
        """
        program = [str(source)] if isinstance(source, Path) else ["-e", source]
        process = subprocess.Popen(
            [str(node), *flags, *program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=None if env is None else dict(env),
            cwd=cwd,
        )
        self = cls(process)
        if ready is not None:
            self.wait_for(ready)
        return self

    def wait_for(self, prefix: str, timeout: float = 60.0) -> str:
        """The first line of stdout, past or future, that starts with `prefix`."""
        deadline = time.monotonic() + timeout
        seen = 0
        while True:
            while seen < len(self.stdout_lines):
                if self.stdout_lines[seen].startswith(prefix):
                    return self.stdout_lines[seen]
                seen += 1
            ended = self.process.poll() is not None
            try:
                self._news.get(timeout=min(0.5, max(0.01, deadline - time.monotonic())))
            except queue.Empty:
                if ended or time.monotonic() >= deadline:
                    errors = "\n".join(self.stderr_lines[-20:])
                    raise TimeoutError(f"no line '{prefix}' from Node; stderr: {errors}") from None

    def tell(self, line: str) -> None:
        """Write one line to the program's stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self) -> int:
        """End the program if it still runs; its exit code."""
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait(timeout=10)

    def _read(self, stream: IO[str] | None, lines: list[str]) -> None:
        assert stream is not None
        for line in stream:
            lines.append(line.rstrip("\n"))
            self._news.put(None)
