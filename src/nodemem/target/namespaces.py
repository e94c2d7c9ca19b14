"""Connections into the network of another process, as that of a container."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

from nodemem.errors import NotPermitted
from nodemem.target import containers, endpoint, procfs
from nodemem.target.endpoint import Connect

_ENTERS_WITHIN = 10.0
_PROGRAM = Path(__file__).with_name("enter_network.py")


def connect_to(pid: int) -> Connect:
    """What opens connections to a process's own addresses, 127.0.0.1 as well: the plain way where
    its network is ours, else through its network namespace.

    Raises:
        NotPermitted: we may not go there; `next` says how to go there otherwise.
    """
    if procfs.shares_network(pid) is not False:
        return endpoint.connect
    inside = Inside(pid)
    try:
        inside.make(socket.AF_INET, _ENTERS_WITHIN).close()
    except OSError as error:
        raise NotPermitted(
            f"process {pid} is in another network namespace",
            why="its inspector listens on the loopback interface of its container, and this "
            f"command may not enter it ({error.strerror or error})",
            next=containers.way_in(pid),
        ) from error
    return inside


class Inside:
    """Opens connections within the network of one process. Nothing of ours goes there but the
    socket, so there is nothing to come back from."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._started = procfs.start_ticks(pid)

    def __call__(self, address: tuple[str, int], timeout: float) -> socket.socket:
        """A connection to (IP address, port), with `timeout` as its limit.

        Raises:
            OSError: nothing listens there, or the process has ended.
        """
        return endpoint.connect(address, timeout, lambda family: self.make(family, timeout))

    def make(self, family: socket.AddressFamily, timeout: float) -> socket.socket:
        """A TCP socket of that network, not yet connected.

        Raises:
            OSError: the namespace may not be entered, or the process has ended.
        """
        folder = procfs.PROC / str(self._pid) / "ns"
        with open(folder / "net", "rb") as network, open(folder / "user", "rb") as user:
            if procfs.start_ticks(self._pid) != self._started:
                raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
            return _made_inside(family, network.fileno(), user.fileno(), timeout)


def _made_inside(
    family: socket.AddressFamily, network: int, user: int, timeout: float
) -> socket.socket:
    if sys.platform == "win32":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            # Alone in its process group, so that Ctrl-C does not end it half-way.
            child = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(_PROGRAM),
                    *map(str, (int(family), network, user)),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(network, user),
                process_group=0,
            )
        try:
            ours.settimeout(timeout)
            _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
            code = child.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from error
        finally:
            child.kill()
            child.wait()
    if not descriptors:
        reason = code if code > 0 else errno.EIO  # it was killed, or could not even start
        raise OSError(reason, os.strerror(reason))
    return socket.socket(fileno=descriptors[0])
