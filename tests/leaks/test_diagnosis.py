"""Verdicts that do not need a server, and the trend of samples."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nodemem.heap import open_snapshot
from nodemem.leaks import Observation, diagnose
from nodemem.leaks.evidence import floor_trend
from nodemem.records import MemorySample
from nodemem.testing import NodeProgram

PROGRAM = """
const v8 = require('node:v8');
class Entry { constructor(i) { this.text = `entry ${i}`; } }
const kept = new Map();
let n = 0;
function work(count) {
  for (let i = 0; i < count; i++) { n++; %s }
}
work(400);
setTimeout(() => {
  v8.writeHeapSnapshot('1.heapsnapshot');
  work(400);
  setTimeout(() => { v8.writeHeapSnapshot('2.heapsnapshot'); console.log('ready', kept.size); }, 9);
}, 9);
"""


def _observe(node: Path, folder: Path, work: str, **known) -> Observation:
    folder.mkdir(exist_ok=True)
    script = folder / "program.js"
    script.write_text(PROGRAM % work)
    NodeProgram.start(node, script, cwd=folder).stop()
    before, after = (open_snapshot(folder / f"{k}.heapsnapshot") for k in (1, 2))
    return Observation(before=before, after=after, **known)


@pytest.mark.parametrize(
    ("work", "verdict", "reason"),
    [
        ("kept.set(n, new Entry(n));", "leak", "kept"),
        # Only Node.js knows this holder, but one for each request is the program's doing.
        ("module.children.push(new module.constructor('m' + n));", "leak", "kept"),
        ("kept.set(n % 300, new Entry(n));", "bounded growth", "replaced"),
        ("kept.set(n, new Entry(n)); kept.delete(n - 250);", "bounded growth", "replaced"),
        # 20 were kept at first, the limit of 250 was met between the snapshots.
        (
            "if (n <= 400 && n % 20) continue; kept.set(n, new Entry(n)); kept.delete(n - 250);",
            "bounded growth",
            "replaced",
        ),
        ("kept.set(n % 410, kept.get(n % 410) ?? new Entry(n));", "steady", "same_size"),
        ("new Entry(n);", "steady", "same_size"),
    ],
)
def test_verdicts(work, verdict, reason, any_node, tmp_path):
    diagnosis = diagnose(_observe(any_node, tmp_path, work, requests=400))
    assert (diagnosis.verdict, diagnosis.reason) == (verdict, reason)
    assert bool(diagnosis.findings) == (verdict == "leak")


def test_unknown_is_not_steady(any_node, tmp_path):
    one = _observe(any_node, tmp_path / "one", "new Entry(n);")
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    other = _observe(any_node, tmp_path / "two", "kept.set(n, new Entry(n)); [].map(() => n);")
    mixed = diagnose(Observation(before=one.before, after=other.after))
    assert (mixed.verdict, mixed.reason) == ("insufficient evidence", "other_process")
    hasty = diagnose(Observation(one.before, one.after, before_time=1.0, after_time=1.5))
    assert (hasty.verdict, hasty.reason) == ("insufficient evidence", "too_short")
    idle = diagnose(Observation(one.before, one.after, requests=3))
    assert (idle.verdict, idle.reason) == ("insufficient evidence", "too_few_requests")


def test_rates_follow_from_time_and_requests(any_node, tmp_path):
    seen = _observe(
        any_node, tmp_path, "kept.set(n, new Entry(n));",
        before_time=2.0, after_time=12.0, requests=800,
    )  # fmt: skip
    (finding,) = diagnose(seen).findings
    told = {item.label: item.value for item in finding.evidence}
    assert told["added"] == 400
    assert told["added_per_request"] == 0.5
    assert told["growth_per_second"] == pytest.approx(told["grown"] / 10)
    assert told["growth_per_request"] == pytest.approx(told["grown"] / 800)


def _samples(used) -> list[MemorySample]:
    return [
        MemorySample(time=float(t), rss=10**8, heap_total=10**8, heap_used=int(v), external=0)
        for t, v in enumerate(used)
    ]


def test_trend_is_that_of_the_floor():
    saw = [10_000_000 + 50_000 * t + 3_000_000 * (t % 4) for t in range(48)]
    trend = floor_trend(_samples(saw))
    assert trend.slope == pytest.approx(50_000, rel=0.02)
    assert trend.r2 > 0.99
    assert 0.3 < trend.late < 0.7


def test_a_plateau_has_no_late_rise():
    filled = [10_000_000 + 400_000 * min(t, 16) for t in range(48)]
    assert floor_trend(_samples(filled)).late < 0.1


def test_few_samples_have_no_trend():
    assert floor_trend(_samples(range(5))) is None
    assert floor_trend(()) is None
