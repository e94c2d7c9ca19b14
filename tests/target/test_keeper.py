"""Killed while the target sends, we leave somebody behind who reads on to the end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import pytest

# Takes the connection as a session would, reads a little of it, and is killed or says good-bye.
CLIENT = """
import os, signal, socket, sys
from nodemem.target.keeper import Keeper
mine = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
keeper = Keeper(mine.fileno())
mine.recv(100)
if sys.argv[2] == "done":
    keeper.dismiss()
else:
    os.kill(os.getpid(), signal.SIGKILL)
"""
MUCH = 8 << 20  # bytes: more than the kernel keeps for a connection on which nobody reads


def client(listening: socket.socket, end: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    port = str(listening.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-c", CLIENT, port, end])
    server, _ = listening.accept()
    server.settimeout(60)
    return process, server


@pytest.mark.parametrize("goodbye", [b"", b"\x88\x00"], ids=["silence", "close-frame"])
def test_it_reads_what_is_sent_after_our_death_and_then_leaves(goodbye: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process, server = client(listening, "killed")
        with server:
            server.sendall(b"x" * 100)
            assert process.wait(60) == -signal.SIGKILL
            server.sendall(b"x" * MUCH)
            server.sendall(b"x" * MUCH + goodbye)
            assert server.recv(1) == b"", "the other side hangs up when all is sent"


def test_dismissed_it_leaves_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process, server = client(listening, "done")
        with server:
            server.sendall(b"x" * 100)
            assert process.wait(60) == 0
            assert _hung_up(server)


def _hung_up(server: socket.socket) -> bool:
    """Whether nobody holds the other end any more. Unread data makes that a reset."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if server.recv(1) == b"":
                return True
        except ConnectionResetError:
            return True
    return False
