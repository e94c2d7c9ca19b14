"""Makes one TCP socket that belongs to the network of another process, and hands it over.

Run as a program of its own: joining a user namespace, which is what permits the rest in a rootless
container, is refused to a process with threads, and a process that has joined one cannot go back.
A socket belongs to the network in which it was made, whoever connects it afterwards.

Arguments: address family, file descriptors of the network namespace and of the user namespace.
Standard input is a Unix socket, over which the socket goes. The exit code is the errno of what
failed.
"""

from __future__ import annotations

import os
import socket
import sys

_EPERM = 1


def join(namespace: int) -> None:
    """Go over into a namespace.

    Raises:
        OSError: the kernel says no.
    """
    if sys.version_info >= (3, 12):
        os.setns(namespace)
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def main(family: int, network: int, user: int) -> int:
    """Join, make the socket, send it; 0 or the errno."""
    if sys.platform == "win32":
        return _EPERM
    try:
        try:
            join(network)
        except PermissionError as refused:
            try:
                join(user)  # whose owner has all rights in it
                join(network)
            except OSError:
                raise refused from None
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=sys.stdin.fileno()) as caller,
            socket.socket(family, socket.SOCK_STREAM) as made,
        ):
            socket.send_fds(caller, [b"."], [made.fileno()])
    except OSError as error:
        return error.errno or _EPERM
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4])))
