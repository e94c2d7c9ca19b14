"""nodemem gc in a terminal of 80 columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodemem.cli import run
from nodemem.render.terminal import cells

LOGS = Path(__file__).parent.parent / "gc/logs"


@pytest.mark.parametrize("words", [["--lang", "en"], ["--lang", "ko"], ["--events"]])
@pytest.mark.parametrize(
    "name",
    ["node18/lru.trace-gc.log", "node22/lru.trace-gc-nvp.log", "node24/lru.trace-events.json"],
)
def test_no_line_is_wider(
    name: str,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(LOGS)
    assert run(["gc", name, *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 5
    assert [line for line in lines if cells(line) > 80] == []
