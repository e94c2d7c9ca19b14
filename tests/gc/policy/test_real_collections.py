"""The rules of the old generation against what real programs printed of it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodemem.gc.log import GcLog
from nodemem.gc.policy import old
from nodemem.gc.policy.near_limit import CONSECUTIVE, INEFFECTIVE, near_limit
from nodemem.gc.policy.young import grown
from nodemem.records import GcEvent

LOGS = Path(__file__).with_name("logs")
MIB = 1 << 20
FACTOR = re.compile(rb"\[HeapController\] factor ([\d.]+) based on .*gc=(\d+), mutator=(\d+)\)")
LIMIT = re.compile(rb"\[HeapController\] Limit: old size: (\d+) KB, new limit: (\d+) KB")
YOUNG = re.compile(rb"New space, +used: +(\d+) KB, available: +(\d+) KB")


def limits(text: bytes) -> Iterator[tuple[float, float, int, int, int, bool]]:
    """What is printed of each major collection: the speeds, what is alive, the new limit, what new
    space has room for (bytes), and whether it was to reduce memory."""
    parts = re.split(rb"(?=\[HeapController\] factor)", text)[1:]
    for part in parts:
        factor, limit, young = FACTOR.search(part), LIMIT.search(part), YOUNG.search(part)
        if factor and limit and young:
            room = (int(young[1]) + int(young[2])) * 1024
            reduce = re.search(rb'reduce_memory(=1|":true)', part[: young.start()]) is not None
            live, new = int(limit[1]) * 1024, int(limit[2]) * 1024
            yield float(factor[2]), float(factor[3]), live, new, room, reduce


@pytest.mark.parametrize("path", sorted(LOGS.glob("*-*.log.gz")), ids=lambda path: path.name)
def test_the_new_limit_follows_from_the_speeds(path: Path) -> None:
    release, _, given = re.match(r"node(\d+)\.([\w-]+)\.([\d-]+)", path.name).groups()  # type: ignore[union-attr]
    most = int(given.split("-")[0]) * MIB
    count = 0
    for gc_speed, mutator_speed, live, new, room, reduce in limits(
        gzip.decompress(path.read_bytes())
    ):
        mode: old.Mode = "minimal" if reduce else old.mode(live, most)
        capacity = old.counted_capacity(1 << (room - 1).bit_length(), release)
        factor = old.growing_factor(most, gc_speed or None, mutator_speed, mode)
        said = old.allocation_limit(live, factor, capacity, most, mode)
        assert said == pytest.approx(new, rel=0.01)
        count += 1
    assert count >= 3


@pytest.mark.parametrize("path", sorted(LOGS.glob("*.ends.*")), ids=lambda path: path.name)
def test_when_v8_gives_up(path: Path) -> None:
    """As ineffective: at the last collection or the last but one, never where the limit was reached
    otherwise."""
    release, most = re.match(r"node(\d+)\.ends\.(\d+)", path.name).groups()  # type: ignore[union-attr]
    with GcLog(path) as log:
        majors = [one for one in log if isinstance(one, GcEvent) and one.kind == "major"]
    row, at = 0, None
    for number, one in enumerate(majors):
        assert one.used_after is not None
        assert one.average_utilization is not None
        counts = near_limit(release).ineffective(
            one.used_after, int(most) * MIB, one.average_utilization
        )
        row = row + 1 if counts else 0
        if row == CONSECUTIVE and at is None:
            at = number
    if INEFFECTIVE.encode() in gzip.decompress(path.read_bytes()):
        assert at is not None
        assert at >= len(majors) - 2
    else:
        assert at is None


@pytest.mark.parametrize("release", ["24", "26"])
def test_new_space_grows_by_what_survived(release: str) -> None:
    with GcLog(LOGS / f"node{release}.leak.1200-16.log.gz") as log:
        events = [one for one in log if isinstance(one, GcEvent)]
    capacity, since, steps = 0, 0, 0
    for one in events:
        assert one.new_capacity is not None
        since += (one.survived or 0) + (one.promoted or 0)
        if one.kind == "minor" and capacity:
            assert one.new_capacity == grown(capacity, since, 16 * MIB)
        if capacity and one.new_capacity != capacity:
            since, steps = 0, steps + 1
        capacity = one.new_capacity
    assert steps >= 4
