"""Every limit that was measured on real releases is reproduced to the byte."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nodemem.errors import UsageError
from nodemem.gc.policy import Flags, heap_limits
from nodemem.gc.policy.flags import read

HERE = Path(__file__).parent
MIB = 1 << 20
SHARED: dict[str, dict[str, Any]] = json.loads((HERE / "heap-limits-measured.json").read_text())
RELEASES = json.loads((HERE / "releases-measured.json").read_text())["rows"]
MACHINE = 24684092 << 10  # its MemTotal; all that matters is that it is above 16 GiB


def flags(text: str) -> Flags:
    words = (word[2:].partition("=") for word in text.split())
    given, odd = read((name, value if equals else None) for name, equals, value in words)
    if odd:
        raise UsageError(f"not understood: {odd}")
    return given


def case(name: str) -> tuple[str, int | None]:
    """(flags, limit of the control group in bytes) of a row like `old 512`, `--lite-mode`,
    `--max-old-space-size-percentage=50 limit 1000`."""
    cgroup = re.search(r"\blimit (\d+)$", name)
    text = re.sub(r"\s*\blimit \d+$", "", name)
    names = {"old": "max-old-space-size", "semi": "max-semi-space-size", "heap": "max-heap-size"}
    text = re.sub(r"^(old|semi|heap) (\d+)$", lambda m: f"--{names[m[1]]}={m[2]}", text)
    return text, int(cgroup[1]) * MIB if cgroup else None


@pytest.mark.parametrize("name", SHARED)
def test_the_shared_measurements(name: str) -> None:
    text, cgroup = case(name)
    for node, measured in SHARED[name].items():
        if isinstance(measured, str) and "bad option" not in measured:
            continue  # Node.js ended for want of memory; which limit it had is not known
        try:
            limit = heap_limits(node, MACHINE, cgroup, flags=flags(text)).heap_size_limit
        except UsageError:
            assert isinstance(measured, str), node
        else:
            assert limit == measured * MIB, node


def test_every_release_from_6_to_26() -> None:
    checked = 0
    for kib, text, by_release in RELEASES:
        for node, measured in by_release.items():
            try:
                limit = heap_limits(node, kib << 10, flags=flags(text)).heap_size_limit
            except UsageError:
                limit = None
            assert limit == measured, (node, kib, text)
            checked += 1
    assert checked > 2500
