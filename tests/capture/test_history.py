"""What snapshots have cost: kept privately, bounded, and never in the way."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodemem.capture import history
from nodemem.capture.history import Past

PAST = Past(
    version="v22.1.0",
    program=history.program_of(["node", "/srv/app.js"], []),
    basis="census",
    heap_used=10**8,
    nodes=10**6,
    edges=3 * 10**6,
    pause=2.0,
    file_size=7 * 10**7,
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "nodemem" / history.NAME


def test_kept_and_read_again_without_names(kept: Path) -> None:
    assert history.load() == []
    history.add(PAST)
    [found] = history.load()
    assert found.when > 0
    assert (found.program, found.heap_used, found.extra_rss) == (PAST.program, 10**8, None)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert b"app.js" not in kept.read_bytes()


def test_programs_are_told_apart() -> None:
    by_path = history.program_of(["node", "/srv/app.js", "web"], [])
    assert by_path == history.program_of(["/usr/bin/node", "/srv/app.js", "web"], ["--expose-gc"])
    others = [
        (["node", "/srv/b.js", "web"], []),
        (["node", "/srv/app.js", "worker"], []),
        (["node"], ["-e", "1"]),
        (["node"], ["-e", "2"]),
    ]
    assert len({by_path, *(history.program_of(*one) for one in others)}) == 5


def test_the_oldest_are_given_up(kept: Path) -> None:
    for _ in range(3):
        history.add(PAST)
    line = kept.read_bytes().splitlines()[0]
    kept.write_bytes(b"\n".join([line] * 5000))
    history.add(Past(**{**vars(PAST), "pause": 9.0}))
    found = history.load()
    assert len(found) == history.KEPT
    assert found[-1].pause == 9.0
    assert len(kept.read_bytes().splitlines()) == history.KEPT


PIECES = st.sampled_from(
    [b'{"version":', b'"v22"', b"{}", b"[[", b"\n", b"1e999", b"null", b'"cpu":']
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.binary(max_size=50) | PIECES))
def test_garbage_is_passed_over(kept: Path, lines: list[bytes]) -> None:
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(b"".join(lines))
    history.add(PAST)
    assert history.load()[-1].program == PAST.program


@pytest.mark.parametrize(
    "change",
    [
        {"heap_used": 0},
        {"heap_used": -1},
        {"pause": float("nan")},
        {"pause": "2"},
        {"version": 22},
        {"cpu": True},
        {"file_size": None},
        {"edges": 10**400},
        {"numeric": 1},
    ],
)
def test_what_cannot_be_true_is_passed_over(kept: Path, change: dict[str, object]) -> None:
    kept.parent.mkdir()
    kept.write_text(json.dumps({**vars(PAST), **change}) + "\n")
    assert history.load() == []


def test_a_field_more_is_no_harm(kept: Path) -> None:
    kept.parent.mkdir()
    kept.write_text(json.dumps({**vars(PAST), "of_later": 1}) + "\n[[[[\n")
    assert history.load() == [PAST]


def test_where_nothing_can_be_kept_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    history.add(PAST)
    assert history.load() == []
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "nodemem").mkdir()
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / "nodemem" / history.NAME).symlink_to(tmp_path / "elsewhere")
    history.add(PAST)
    assert history.load() == []
    assert (tmp_path / "elsewhere").read_text() == "precious"
    (tmp_path / "nodemem" / history.NAME).unlink()
    os.mkfifo(tmp_path / "nodemem" / history.NAME)
    assert history.load() == []


ADD = """
from nodemem.capture.history import Past, add
for n in range(10):
    add(Past("v22.1.0", "p", "census", 1, 1, 1, float(n), 1))
"""


def test_several_at_once_lose_nothing(kept: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", ADD]) for _ in range(4)]
    assert [one.wait(60) for one in writers] == [0, 0, 0, 0]
    assert sorted(one.pause for one in history.load()) == sorted([*map(float, range(10))] * 4)
