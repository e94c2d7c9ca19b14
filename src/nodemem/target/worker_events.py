"""What the inspector of the main thread tells about worker threads, while it is asked to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from nodemem.errors import TargetError
from nodemem.target.session import Session

MOST = 1000  # worker threads that are asked
_LEAVING = 1.0

Event = TypeVar("Event")


class Worker(msgspec.Struct, frozen=True, rename="camel"):
    """A worker thread. `title` is `[worker N] name`, N being its threadId; the inspector's own
    number for it is another one."""

    title: str = ""
    url: str = ""


class Attached(msgspec.Struct, rename="camel"):
    """A session with a worker began."""

    session_id: str
    worker_info: Worker


class Received(msgspec.Struct, rename="camel"):
    """A worker sent `message`, an answer or an event in JSON."""

    session_id: str
    message: str


class Detached(msgspec.Struct, rename="camel"):
    """A session has ended, mostly because the worker has."""

    session_id: str


@contextlib.contextmanager
def attached_to_all(
    session: Session,
    *,
    attached: Callable[[Attached], object],
    received: Callable[[Received], object],
    detached: Callable[[Detached], object],
    timeout: float,
) -> Iterator[None]:
    """Sessions with all workers that run now and those that begin during the block. The three are
    called in the reading thread; `attached` has been for all that run when the block begins.

    Before its end each session should be detached from: the end of the block alone leaves them in
    the workers, which would then keep for ever what they pass to console.log().

    Raises:
        TargetError: the main thread does not answer within `timeout` seconds.
    """
    on = session.connection.on
    with (
        on("NodeWorker.attachedToWorker", _decoded(Attached, attached)),
        on("NodeWorker.receivedMessageFromWorker", _decoded(Received, received)),
        on("NodeWorker.detachedFromWorker", _decoded(Detached, detached)),
    ):
        # Workers that run now are announced before this call is answered.
        session.call("NodeWorker.enable", {"waitForDebuggerOnStart": False}, timeout=timeout)
        try:
            yield
        finally:
            with contextlib.suppress(TargetError):
                session.call("NodeWorker.disable", timeout=_LEAVING)


def _decoded(shape: type[Event], handler: Callable[[Event], object]) -> Callable[[bytes], None]:
    def handle(params: bytes) -> None:
        handler(msgspec.json.decode(params, type=shape))

    return handle
