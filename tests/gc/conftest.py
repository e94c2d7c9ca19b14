"""Real logs of every release, as they were printed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from nodemem.gc.v8_log import V8Log
from nodemem.records import GcEvent

LOGS = Path(__file__).with_name("logs")

Read = Callable[[bytes], tuple[list[GcEvent], V8Log]]


@pytest.fixture
def logs() -> Path:
    return LOGS


@pytest.fixture(scope="session")
def read() -> Read:
    """Read the text of a log: its events, and the reader with what it counted."""

    def run(text: bytes) -> tuple[list[GcEvent], V8Log]:
        log = V8Log(io.BytesIO(text).read)
        return list(log), log

    return run
