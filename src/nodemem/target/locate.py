"""From what the user has named to an inspector: a process id, an address, a URL."""

from __future__ import annotations

import ipaddress
import os

from nodemem.target import endpoint, inspector, ports
from nodemem.target.endpoint import Endpoint

_DIGITS = 20  # no process id is longer; Python refuses to read thousands of them


def find(target: int | str) -> Endpoint:
    """The inspector that is meant by a process id, `host:port` or a `ws://` URL; that of a process
    is opened if it is closed.

    Raises:
        UsageError: the text names no process.
        TargetNotFound, NotPermitted, UnsafeTarget, TargetError: see `inspector.reach` and
            `endpoint.ask`.
    """
    if isinstance(target, int) or (target.isdecimal() and len(target) <= _DIGITS):
        return inspector.reach(int(target))
    if target.startswith("ws://"):
        address, slash, path = target.removeprefix("ws://").partition("/")
        host, port = endpoint.split(address)
        url = f"ws://{endpoint.join(host, port)}/{path}" if slash and path else None
    else:
        host, port = endpoint.split(target)
        url = None
    return Endpoint(url or endpoint.ask(host, port), host, port, pid=_local_pid(host, port))


def _local_pid(host: str, port: int) -> int | None:
    """The process of this host behind an address, if it is of this host."""
    if not ipaddress.ip_address(host).is_loopback:
        return None
    owner = ports.listener(port, os.getpid())
    # A forwarded port (docker-proxy, ssh, kubectl) belongs to the forwarder, not to the program.
    is_node = owner is not None and inspector.is_node(owner)
    return owner if is_node else None
