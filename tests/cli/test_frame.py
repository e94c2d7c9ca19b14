"""What all verbs share, through one of them: formats, destinations, errors, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nodemem.cli import run
from nodemem.testing import build_snapshot

HOSTILE = "Evil\x1b[31m"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "a.heapsnapshot"
    path.write_bytes(
        build_snapshot(
            [
                ("synthetic", "", 0),
                ("object", "global", 10),
                *[("object", f"Class{i:02}", 100 - i) for i in range(30)],
                ("object", HOSTILE, 5),
            ],
            [
                (0, "shortcut", "global", 1),
                *[(1, "property", f"p{i}", i) for i in range(2, 33)],
            ],
        )
    )
    return path


def nodemem(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nodemem", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "NODEMEM_LANG": "en", **environment},
    )


def test_stdout_is_the_result_only(snapshot: Path) -> None:
    done = nodemem("heap", "classes", str(snapshot), "--json")
    envelope = json.loads(done.stdout)
    assert envelope["schema"] == "nodemem/heap-classes@1"
    assert envelope["subject"]["files"] == [str(snapshot)]
    assert {"class", "count", "shallow", "retained", "distance"} <= set(envelope["data"]["rows"][0])
    assert envelope["truncated"]["shown"] == 25
    assert "Traceback" not in done.stderr


def test_the_form_follows_the_option_or_the_name_of_the_file(
    snapshot: Path, tmp_path: Path
) -> None:
    csv = nodemem("heap", "classes", str(snapshot), "--format", "csv")
    assert csv.stdout.startswith("class,count,shallow,retained,distance,")
    for name, start in (("r.json", '{"schema"'), ("r.csv", "class,"), ("r.md", ""), ("r.txt", "")):
        out = tmp_path / name
        done = nodemem("heap", "classes", str(snapshot), "-o", str(out))
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        assert str(out) in done.stderr
        assert out.read_text().startswith(start)
        assert "Class00" in out.read_text()
        assert out.stat().st_mode & 0o777 == 0o600
        assert "\x1b" not in out.read_text()


def test_existing_files_are_kept_unless_forced(snapshot: Path, tmp_path: Path) -> None:
    out = tmp_path / "there.json"
    out.write_text("mine")
    refused = nodemem("heap", "classes", str(snapshot), "-o", str(out))
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert out.read_text() == "mine"
    assert nodemem("heap", "classes", str(snapshot), "-o", str(out), "--force").returncode == 0
    assert out.read_text().startswith("{")


def test_an_unwritable_place_is_its_own_exit_code(snapshot: Path, tmp_path: Path) -> None:
    done = nodemem("heap", "classes", str(snapshot), "-o", str(tmp_path / "no" / "where.json"))
    assert done.returncode == 6
    assert "mkdir -p" in done.stderr


def test_errors_say_what_happened_and_what_next(tmp_path: Path) -> None:
    done = nodemem("heap", "classes", str(tmp_path / "missing"))
    assert done.returncode == 4
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("nodemem: ")
    assert any(line.startswith("  next: ") for line in lines)
    assert "Traceback" not in done.stderr
    assert "Traceback" in nodemem("heap", "classes", str(tmp_path / "missing"), "--debug").stderr


def test_terminal_escapes_of_a_snapshot_do_not_reach_the_terminal(snapshot: Path) -> None:
    for form in ("text", "md", "csv"):
        done = nodemem("heap", "classes", str(snapshot), "--top", "99", "--format", form)
        assert "Evil" in done.stdout
        assert "\x1b[31m" not in done.stdout


def test_a_file_name_need_not_be_text(snapshot: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/odd\xff\x1b[31m.heapsnapshot"
    snapshot.rename(os.fsdecode(odd))
    done = nodemem("heap", "classes", os.fsdecode(odd), "--json")
    assert done.returncode == 0, done.stderr
    assert [os.fsencode(n) for n in json.loads(done.stdout)["subject"]["files"]] == [odd]
    written = nodemem("heap", "classes", os.fsdecode(odd), "-o", os.fsdecode(odd + b".json"))
    assert written.returncode == 0, written.stderr
    assert "\x1b" not in written.stderr
    missing = nodemem("heap", "classes", os.fsdecode(odd + b"\nnodemem: all is well"))
    assert missing.returncode == 4
    assert "\x1b" not in missing.stderr
    assert "\nnodemem: all is well" not in missing.stderr


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("top", ["5", "99"])
def test_a_full_disk_behind_stdout_is_no_bug_of_ours(snapshot: Path, form: str, top: str) -> None:
    command = [sys.executable, "-m", "nodemem", "heap", "classes", str(snapshot), "--top", top]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*command, "--format", form], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 6
    assert "No space left" in done.stderr
    assert "Exception ignored" not in done.stderr


def test_stdout_may_be_closed(snapshot: Path) -> None:
    command = f"{sys.executable} -m nodemem heap classes {snapshot} >&-"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def test_any_encoding_can_be_written_to() -> None:
    page = nodemem("explain", "usage", "--lang", "ko", PYTHONIOENCODING="ascii")
    assert page.returncode == 0, page.stderr
    framed = subprocess.run(
        [sys.executable, "-m", "nodemem", "explain", "usage", "--lang", "ko", "--json"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert "메모리" in json.loads(framed.stdout.decode("utf-8"))["data"]["body"]


def test_colour_only_where_it_is_wanted(snapshot: Path) -> None:
    assert "\x1b[" not in nodemem("heap", "classes", str(snapshot)).stdout
    always = nodemem("heap", "classes", str(snapshot), "--color", "always")
    assert "\x1b[" in always.stdout


def test_global_options_may_stand_before_the_verb(snapshot: Path) -> None:
    before = nodemem("--lang", "ko", "heap", "classes", str(snapshot))
    after = nodemem("heap", "classes", str(snapshot), "--lang", "ko")
    assert before.returncode == 0
    assert before.stdout == after.stdout
    assert before.stdout != nodemem("heap", "classes", str(snapshot)).stdout


def test_settings_of_the_directory_count(snapshot: Path) -> None:
    (snapshot.parent / "nodemem.toml").write_text("top = 3\n")
    done = subprocess.run(
        [sys.executable, "-m", "nodemem", "heap", "classes", snapshot.name, "--json"],
        cwd=snapshot.parent,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
    )
    assert len(json.loads(done.stdout)["data"]["rows"]) == 3


def test_the_same_input_gives_the_same_bytes(snapshot: Path) -> None:
    outputs = {nodemem("heap", "suspects", str(snapshot), "--json").stdout for _ in range(2)}
    assert len(outputs) == 1


def test_a_closed_pipe_is_no_error(snapshot: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m nodemem heap classes {snapshot} --top 99 | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_the_wrong_number_of_files_is_a_usage_error(snapshot: Path) -> None:
    assert run(["heap", "diff", str(snapshot)]) == 2
    assert run(["heap", "classes", str(snapshot), str(snapshot)]) == 2


def test_interrupting_ends_with_130(tmp_path: Path) -> None:
    fifo = tmp_path / "never.ndjson"
    program = (
        "import signal, nodemem.cli as c, nodemem.cli.heap as h\n"
        "import nodemem.results.query as q, time, sys\n"
        "q.Query.run = lambda *a: (print('ready', flush=True), time.sleep(60))\n"
        f"sys.exit(c.run(['heap', 'classes', {str(fifo)!r}]))\n"
    )
    snapshot = build_snapshot([("synthetic", "", 0)], [])
    fifo.write_bytes(snapshot)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_completion_speaks_to_the_shells() -> None:
    script = nodemem("completion", "bash")
    assert "_NODEMEM_COMPLETE" in script.stdout
    words = nodemem(
        _NODEMEM_COMPLETE="bash_complete", COMP_WORDS="nodemem us", COMP_CWORD="1"
    ).stdout
    assert "usage" in words
