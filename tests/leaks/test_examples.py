"""Each example: the leaking server is diagnosed, its healthy twin is not, and neither verdict
depends on how things are called."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
REQUESTS = 240
LEAKS = {
    # folder: finding, holder, class held, content, text on the line, names that are ours
    "unbounded-cache": (
        "leak.collection", "Map `sessions`", "Session", "Session", "const sessions",
        ["sessions", "Session", "opened"],
    ),
    "forgotten-listeners": (
        "leak.listeners", "EventEmitter `feed`", "function onPrice", "Subscription",
        "function onPrice", ["feed", "onPrice", "Subscription", "subscription"],
    ),
    "endless-timers": (
        "leak.timers", "TimersList", "function", "Upload", "setInterval(",
        ["Upload", "upload", "startReporting"],
    ),
    "stalled-requests": (
        "leak.collection", "Object `building`", "{report, done}", "Report", "const building",
        ["building", "Report", "report", "done", "tenant"],
    ),
}  # fmt: skip


def _line(text: str, wanted: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if wanted in line)


def _check(diagnosis, script: Path, expected) -> None:
    finding_id, holder, class_name, content, on_line = expected
    assert diagnosis.verdict == "leak"
    assert len(diagnosis.findings) == 1
    finding = diagnosis.findings[0]
    assert finding.id == finding_id
    assert finding.params["holder"] == holder
    assert finding.params["class"] == class_name
    assert (finding.params["content"] or class_name) == content
    line = _line(script.read_text(), on_line)
    assert (finding.where.file, finding.where.line) == (str(script), line)
    assert finding.params["where"] == f"{script.name}:{line}"
    assert finding.params["added"] >= 0.85 * REQUESTS
    assert finding.params["removed"] == 0
    assert finding.confidence > 0.7
    assert content in diagnosis.path.values("class")[-1]
    assert diagnosis.growth_bytes > 0.5 * finding.params["grown"] > 0


@pytest.mark.parametrize("folder", LEAKS)
def test_its_healthy_twin_is_not(folder, any_node, observe):
    # The limit of the cache (500) is met between the snapshots: it grows, but not for ever.
    diagnosis = observe(any_node, EXAMPLES / folder / "healthy.js", first=300, then=600)
    assert diagnosis.findings == ()
    expected = {"unbounded-cache": "bounded growth"}.get(folder, "steady")
    assert diagnosis.verdict == expected


@pytest.mark.parametrize("folder", LEAKS)
def test_any_names_and_any_line(folder, node, observe, tmp_path):
    """Names, file and line are changed at random; the diagnosis follows."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    text = (EXAMPLES / folder / "leaky.js").read_text()
    *expected, ours = LEAKS[folder]
    for name in ours:
        new = "".join(chance.choices("bcdfghklmnprstvw", k=3)) + f"{name}{chance.randrange(1000)}"
        if name[0].isupper():
            new = new.capitalize()
        word = re.compile(rf"\b{name}\b")
        text = word.sub(new, text)
        expected = [word.sub(new, part) for part in expected]
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("const http"))
    lines[at:at] = [f"// moved {n}" for n in range(chance.randrange(1, 300))]
    script = tmp_path / f"server{chance.randrange(10**6)}.js"
    script.write_text("\n".join(lines) + "\n")
    _check(observe(node, script, first=120, then=REQUESTS), script, expected)
