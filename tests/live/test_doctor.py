"""What killed visitors leave is known and can be closed, and nothing else is."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

import nodemem
from nodemem.api.checks import installation, machine, process
from nodemem.api.doctor import doctor
from nodemem.cli import run
from nodemem.errors import TargetError, TargetNotFound
from nodemem.target import cdp, discover, endpoint, procfs, visits

# It dies where the lease would begin: right after the inspector has opened.
VISITOR = """
import os, signal, sys, nodemem
from nodemem.target import inspector, session, visits
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
{patch}
nodemem.attach(int(sys.argv[1]))
"""
BEFORE_THE_LEASE = "session.Lease = die"
BEFORE_THE_SOCKET_IS_SEEN = "inspector._wait_for_listener = die"


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def killed_visit(talker: Any, patch: str = BEFORE_THE_LEASE) -> None:
    code = VISITOR.format(patch=patch)
    done = subprocess.run([sys.executable, "-c", code, str(talker.pid)], check=False)
    assert done.returncode == -9
    assert until(lambda: len(talker.ports) == 1), "the inspector opens, and stays"


def notes(state: Path) -> list[Path]:
    return sorted((state / "nodemem" / visits.FOLDER).glob("*"))


def found(name: str, pid: int | None = None) -> list[tuple[str, str, str | None]]:
    checks = machine.checks() if pid is None else process.checks(pid)
    return [(one.status, one.reason, one.fix) for one in checks if one.name == name]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The notes of these tests only."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_killed_before_the_lease_it_is_shown_and_cleaned(
    node: Path, talk: Any, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talker = talk(node)
    threads = len(procfs.thread_names(talker.pid))
    killed_visit(talker)
    assert [path.stat().st_mode & 0o777 for path in notes(state)] == [0o600]
    talker.program.tell("log")
    assert int(talker.ask("alive")) >= 50, "an open inspector keeps what is logged"
    fix = f"nodemem doctor --clean {talker.pid}"
    assert ("warn", "left", fix) in found("visits")
    assert found("inspector", talker.pid) == [("warn", "left", fix)]
    assert run(["doctor", "--clean", str(talker.pid), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["data"]["rows"]
    assert (row["pid"], row["outcome"]) == (talker.pid, "closed")
    assert talker.ports == []
    assert talker.ask("alive") == "0"
    assert notes(state) == []
    assert visits.leftovers() == []
    assert until(lambda: len(procfs.thread_names(talker.pid)) == threads)
    assert run(["doctor", "--clean", str(talker.pid), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["rows"][0]["outcome"] == "was_closed"


def test_all_that_was_left_is_cleaned(any_node: Path, talk: Any, state: Path) -> None:
    first, second = talk(any_node), talk(any_node)
    killed_visit(first)
    killed_visit(second, BEFORE_THE_SOCKET_IS_SEEN)
    assert len(visits.leftovers()) == 2
    assert run(["doctor", "--clean"]) == 0
    assert (first.ports, second.ports) == ([], [])
    assert notes(state) == []


def test_the_next_visit_closes_it(any_node: Path, talk: Any, state: Path) -> None:
    talker = talk(any_node)
    killed_visit(talker)
    with nodemem.attach(talker.pid) as node:
        assert node.opened_inspector
    assert talker.ports == []
    assert notes(state) == []


def test_a_visit_in_good_order_leaves_no_note(any_node: Path, talk: Any, state: Path) -> None:
    talker = talk(any_node)
    with nodemem.attach(talker.pid):
        assert len(notes(state)) == 1
        assert found("inspector", talker.pid) == [("ok", "visited", None)]
        with pytest.raises(TargetError, match="being visited"):
            clean(talker.pid)
    assert notes(state) == []


def clean(pid: int, *, force: bool = False) -> list[dict[str, Any]]:
    from nodemem.api.cleaning import clean as cleaning

    return cleaning(pid, force=force).rows()


def test_a_process_id_that_is_used_again_is_another_process(
    any_node: Path, talk: Any, state: Path
) -> None:
    talker = talk(any_node, flags=["--inspect=127.0.0.1:0"])
    visit = visits.begin(talker.pid, 0)
    assert visit is not None
    (note,) = notes(state)
    forged = {"started": visit.started - 1, "visitor_started": visit.visitor_started - 1}
    note.write_bytes(msgspec.json.encode(msgspec.structs.replace(visit, **forged)))
    assert visits.leftovers() == []
    assert notes(state) == []
    with pytest.raises(TargetError, match="nothing says that nodemem opened") as caught:
        clean(talker.pid)
    assert "--force" in str(caught.value.next)
    assert len(talker.ports) == 1


def test_another_inspector_of_the_same_process_is_not_ours(
    any_node: Path, talk: Any, state: Path
) -> None:
    """Ours was closed by its lease; then somebody opened one."""
    talker = talk(any_node, flags=["--inspect=127.0.0.1:0"])
    visit = visits.begin(talker.pid, 0)
    assert visit is not None
    visits.opened(visit, inode=1)
    (note,) = notes(state)
    closed = msgspec.json.decode(note.read_bytes(), type=visits.Visit)
    gone = msgspec.structs.replace(closed, visitor_started=1, when=time.time() - 60)
    note.write_bytes(msgspec.json.encode(gone))
    assert visits.leftovers() == []
    assert notes(state) == []


def test_an_inspector_that_was_open_is_closed_by_force_only(any_node: Path, talk: Any) -> None:
    talker = talk(any_node, flags=["--inspect=127.0.0.1:0"])
    assert found("inspector", talker.pid) == [("ok", "open", None)]
    assert run(["doctor", "--clean", str(talker.pid)]) == 3
    assert run(["doctor", "--clean"]) == 0
    assert len(talker.ports) == 1
    assert run(["doctor", "--force"]) == 2
    assert clean(talker.pid, force=True)[0]["outcome"] == "closed"
    assert talker.ports == []
    talker.ask("usage")


def test_it_is_not_closed_under_a_debugger(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    killed_visit(talker)
    debugger = cdp.Connection(endpoint.ask("127.0.0.1", talker.ports[0]))
    with pytest.raises(TargetError, match="is connected"):
        clean(talker.pid)
    assert run(["doctor", "--clean"]) == 1
    debugger.call("Runtime.evaluate", {"expression": "1"})
    assert clean(talker.pid, force=True)[0]["outcome"] == "closed"
    assert debugger.wait_until_ended(60)


@pytest.mark.parametrize("home", ["/proc/none", "/dev/null", "not absolute"])
def test_where_no_note_can_be_written_the_visit_goes_on(
    any_node: Path, talk: Any, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", home)
    monkeypatch.setenv("HOME", "/proc/none")
    talker = talk(any_node)
    with nodemem.attach(talker.pid) as node:
        assert node.memory_usage().rss > 0
    assert talker.ports == []
    (state,) = [check for check in installation.checks() if check.name == "state"]
    assert (state.status, state.reason) == ("warn", "nowhere")


def test_what_is_no_note_is_not_read_as_one(any_node: Path, talk: Any, state: Path) -> None:
    talker = talk(any_node)
    killed_visit(talker)
    (note,) = notes(state)
    whole = note.read_bytes()
    for spoiled in (b"", whole[:40], b"[" * 100_000, whole.replace(b'"pid"', b'"pod"')):
        note.write_bytes(spoiled)
        assert visits.leftovers() == []
    note.unlink()
    os.mkfifo(note)
    note.with_name(f"{note.name}.json").symlink_to("/dev/zero")
    note.with_name(f"{note.name}.folder").mkdir()
    assert visits.leftovers() == []
    with pytest.raises(TargetError, match="nothing says"):
        clean(talker.pid)
    clean(talker.pid, force=True)


def test_one_process(any_node: Path, start: Any, talk: Any) -> None:
    ready = "console.log('ready'); setInterval(() => {}, 1e6)"
    talker = talk(any_node)
    names = ["process", "network", "inspector", "signal", "port"]
    rows = [check for check in doctor(talker.pid).checks if check.name in names]
    assert [(row.name, row.status) for row in rows] == [(name, "ok") for name in names]
    assert talker.program.stderr_lines == []
    blocked = start(any_node, ready, flags=["--disable-sigusr1"])
    assert found("signal", blocked.pid)[0][:2] == ("fail", "blocked")
    assert run(["doctor", str(blocked.pid)]) == 1
    assert [one.name for one in process.checks(blocked.pid)][-1] == "signal", "no port matters then"
    assert found("process", os.getpid())[0][:2] == ("fail", "not_node")
    with endpoint.socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = start(any_node, ready, flags=[f"--inspect-port={port}"])
        assert found("port", program.pid) == [("fail", "taken", f"nodemem doctor {os.getpid()}")]
        assert program.stderr_lines == []
    ended = start(any_node, ready)
    ended.stop()
    with pytest.raises(TargetNotFound):
        doctor(ended.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run something as somebody else")
def test_as_an_ordinary_user(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    code = (
        "import os, sys\n"
        "from nodemem.api import doctor\n"
        "doctor.doctor()\n"  # loads what that user may not read
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "for one in doctor.doctor(int(sys.argv[1])).checks:\n"
        "    print(one.name, one.status, one.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(talker.pid)], capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()
    assert "running warn hidden" in said
    assert "user ok ordinary" in said
    assert "capabilities ok none" in said
    assert "state warn nowhere" in said
    assert said[-1] == "process fail of_another_user"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_line_fits_and_has_its_command(
    lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nodemem.render.terminal import cells

    monkeypatch.setenv("COLUMNS", "80")
    run(["doctor", "--lang", lang])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 17
    assert all(cells(line) <= 80 for line in lines if "$ " not in line)


def test_every_reason_has_its_words() -> None:
    """Those that this machine does not give, too."""
    from nodemem.render.texts import load_texts

    folder = Path(nodemem.__file__).parent / "api" / "checks"
    named = [pair for path in folder.glob("*.py") for pair in reasons(ast.parse(path.read_text()))]
    assert len(named) > 40
    texts = load_texts("en")
    assert [pair for pair in named if f"doctor.{pair[0]}.{pair[1]}" not in texts] == []
    assert {f"doctor.signal.{one}" in texts for one in get_args(discover.Sigusr1)} == {True}


def reasons(module: ast.Module) -> Iterator[tuple[str, str]]:
    """(name, reason) of each `Check(name, status, reason, ...)`; `x if y else z` may be both."""
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Check":
            name, _, reason = call.args[:3]
            words = [reason.body, reason.orelse] if isinstance(reason, ast.IfExp) else [reason]
            for word in words:
                if isinstance(word, ast.Constant):
                    yield ast.literal_eval(name), word.value
