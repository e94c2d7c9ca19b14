"""HTTP load on a server of this machine, to see what it does to the server's memory."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from types import TracebackType
from typing import Self

TIMEOUT = 10.0


class HttpLoad:
    """Sends `GET path` over `connections` keep-alive connections until it is stopped, at most
    `rate` requests a second.

    `path` may hold `{n}`, the number of the request, counted from `first`. Only loopback is ever
    addressed. `requests` and `failures` count what was answered and what was not; `unused` is a
    number that no request has had. A context manager.
    """

    def __init__(
        self,
        port: int,
        path: str,
        *,
        rate: float = 1000.0,
        connections: int = 4,
        first: int = 0,
    ) -> None:
        self.port = port
        self.path = path
        self.rate = rate
        self.requests = 0
        self.failures = 0
        self.seconds = 0.0
        self.first = first
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._drive, name=f"load-{i}", daemon=True)
            for i in range(connections)
        ]

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT)
        self.seconds = time.monotonic() - self._begun

    @property
    def unused(self) -> int:
        # Each connection may have taken one more number when it was stopped.
        return self.first + self.requests + self.failures + len(self._threads)

    def _drive(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            while not self._stop.is_set():
                number = next(self._numbers)
                due = self._begun + number / self.rate
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    break
                try:
                    connection.request("GET", self.path.format(n=self.first + number))
                    connection.getresponse().read()
                except (OSError, http.client.HTTPException):
                    connection.close()
                    self._count(failed=True)
                    self._stop.wait(0.1)
                else:
                    self._count(failed=False)
        finally:
            connection.close()

    def _count(self, *, failed: bool) -> None:
        with self._lock:
            if failed:
                self.failures += 1
            else:
                self.requests += 1
