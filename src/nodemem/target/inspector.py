"""Finding a process's inspector, or opening it with SIGUSR1 where that is safe.

SIGUSR1 ends a process that does not catch it, so it is sent only where the kernel says that it is
caught, and through a file descriptor of the process, so that it cannot reach another one that got
the same id meanwhile.
"""

from __future__ import annotations

import signal
import sys
import time

import msgspec

from nodemem.errors import NotPermitted, TargetError, TargetNotFound, TargetTimeout, UnsafeTarget
from nodemem.target import (
    cluster,
    commandline,
    containers,
    discover,
    endpoint,
    family,
    host,
    namespaces,
    ports,
    procfs,
    told,
    visits,
)
from nodemem.target.endpoint import Connect, Endpoint
from nodemem.target.hold import take_hold
from nodemem.target.told import SYSTEM, Hold, Holder, Listener, Status

_YOUNG = 2.0  # seconds in which a starting Node.js will have set up its signal handler
_EXEC = 0.3
_OPENS_WITHIN = 5.0
_LOOK_EVERY = 0.01
_PERMISSION_MODEL = ("--permission", "--experimental-permission")
_ALLOW_INSPECTOR = 24  # major release in which --allow-inspector came
_BUSY = 0.8  # of the time; a program that is free to open its inspector rests now and then


def reach(pid: int) -> Endpoint:
    """The inspector of a process, opened if it is not open.

    Raises:
        TargetNotFound: no such process, not Node.js, or it has ended.
        NotPermitted: another user's, or the program does not allow an inspector.
        UnsafeTarget: SIGUSR1 would kill it, or stop what it does.
        TargetError: its port is taken, or it handles SIGUSR1 itself.
        TargetTimeout: it is too busy to open it, or the inspector does not answer.
    """
    try:
        hold = take_hold(pid)
    except (OSError, OverflowError) as error:
        require_running(pid)
        raise _ended(pid) from error
    # All that is read by number on the way is true of this process if it still lives at the end.
    try:
        found = _reach(pid, hold)
        _require_same(pid, hold)
        return found
    except TargetError as error:
        if not isinstance(error, TargetNotFound):
            _require_same(pid, hold)
        raise
    finally:
        hold.close()


def _require_same(pid: int, hold: Hold) -> None:
    """Refuse to go on with a number that may mean another process by now."""
    if hold.ended:
        raise _ended(pid)


def _ended(pid: int) -> TargetNotFound:
    return TargetNotFound(
        f"process {pid} ended while we looked at it",
        why="another process may have its number by now",
        next="nodemem ps shows the Node.js processes that run now",
    )


def _reach(pid: int, hold: Hold) -> Endpoint:
    process = _node_process(pid)
    connect = namespaces.connect_to(pid)  # before anything is opened that we could not reach
    state = process.inspector
    if state.open and state.address is not None:
        # What an earlier run of ours left open, killed before it could close it, is ours to close.
        return _at(pid, state.address, connect, opened=visits.left(pid) is not None)
    if state.open:
        ports = ", ".join(discover.address_of(one) for one in procfs.listeners(pid) or [])
        raise TargetError(
            f"process {pid} has an open inspector, but on which of its ports cannot be told",
            why=f"it was started with a random inspector port and listens on {ports}",
            next=f"read 'Debugger listening on' in its log and name that: nodemem usage {ports}",
        )
    return _open(process, hold, connect)


def require_running(pid: int) -> Status:
    """Refuse what is no live process that we may use.

    Raises:
        TargetNotFound, NotPermitted, UnsafeTarget
    """
    status = procfs.status(pid)
    if status is None:
        host.require_processes()
        raise TargetNotFound(
            f"there is no process {pid}", next="nodemem ps lists the Node.js processes of this host"
        )
    if status.state in "ZX":
        raise TargetNotFound(
            f"process {pid} has ended",
            why="it is a zombie: its parent has not yet asked for its exit code",
            next=f"look at its parent, process {status.parent}",
        )
    if not procfs.readable(pid) and discover.is_ours(status):
        raise NotPermitted(
            f"process {pid} may not be looked at",
            why="it has privileges that this command lacks (capabilities, or a set-uid program)",
            next=told.elevated(f"nodemem usage {pid}")
            + ("; in a container, add the capability SYS_PTRACE" if told.BY_KERNEL else ""),
        )
    if not procfs.readable(pid):
        inside = containers.find(pid) is not None
        raise NotPermitted(
            f"process {pid} belongs to another user",
            why=f"it runs as {discover.user_of(status)}"
            f"{' in a container' if inside else ''}, "
            f"this command as {discover.our_name()}",
            next=f"sudo nodemem usage {pid}, or inside: {containers.way_in(pid)}"
            if inside
            else told.elevated(f"nodemem usage {pid}", discover.user_of(status)),
        )
    if status.state in "Tt":
        raise UnsafeTarget(
            f"process {pid} is stopped",
            why="it was stopped by a signal or a debugger and can answer nothing",
            next=f"kill -CONT {pid}",
        )
    return status


def _node_process(pid: int) -> discover.NodeProcess:
    require_running(pid)
    process = discover.examine(pid)
    while process is None and _younger(pid, _EXEC):
        time.sleep(_LOOK_EVERY)  # between fork and exec it still looks like its parent
        process = discover.examine(pid)
    if process is None:
        raise family.not_node(pid)
    return process


def _open(process: discover.NodeProcess, hold: Hold, connect: Connect) -> Endpoint:
    pid = process.pid
    _require_safe_signal(process)
    options = discover.options_of(pid)
    held = ports.holder(options.host, options.port, pid) if options.port else None
    if held is not None and options.certain:
        raise _port_taken(pid, options.port, held)
    along = cluster.closed_workers(pid)
    before = {one.inode for one in procfs.listeners(pid) or []}
    visit = visits.begin(pid, options.port)
    ran = procfs.main_thread_ran(pid) or 0.0
    for worker in along:
        visits.begin(worker, discover.options_of(worker).port)
    try:
        if sys.platform != "win32":
            hold.send(signal.SIGUSR1)
    except OSError as error:
        visits.forget(pid)
        if isinstance(error, PermissionError):
            raise NotPermitted(f"process {pid} may not be signalled", why=str(error)) from error
        raise _ended(pid) from error
    listener = _wait_for_listener(pid, before, options, connect)
    if listener is not None:
        visits.opened(visit, listener.inode)
        found = _at(pid, discover.address_of(listener), connect, opened=True)
        return msgspec.structs.replace(found, along=along)
    if procfs.gone(pid):
        raise _ended(pid)
    if (procfs.main_thread_ran(pid) or 0.0) - ran > _BUSY * _OPENS_WITHIN:
        raise TargetTimeout(
            f"process {pid} has not opened its inspector within {_OPENS_WITHIN:g} s",
            why="it is busy in a single step that cannot be interrupted (a big JSON.parse, a "
            "synchronous call of crypto or zlib), and opens it after that",
            next=f"try again when it is done: nodemem usage {pid} finds it open and closes it",
        )
    hidden = "" if options.certain else "; or its port, which its title hides, is taken"
    raise TargetError(
        f"process {pid} did not open its inspector on SIGUSR1",
        why="the program very likely handles SIGUSR1 itself (process.on('SIGUSR1')), and that "
        "handler has run now; or it waits in a system call (execSync) and opens it after that"
        f"{hidden}",
        next="restart it with --inspect=127.0.0.1:0, then nodemem usage PID",
    )


def moved(endpoint_: Endpoint, before: set[int]) -> Endpoint:
    """The inspector of a process, which we had opened, after it was moved to another port. `before`
    are the sockets that the process listened on, by inode.

    Raises:
        TargetError: it has not opened.
    """
    pid = endpoint_.pid
    assert pid is not None
    anywhere = msgspec.structs.replace(discover.options_of(pid), port=0)
    visit = visits.begin(pid, 0)
    listener = _wait_for_listener(pid, before, anywhere, endpoint_.connect)
    if listener is None:
        raise TargetError(f"the inspector of process {pid} did not open on another port")
    visits.opened(visit, listener.inode)
    found = _at(pid, discover.address_of(listener), endpoint_.connect, opened=True)
    return msgspec.structs.replace(found, along=endpoint_.along)


def _younger(pid: int, seconds: float) -> bool:
    """Whether it was started less than `seconds` ago; not where that cannot be seen."""
    age = procfs.age(pid)
    return age is not None and age < seconds


def _require_safe_signal(process: discover.NodeProcess) -> None:
    """Wait for the signal handler of a process that has only just started; refuse all else."""
    pid = process.pid
    while True:
        status = require_running(pid)
        verdict = discover.sigusr1(status)
        if verdict == "safe":
            return
        if verdict == "absent":
            raise _cannot_open(process)
        if verdict == "unknown":
            _require_likely(process)
            while _younger(pid, _YOUNG):
                time.sleep(_LOOK_EVERY)
            return
        if _younger(pid, _YOUNG):
            time.sleep(_LOOK_EVERY)  # Node.js blocks the signal first and then sets its handler
            continue
        if verdict == "blocked":
            raise _switched_off(process)
        raise UnsafeTarget(
            f"SIGUSR1 would kill process {pid}",
            why="it does not catch the signal that opens the inspector",
            next="restart it with --inspect=127.0.0.1:0, then nodemem usage PID",
        )


def _require_likely(process: discover.NodeProcess) -> None:
    """Where the system does not tell what a process catches: make sure that it is a Node.js to
    which the signal does no harm once it has started. Node.js blocks the signal until it catches
    it, and for good where it is switched off.

    Raises:
        NotPermitted: it is switched off.
        UnsafeTarget: what it does is not known.
    """
    words = _options(process)
    if any(word in ("--disable-sigusr1", *_PERMISSION_MODEL) for word in words):
        raise _switched_off(process)
    if process.electron or process.version is None or procfs.age(process.pid) is None:
        raise UnsafeTarget(
            f"SIGUSR1 might kill process {process.pid}",
            why=f"it is no Node.js as nodejs.org builds it, and {SYSTEM} does not tell whether it "
            "catches the signal that opens the inspector",
            next="restart it with --inspect=127.0.0.1:0, then nodemem usage PID",
        )


def _cannot_open(process: discover.NodeProcess) -> NotPermitted:
    return NotPermitted(
        f"the inspector of process {process.pid} is closed",
        why=f"it cannot be opened from outside: {SYSTEM} has no signal for that",
        next="restart it with --inspect=127.0.0.1:0, then nodemem usage PID",
    )


def _options(process: discover.NodeProcess) -> list[str]:
    """The words of its command line, and of NODE_OPTIONS."""
    environ = procfs.environ(process.pid) or {}
    return [*process.argv, *commandline.node_options(environ.get("NODE_OPTIONS", ""))]


def _switched_off(process: discover.NodeProcess) -> NotPermitted:
    """The signal does nothing: say by which option, and what lets an inspector in."""
    restricted = next((word for word in _options(process) if word in _PERMISSION_MODEL), None)
    # Before, nothing lets an inspector in under the permission model, not even --inspect.
    major = int((process.version or "v0").lstrip("v").partition(".")[0])
    option = restricted or "--disable-sigusr1"
    remedy = "with --inspect=127.0.0.1:0"
    if restricted is None and commandline.title(process.argv) is not None:
        option = "--disable-sigusr1 or --permission; its title hides which"
        remedy = f"{remedy} (under --permission with --allow-inspector, too)"
    elif restricted is not None and major >= _ALLOW_INSPECTOR:
        remedy = "with --allow-inspector --inspect=127.0.0.1:0"
    elif restricted is not None:
        remedy = f"without {restricted}"
    return NotPermitted(
        f"process {process.pid} does not open its inspector on SIGUSR1",
        why=f"the signal is switched off, as with {option}",
        next=f"restart it {remedy}, then nodemem usage PID",
    )


def _wait_for_listener(
    pid: int, before: set[int], options: commandline.InspectorOptions, connect: Connect
) -> Listener | None:
    """The socket that appears after the signal; the expected port is preferred.

    Raises:
        TargetError: none appeared, and somebody else was seen to have that port.
    """
    port = options.port
    rival: TargetError | None = None
    deadline = time.monotonic() + _OPENS_WITHIN
    while time.monotonic() < deadline and not procfs.gone(pid):
        fresh = [one for one in procfs.listeners(pid) or [] if one.inode not in before]
        fresh.sort(key=lambda one: one.port != port)
        for one in fresh:
            if one.port == port or _is_inspector(one, connect):
                return one
        # It was free a moment ago, and may be so again when we give up.
        if port and rival is None and not fresh:
            held = ports.holder(options.host, port, pid)
            if held is not None and not (held.listens and held.pid == pid):
                rival = _port_taken(pid, port, held)
        time.sleep(_LOOK_EVERY)
    if rival is not None and not procfs.gone(pid):
        raise rival
    return None


def _is_inspector(listener: Listener, connect: Connect) -> bool:
    """Whether a socket that opened right after our signal is what we asked for."""
    try:
        endpoint.ask(*endpoint.split(discover.address_of(listener)), connect)
    except TargetError:
        return False
    return True


def _port_taken(pid: int, port: int, held: Holder) -> TargetError:
    ways = ["start programs with ports of their own, e.g. NODE_OPTIONS=--inspect-port=9300"]
    command = " ".join(procfs.argv(held.pid) or [])[:80] if held.pid is not None else ""
    who = f"process {held.pid} ({command})"
    if held.listens and held.pid is None:
        why = "a process that cannot be seen from here listens there"
        ways.insert(0, f"sudo ss -ltnp 'sport = :{port}'")
    elif held.listens:
        why = f"{who} listens there"
        if held.pid is not None and is_node(held.pid):
            close = f"nodemem doctor --clean {held.pid} --force"
            ways.insert(0, f"close its inspector if nobody needs it: {close}")
    elif held.pid is None:
        why = "a connection was made from there, which ended less than a minute ago, or is of a "
        why += "process that cannot be seen from here"
        ways.insert(0, "try again in a minute")
    else:
        why = f"{who} has made a connection from there"
        ways.insert(0, "try again a minute after it has ended")
    return TargetError(
        f"the inspector of process {pid} cannot open: port {port} is taken",
        why=why,
        next=", or ".join(ways),
    )


def _at(pid: int, address: str, connect: Connect, *, opened: bool) -> Endpoint:
    host, port = endpoint.split(address)
    deadline = time.monotonic() + _OPENS_WITHIN
    while True:
        try:
            url = endpoint.ask(host, port, connect)
            return Endpoint(url, host, port, pid=pid, opened=opened, connect=connect)
        except TargetError as error:
            # Between bind and listen of a socket that is just opening, connections are refused.
            if time.monotonic() >= deadline or procfs.gone(pid):
                raise TargetTimeout(
                    f"the inspector of process {pid} at {address} does not answer",
                    why=str(error),
                    next="try again, or use another port: nodemem usage HOST:PORT",
                ) from error
            time.sleep(_LOOK_EVERY)


def is_node(pid: int) -> bool:
    """Whether a process of this host is seen to be Node.js."""
    return discover.examine(pid) is not None
