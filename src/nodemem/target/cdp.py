"""A blocking client of the inspector: calls that wait for their answer, and events.

One thread of ours reads. It hands events to their handlers itself, so a slow handler slows the
reading and nothing piles up in our memory.

Node.js's WebSocket server is minimal: it drops the connection on a ping, on compression, on
fragments and on binary frames. Hence the settings in `__init__`, each of which is needed.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import connect

from nodemem.errors import NodememError, TargetLost
from nodemem.target.channel import Channel

_LARGEST_MESSAGE = 64 << 20  # Node.js cuts a snapshot into chunks far smaller
_QUEUED_MESSAGES = 4  # of up to about 1 MiB each


class Connection(Channel):
    """A session with one inspector target. `open_socket` makes the TCP connection within so many
    seconds, where it is not simply one to the host and port of `url`.

    Raises:
        TargetLost: nothing answers at `url`, or it is no inspector.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 5.0,
        open_socket: Callable[[float], socket.socket] | None = None,
    ) -> None:
        super().__init__()
        self.url = url
        self._open = contextlib.ExitStack()
        try:
            sock = None if open_socket is None else open_socket(timeout)
            self._socket = self._open.enter_context(
                connect(
                    url,
                    sock=sock,
                    open_timeout=timeout,
                    close_timeout=2.0,
                    ping_interval=None,
                    compression=None,
                    max_size=_LARGEST_MESSAGE,
                    max_queue=_QUEUED_MESSAGES,
                    proxy=None,
                    user_agent_header=None,
                )
            )
        except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed, EOFError) as error:
            raise TargetLost(
                f"no inspector answers at {url}",
                why=str(error) or type(error).__name__,
                next="nodemem ps shows which Node.js processes have an open inspector",
            ) from error
        # Messages that follow each other at once must arrive so, not with the first one's receipt.
        self._socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = threading.Thread(target=self._read, name="nodemem-inspector", daemon=True)
        self._reader.start()

    def fileno(self) -> int:
        """The file descriptor of its socket."""
        return self._socket.socket.fileno()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is posted during the block leaves at once at its end: the target shall do it without
        anything in between."""
        cork = getattr(socket, "TCP_CORK", None)  # Linux; elsewhere nothing is as sure
        if cork is None:
            yield
            return
        sock = self._socket.socket
        with contextlib.suppress(OSError):  # the connection has ended, as the next call will tell
            sock.setsockopt(socket.IPPROTO_TCP, cork, 1)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, cork, 0)

    def close(self) -> None:
        """End the connection from our side. May be called from any thread, more than once."""
        self._socket.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=5.0)

    def _transmit(self, message: bytes) -> None:
        try:
            self._socket.send(message, text=True)
        except (ConnectionClosed, OSError) as error:
            raise self._lost() from error

    def _read(self) -> None:
        try:
            while True:
                self._receive(self._socket.recv(decode=False))
        except (ConnectionClosed, OSError, EOFError):
            pass
        except msgspec.DecodeError:  # what speaks there is no inspector
            self._socket.close()
        finally:
            self._end()

    def _lost(self) -> NodememError:
        return TargetLost(f"the connection to {self.url} ended")
