"""What is said on Linux where /proc is not mounted. For other systems see tests/platforms."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import nodemem
from nodemem.errors import NotPermitted
from nodemem.target import procfs


@pytest.mark.parametrize(
    "look", [nodemem.ps, lambda: nodemem.memory_map(os.getpid()), lambda: nodemem.attach(1)]
)
def test_it_is_said_what_is_missing_and_what_works(
    look: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procfs, "PROC", tmp_path)
    with pytest.raises(NotPermitted) as raised:
        look()
    assert "not mounted" in (raised.value.why or "")
    assert "inspector" in (raised.value.next or "")
