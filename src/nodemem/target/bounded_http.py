"""One HTTP request that comes to an end in time and size, whatever answers.

The clients of the standard library limit each single read; a server that drips a byte now and then
holds them for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import sys
import time
from collections.abc import Callable

_END_OF_HEADERS = b"\r\n\r\n"


def get(sock: socket.socket, host: str, path: str, *, deadline: float, largest: int) -> bytes:
    """The body of the answer to a GET request, over a connection that is open.

    It is that of a 200 answer and not encoded in any way, as the inspector sends it. `deadline` is
    one of time.monotonic(), `largest` is that of the whole answer in bytes.

    Raises:
        HTTPException: it is no HTTP, not status 200, or too long.
        OSError: the connection broke; TimeoutError when the deadline passed.
    """
    answer = bytearray()

    def read_until(complete: Callable[[], bool]) -> None:
        """Until it is complete, or ends."""
        while not complete():
            if len(answer) >= largest:
                raise http.client.HTTPException("its answer is too long")
            sock.settimeout(left(deadline))
            data = sock.recv(1 << 16)
            if not data:
                return
            answer.extend(data)

    sock.settimeout(left(deadline))
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    read_until(lambda: _END_OF_HEADERS in answer)
    head, _, _ = answer.partition(_END_OF_HEADERS)
    first, _, rest = bytes(head).partition(b"\r\n")
    status = first.split(None, 2)
    if len(status) < 2 or not status[0].startswith(b"HTTP/1."):
        raise http.client.HTTPException("it speaks no HTTP")
    if status[1] != b"200":
        raise http.client.HTTPException(f"it answers {status[1][:9].decode(errors='replace')!r}")
    length = http.client.parse_headers(io.BytesIO(rest)).get("content-length", "")
    begin = len(head) + len(_END_OF_HEADERS)
    end = begin + int(length) if length.isdecimal() and len(length) < 19 else sys.maxsize
    read_until(lambda: len(answer) >= end)
    return bytes(answer[begin:end])


def left(deadline: float) -> float:
    """Seconds until the deadline.

    Raises:
        TimeoutError: it has passed.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("its answer did not come to an end in time")
    return seconds
