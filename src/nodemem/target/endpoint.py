"""Asking an inspector for its targets over HTTP, the way DevTools does."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import urllib.error
import urllib.request
from typing import Any

import msgspec

from nodemem.errors import TargetLost, TargetNotFound, UsageError

_LARGEST_ANSWER = 1 << 20
_TIMEOUT = 5.0


class Endpoint(msgspec.Struct, frozen=True):
    """Where to connect. `opened` says that we opened the inspector; `pid` is the process on this
    host, None if it is elsewhere. `host` and `port` are where we connect to."""

    url: str
    host: str
    port: int
    pid: int | None = None
    opened: bool = False

    @property
    def address(self) -> str:
        return join(self.host, self.port)


class _Listed(msgspec.Struct):
    id: str
    type: str = ""


class _Version(msgspec.Struct, rename={"browser": "Browser"}):
    browser: str = ""


def ask(host: str, port: int) -> str:
    """The WebSocket URL of the Node.js program that is inspected at `host:port`.

    Raises:
        TargetLost: nothing listens there.
        TargetNotFound: something else than the inspector of Node.js does.
    """
    version = _get(host, port, "/json/version", _Version)
    if not version.browser.startswith("node.js/"):
        raise TargetNotFound(
            f"{join(host, port)} is not the inspector of Node.js",
            why=f"it calls itself {version.browser[:60]!r}",
            next="nodemem ps shows where the inspectors of this host listen",
        )
    listed: list[_Listed] = _get(host, port, "/json/list", list[_Listed])
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
    """The IP address of a host: the inspector answers to no other name (DNS rebinding)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TargetNotFound(f"host {host[:80]} is unknown", why=str(error)) from error
        addresses = [entry[4][0] for entry in found]
        # Node.js listens on 127.0.0.1 unless told otherwise, also where localhost is ::1 first.
        return str(next((a for a in addresses if "." in str(a)), addresses[0]))
    return host


def join(host: str, port: int) -> str:
    """`127.0.0.1:9229`, `[::1]:9229`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _get(host: str, port: int, path: str, shape: Any) -> Any:
    where = join(host, port)
    # No proxy of the environment may come between us and a debugging port.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{where}{path}", timeout=_TIMEOUT) as answer:
            return msgspec.json.decode(answer.read(_LARGEST_ANSWER), type=shape)
    except (msgspec.DecodeError, urllib.error.HTTPError, http.client.HTTPException) as error:
        raise TargetNotFound(
            f"{where} is not the inspector of Node.js",
            why=str(error) or type(error).__name__,
            next="nodemem ps shows where the inspectors of this host listen",
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise TargetLost(
            f"nothing answers at {where}",
            why=getattr(reason, "strerror", None) or str(reason) or type(reason).__name__,
            next="nodemem ps shows where the inspectors of this host listen",
        ) from error
