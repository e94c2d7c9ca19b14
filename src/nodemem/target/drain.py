"""Reads on in our place. A program of its own, started by `keeper`: drain.py SOCKET PIPE

Both are numbers of inherited file descriptors. One byte from the pipe ends it. If the pipe is
closed without, its owner is gone: then what the target still sends is read and thrown away, so that
the connection does not break off in the middle of it.
"""

import os
import select
import sys

assert sys.platform == "linux"

_QUIET = 1.0  # seconds; to break off is dangerous only between messages that come close together
_PROMPT = 0.05
_CLOSE = b"\x88\x00"  # the frame with which Node.js says good-bye, and waits for us to go


def main(connection: int, pipe: int) -> None:
    """Wait for the owner to dismiss us, or to be gone; in the latter case read to the end."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    poll.register(pipe, select.POLLIN)
    ready = {number for number, _ in poll.poll()}
    if connection not in ready and not os.read(pipe, 1):
        drain(connection)


def drain(connection: int) -> None:
    """Read until the other side ends it, takes its leave, or has nothing more to say."""
    tail = b""
    while select.select([connection], [], [], _PROMPT if tail == _CLOSE else _QUIET)[0]:
        data = os.read(connection, 1 << 18)
        if not data:
            return
        tail = (tail + data)[-2:]


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]))
    except OSError:  # the other side is gone
        sys.exit(1)
