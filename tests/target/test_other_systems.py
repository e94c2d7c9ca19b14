"""What is said where there is no /proc."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import nodemem
from nodemem.errors import NotPermitted
from nodemem.target import host, procfs


@pytest.mark.parametrize(
    ("platform", "said"),
    [("darwin", "macOS"), ("win32", "Windows"), ("sunos5", "sunos5"), ("linux", "not mounted")],
)
@pytest.mark.parametrize(
    "look", [nodemem.ps, lambda: nodemem.memory_map(os.getpid()), lambda: nodemem.attach(1)]
)
def test_the_system_is_named_and_what_works(
    look: Callable[[], object],
    platform: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(procfs, "PROC", tmp_path)
    monkeypatch.setattr(host, "sys", SimpleNamespace(platform=platform))
    with pytest.raises(NotPermitted) as raised:
        look()
    assert said in (raised.value.why or "")
    assert "inspector" in (raised.value.next or "")
