"""A visit to one Node.js process: attach, ask, and leave it as it was found."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Annotated, Any, Self

import msgspec

from nodemem.errors import NodememError, TargetError, TargetLost, TargetNotFound, TargetTimeout
from nodemem.target import cdp, cluster, inspector, locate, orderly, probe, procfs, visits
from nodemem.target.channel import Handler
from nodemem.target.death import Vigil
from nodemem.target.endpoint import Endpoint
from nodemem.target.keeper import Keeper
from nodemem.target.lease import Lease
from nodemem.target.probe_answer import read_answer

_GROUP = "nodemem"
_LEAVING = 3.0  # seconds granted to each step of leaving
_MOMENT = 1.5  # seconds in which a request over HTTP has its answer, on a busy machine too


class Identity(msgspec.Struct, frozen=True, rename="camel"):
    """What the process says about itself. In a container `pid` is the one inside. `loads` says
    that built-in modules can be loaded without the console's `require`; `started` is not set while
    the program waits for a debugger before its first line."""

    pid: Annotated[int, msgspec.Meta(ge=0, le=1 << 32)]
    version: Annotated[str, msgspec.Meta(max_length=100)]
    loads: bool = True
    started: bool = True
    arch: str = ""
    platform: str = ""
    argv: list[str] = []
    exec_argv: list[str] = []


class Session:
    """An attached process. A context manager; `close` leaves.

    `pid` is the process's id on this host, None if it runs elsewhere. `warnings` are text keys of
    what the user should know about how the process was left. With `opens_for_others` set, an
    inspector that we opened is closed even while others use it: it was opened for them.
    """

    def __init__(self, target: int | str) -> None:
        self.warnings: list[str] = []
        self.opens_for_others = False
        self._undo: list[str] = []
        self.identity = Identity(pid=0, version="")
        self.endpoint = Endpoint("", "", 0)
        self._by_address = isinstance(target, str) and not target.isdecimal()
        self._closed = False
        self._connection: cdp.Connection | None = None
        self._vigil: Vigil | None = None
        self._lease: Lease | None = None
        self._keeper: Keeper | None = None
        self._holds_termination = orderly.hold_termination()
        try:
            # A connection that is broken off half-way would count as that of another tool.
            orderly.to_the_end(lambda: self._reach(target), lambda _: self._leave())
            self._introduce()
            if self.endpoint.along:
                orderly.to_the_end(self._close_workers, lambda _: None)
        except BaseException:
            self.close()
            raise

    def _reach(self, target: int | str) -> None:
        self.endpoint = locate.find(target)
        if self.endpoint.pid is not None:
            self._vigil = Vigil(self.endpoint.pid)
        self._connection = cdp.Connection(self.endpoint.url, open_socket=self.endpoint.open_socket)

    def _introduce(self) -> None:
        self.connection.listen("NodeRuntime.waitingForDisconnect", self._let_go)
        self.identity = self.ask("identity", Identity)
        if not self.identity.started:
            raise TargetError(
                f"{self.name} has not begun to run",
                why="it was started with --inspect-brk or --inspect-wait and waits for a debugger",
                next="let it run from a debugger (chrome://inspect), or restart it with --inspect",
            )
        if self.pid is not None and procfs.inner_pid(self.pid) not in (None, self.identity.pid):
            self._forwarded(self.pid)
        # As soon as can be: until then an inspector that we opened stays open if we are killed.
        if self.endpoint.opened:
            self._lease = Lease(self.connection, command_line_api=not self.identity.loads)
        # An open session keeps a program from ending; this announces that it wants to.
        for method, params in (
            ("NodeRuntime.enable", {}),  # unknown to Node.js 18, which needs none
            ("NodeRuntime.notifyWhenWaitingForDisconnect", {"enabled": True}),
        ):
            try:
                self.call(method, params)
            except (TargetLost, TargetTimeout):
                raise
            except TargetError:
                pass

    def _close_workers(self) -> None:
        for pid in cluster.opened(self.endpoint.along, self.endpoint.port):
            with contextlib.suppress(NodememError):  # it has ended, or somebody else closed it
                worker = Session(pid)
                worker.adopt()
                worker.close()

    def _forwarded(self, pid: int) -> None:
        """Who listens is not who answers: `pid` is a proxy, itself written in Node.js."""
        if not self._by_address:
            raise TargetNotFound(
                f"what listens on the inspector's port of process {pid} is not its inspector",
                why=f"process {self.identity.pid} answers there: the program forwards that port",
                next=f"start process {pid} with another --inspect-port",
            )
        self.endpoint = msgspec.structs.replace(self.endpoint, pid=None)
        self._vigil = None

    @property
    def pid(self) -> int | None:
        return self.endpoint.pid

    @property
    def version(self) -> str:
        """Node.js release, e.g. `v22.20.0`."""
        return self.identity.version

    @property
    def loads(self) -> bool:
        """Whether built-in modules can be loaded without the console's `require`."""
        return self.identity.loads

    @property
    def name(self) -> str:
        """How the process is called in messages: its pid, else its address."""
        return f"process {self.pid}" if self.pid is not None else self.endpoint.address

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        timeout: float | None = 10.0,
        check: Callable[[], None] | None = None,
        doing: str = "we were attached",
    ) -> Any:
        """Call one inspector method; see `cdp.Connection.call`.

        Raises:
            TargetError, TargetTimeout, TargetLost: the last says why the process ended, if known.
        """
        try:
            return self.connection.call(method, params, timeout=timeout, check=check)
        except TargetLost as error:
            raise self.lost(doing) from error

    def step_aside(self) -> None:
        """Leave the port of an inspector that we opened to other processes, which may have the
        same: it goes on on a free one. Nothing may have been started in the session yet.

        Raises:
            TargetError: it does not open there.
        """
        if not self.endpoint.opened or self.pid is None:
            return
        orderly.to_the_end(self._move, lambda _: None)
        self._introduce()
        if self.endpoint.along:  # a primary has told them to open once more
            orderly.to_the_end(self._close_workers, lambda _: None)

    def _move(self) -> None:
        pid, old = self.pid, self.connection
        assert pid is not None
        if self._lease is not None:
            self._lease.end()
        before = {one.inode for one in procfs.listeners(pid) or []}
        old.post("Runtime.evaluate", self.probe_call("move_inspector"))
        if not old.wait_until_ended(_LEAVING):
            raise TargetTimeout(
                f"{self.name} did not move its inspector within {_LEAVING:g} s",
                why="its event loop is blocked, or the machine is very busy",
                next="try again when it is idle",
            )
        old.close()
        self.endpoint = inspector.moved(self.endpoint, before)
        self._connection = cdp.Connection(self.endpoint.url, open_socket=self.endpoint.open_socket)

    def post(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Ask without waiting for an answer; see `Channel.post`."""
        self.connection.post(method, params)

    def lost(self, doing: str) -> TargetLost:
        """The error to raise when the connection ended while we were `doing` something."""
        if self._vigil is not None:
            return self._vigil.lost(doing)
        return TargetLost(
            f"{self.endpoint.address} closed the connection while {doing}",
            why="the process ended, or its inspector was closed",
            next=f"see whether it still runs, then try {self.endpoint.address} again",
        )

    def on(self, event: str, handler: Handler) -> AbstractContextManager[None]:
        """Hand every `event` that arrives during the block to `handler`; see `Channel.on`."""
        return self.connection.on(event, handler)

    def ask(self, name: str, shape: type[Any], *, timeout: float = 10.0) -> Any:
        """Run the probe `name` in the target and read its answer as `shape`.

        Raises:
            TargetNotFound: what answers is not Node.js.
            TargetError: the probe failed there.
        """
        answer = self.call("Runtime.evaluate", self.probe_call(name), timeout=timeout)
        return read_answer(answer, shape, self.name)

    def probe_call(self, name: str) -> dict[str, Any]:
        """Parameters of Runtime.evaluate that run a probe and bring its answer by value."""
        return {
            "expression": f"{probe.source(name)}()",
            "objectGroup": _GROUP,
            # The console's `require`, for Node.js 18 running a module; it leaves an object behind.
            "includeCommandLineAPI": not self.identity.loads,
            "silent": True,
            "returnByValue": True,
        }

    def wait(self, seconds: float | None) -> None:
        """Wait (None: for ever), but no longer than the connection lasts."""
        if seconds is None or seconds > 0:
            self.connection.wait_until_ended(seconds)

    def other_clients(self) -> int:
        """How many others are attached to the same inspector; 0 where that cannot be seen."""
        if self.pid is None:
            return 0
        return max(0, (procfs.clients(self.pid, self.endpoint.port) or 1) - 1)

    def _staying_clients(self) -> int:
        """As `other_clients`, without those that only ask who listens, as `nodemem ps` does: they
        are gone in a moment."""
        until = time.monotonic() + _MOMENT
        while (others := self.other_clients()) and time.monotonic() < until:
            time.sleep(_MOMENT / 30)
        return others

    @contextlib.contextmanager
    def while_it_sends(self) -> Iterator[None]:
        """For the time in which the target sends a lot: somebody will read that to its end, even
        if we are killed or break off; see `keeper`."""
        if self._keeper is None:  # there is one already after a time that was broken off
            self._keeper = Keeper(self.connection.fileno())
        yield
        self._keeper.dismiss()  # not if broken off: then it goes on sending
        self._keeper = None

    def forget_console(self) -> None:
        """Free the arguments of console.log() that an open inspector keeps, unless another tool
        is attached, whose console would be emptied too."""
        if not self.other_clients():
            self.call("Runtime.discardConsoleEntries")

    def adopt(self) -> None:
        """Close the inspector when leaving, as if we had opened it."""
        self.endpoint = msgspec.structs.replace(self.endpoint, opened=True)

    def undo_with(self, method: str) -> None:
        """Call `method` when leaving, before anything else: what was started must be stopped."""
        self._undo.append(method)

    def done_with(self, method: str) -> None:
        """Take back `undo_with`: it was called already."""
        self._undo.remove(method)

    @property
    def connection(self) -> cdp.Connection:
        assert self._connection is not None
        return self._connection

    def close(self) -> None:
        """Leave: stop what was started, free what the console kept, close the inspector if we
        opened it and nobody else uses it. Never raises on account of the target."""
        if self._closed:
            return
        self._closed = True
        try:
            orderly.in_thread(self._leave, "nodemem-leave").wait()
        finally:
            self._release()

    def _release(self) -> None:
        if self._holds_termination:
            self._holds_termination = False
            orderly.release_termination()

    def _leave(self) -> None:
        connection = self._connection
        if connection is None or (connection.ended and self._may_be_open()):
            connection = self._reconnect()
            if connection is None:
                return
        try:
            if self._lease is not None:
                self._lease.end()
            for method in reversed(self._undo):
                connection.post(method)
            connection.post("Runtime.releaseObjectGroup", {"objectGroup": _GROUP})
            others = 0 if self._ends_for_all else self._staying_clients()
            if not others:
                # It would also empty the console of another tool that is attached.
                connection.post("Runtime.discardConsoleEntries")
            if self.endpoint.opened and not others:
                # Not waited for: a busy target carries it out when it can, in this order.
                connection.post("Runtime.evaluate", self.probe_call("close_inspector"))
                if connection.wait_until_ended(_LEAVING):
                    if self.pid is not None:
                        visits.forget(self.pid)
                    return
                if self._vigil is not None and self._vigil.alive:
                    self.warnings.append("target.closing_later")
                return
            if self.endpoint.opened and others:
                self.warnings.append("target.left_open_for_others")
            with contextlib.suppress(NodememError):
                connection.call("Runtime.evaluate", {"expression": "0"}, timeout=_LEAVING)
        finally:
            if self._keeper is None:
                connection.close()
            else:
                run = functools.partial(_run_out, connection, self._keeper)
                threading.Thread(target=run, name="nodemem-run-out", daemon=True).start()

    @property
    def _ends_for_all(self) -> bool:
        return self.opens_for_others and self.endpoint.opened

    def _reconnect(self) -> cdp.Connection | None:
        """We opened an inspector and have no connection to it: once more, to close it."""
        if not self.endpoint.opened:
            return None
        try:
            return cdp.Connection(self.endpoint.url, open_socket=self.endpoint.open_socket)
        except NodememError:
            self.warnings.append("target.closing_later")
            return None

    def _may_be_open(self) -> bool:
        """Whether the inspector that we opened still listens."""
        if not self.endpoint.opened or self._vigil is None or not self._vigil.alive:
            return False
        listeners = procfs.listeners(self._vigil.pid) or []
        return any(one.port == self.endpoint.port for one in listeners)

    def _let_go(self, _params: bytes) -> None:
        if self._vigil is not None:
            self._vigil.leaving = True
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _run_out(connection: cdp.Connection, keeper: Keeper) -> None:
    """Close a connection once the target has sent all that it had begun to send."""
    with contextlib.suppress(NodememError):
        connection.call("Runtime.evaluate", {"expression": "0"}, timeout=None)
    connection.close()
    keeper.dismiss()
