"""Asking an inspector for its targets over HTTP, the way DevTools does."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import time
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from nodemem.errors import TargetLost, TargetNotFound, TargetTimeout, UsageError
from nodemem.target import bounded_http

_LARGEST_ANSWER = 1 << 20
_TIMEOUT = 5.0

Connect = Callable[[tuple[str, int], float], socket.socket]
"""Opens a TCP connection to (host, port) within so many seconds, or raises OSError."""


def connect(
    address: tuple[str, int],
    timeout: float,
    make: Callable[[socket.AddressFamily], socket.socket] = socket.socket,
) -> socket.socket:
    """A TCP connection to (IP address, port), over the socket that `make` makes.

    The port that it starts from stays in use for a minute after it has ended; we leave that port to
    any server that wants it.

    Raises:
        OSError: nothing listens there, or not within `timeout` seconds.
    """
    family, _, _, _, where = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
    sock = make(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(timeout)
        sock.connect(where)
    except BaseException:
        sock.close()
        raise
    return sock


class Endpoint(msgspec.Struct, frozen=True):
    """Where to connect. `opened` says that we opened the inspector; `pid` is the process on this
    host, None if it is elsewhere. `host` and `port` are where `connect` connects to. `along` are
    cluster workers whose inspectors were closed before this one was opened."""

    url: str
    host: str
    port: int
    pid: int | None = None
    opened: bool = False
    connect: Connect = connect
    along: tuple[int, ...] = ()

    @property
    def address(self) -> str:
        return join(self.host, self.port)

    def open_socket(self, timeout: float) -> socket.socket:
        """A TCP connection to it, without a time limit once it is made.

        Raises:
            OSError: nothing listens there.
        """
        sock = self.connect((self.host, self.port), timeout)
        sock.settimeout(None)
        return sock


class _Listed(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]{1,100}$")]  # it goes into the address


class _Version(msgspec.Struct, rename={"browser": "Browser"}):
    browser: str = ""


def ask(host: str, port: int, connect: Connect = connect) -> str:
    """The WebSocket URL of the Node.js program that is inspected at `host:port`, as `connect`
    reaches it.

    Raises:
        TargetLost: nothing listens there.
        TargetNotFound: something else than the inspector of Node.js does.
        TargetTimeout: what listens has not answered within 5 s.
    """
    deadline = time.monotonic() + _TIMEOUT
    version = _get(host, port, "/json/version", _Version, connect, deadline)
    if not version.browser.startswith("node.js/"):
        raise TargetNotFound(
            f"{join(host, port)} is not the inspector of Node.js",
            why=f"it calls itself {version.browser[:60]!r}",
            next="nodemem ps shows where the inspectors of this host listen",
        )
    listed: list[_Listed] = _get(host, port, "/json/list", list[_Listed], connect, deadline)
    if not listed:
        raise TargetNotFound(f"the inspector at {join(host, port)} offers no target")
    return f"ws://{join(host, port)}/{listed[0].id}"


def split(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` in its parts; a name becomes an address, as Node.js demands.

    Raises:
        UsageError: it is not written like that.
        TargetNotFound: the name is unknown.
    """
    host, colon, port = address.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(
            f"'{address[:80]}' names no process",
            next="give a process id, host:port or a ws:// URL; nodemem ps lists processes",
        )
    return resolve(host), int(port)


def resolve(host: str) -> str:
    """The IP address of a host: the inspector answers to no other name (DNS rebinding).

    Raises:
        TargetNotFound: the name is unknown.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TargetNotFound(
                f"host {host[:80]} is unknown",
                why=getattr(error, "strerror", None) or str(error),
                next="give its address in place of its name; 127.0.0.1 is this machine",
            ) from error
        addresses = [entry[4][0] for entry in found]
        # Node.js listens on 127.0.0.1 unless told otherwise, also where localhost is ::1 first.
        return str(next((a for a in addresses if "." in str(a)), addresses[0]))
    return host


def join(host: str, port: int) -> str:
    """`127.0.0.1:9229`, `[::1]:9229`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _get(host: str, port: int, path: str, shape: Any, connect: Connect, deadline: float) -> Any:
    where = join(host, port)
    listing = "nodemem ps shows where the inspectors of this host listen"
    try:
        with connect((host, port), bounded_http.left(deadline)) as sock:
            body = bounded_http.get(sock, where, path, deadline=deadline, largest=_LARGEST_ANSWER)
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError, http.client.HTTPException) as error:
        raise TargetNotFound(
            f"{where} is not the inspector of Node.js",
            why=str(error) or type(error).__name__,
            next=listing,
        ) from error
    except TimeoutError as error:
        raise TargetTimeout(
            f"{where} did not answer within {_TIMEOUT:g} s",
            why="it is stopped or very busy, or not the inspector of Node.js",
            next=listing,
        ) from error
    except (OSError, ValueError) as error:
        raise TargetLost(
            f"nothing answers at {where}",
            why=getattr(error, "strerror", None) or str(error) or type(error).__name__,
            next=listing,
        ) from error
