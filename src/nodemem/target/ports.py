"""Who keeps a TCP port from a process that would listen there.

Not only whoever listens there does: a connection that was made from a port keeps it, too, and an
ended one for another minute, unless both sockets allow sharing (SO_REUSEADDR). Node.js's does. As
nobody can read whether the other does, we find out by asking for the port ourselves, without
listening, in the way Node.js would; nobody who may have it is refused it meanwhile.
"""

from __future__ import annotations

import errno
import socket

from nodemem.errors import TargetError
from nodemem.target import endpoint, procfs
from nodemem.target.told import Holder, portable


@portable
def holder(host: str, port: int, seen_from: int) -> Holder | None:
    """Who keeps `host:port` from a listener in the network of process `seen_from`. Connections
    count only where that network is ours."""
    there = [(state, inode) for _, at, state, inode in procfs.sockets(seen_from) if at == port]
    listening = {inode for state, inode in there if state == procfs.LISTEN}
    if listening:
        return Holder(_process(listening))
    if there and procfs.shares_network(seen_from) and _is_refused(host, port):
        return Holder(_process({inode for _, inode in there if inode}), listens=False)
    return None


@portable
def listener(port: int, seen_from: int) -> int | None:
    """The process that listens on `port` in the network of process `seen_from`."""
    return _process(
        {
            inode
            for _, at, state, inode in procfs.sockets(seen_from)
            if state == procfs.LISTEN and at == port
        }
    )


def _process(inodes: set[int]) -> int | None:
    """The process that has one of these sockets."""
    if inodes:
        for pid in procfs.pids():
            if inodes & (procfs.socket_inodes(pid) or set()):
                return pid
    return None


def _is_refused(host: str, port: int) -> bool:
    try:
        address = endpoint.resolve(host)
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as asking:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            asking.bind((address, port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    except TargetError:
        return False
    return False
