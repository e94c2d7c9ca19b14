"""nodemem explain: pages of words, with the numbers of a real process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nodemem.cli import run
from nodemem.render.topics import MAP_TOPICS, SNAPSHOT_TOPICS, TOPICS
from nodemem.testing import NodeProgram

ROOT = Path(__file__).parents[2]
PROGRAM = "setInterval(() => {}, 1000); console.log('ready')"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["explain", *arguments]) == 0
    return capsys.readouterr().out


def test_topics_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(printed(capsys, "--json"))
    assert [row["topic"] for row in listed["data"]["rows"]] == list(TOPICS)


UNTOUCHED = (
    "memory-structure",
    *MAP_TOPICS,
    "attach",
    "inspect",
    "heap-limit",
    "flags",
    *SNAPSHOT_TOPICS,
)


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic not in UNTOUCHED])
def test_numbers_are_those_of_the_process(
    topic: str,
    start: Callable[..., NodeProgram],
    any_node: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = start(any_node, PROGRAM, flags=["--inspect-port=0"])
    answer = json.loads(printed(capsys, topic, str(program.pid), "--json"))
    data = answer["data"]
    assert answer["subject"]["pid"] == data["values"]["pid"] == program.pid
    status = Path(f"/proc/{program.pid}/status").read_text()
    resident = int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024
    assert resident / 2 < data["values"]["rss"] < resident * 2
    assert data["values"]["heap_used"] <= data["values"]["heap_total"]
    assert str(program.pid) in data["body"]


@pytest.mark.parametrize("topic", ["heap-limit", "flags"])
def test_limits_are_those_of_the_process(
    topic: str,
    start: Callable[..., NodeProgram],
    any_node: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    limit = "require('v8').getHeapStatistics().heap_size_limit"
    flags = ["--inspect-port=0", "--max-old-space-size=300"]
    program = start(any_node, f"console.log('ready', {limit}); {PROGRAM}", flags=flags)
    data = json.loads(printed(capsys, topic, str(program.pid), "--json"))["data"]
    assert data["values"]["heap_limit"] == int(program.stdout_lines[0].split()[1])
    assert data["values"]["options"] == "--max-old-space-size=300 (argv)"
    assert "300 MiB" in data["body"]
    assert program.stderr_lines == [], "an inspector that opens says so"


def test_numbers_are_those_of_a_snapshot(
    any_node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.heapsnapshot"
    text = f"require('v8').writeHeapSnapshot({str(file)!r}); console.log('ready')"
    NodeProgram.start(any_node, text).stop()
    for topic in SNAPSHOT_TOPICS:
        data = json.loads(printed(capsys, topic, str(file), "--json"))["data"]
        assert data["values"]["file"] == str(file)
        assert data["values"]["nodes"] > 10_000
        assert str(file) in data["body"]
        assert "unknown" not in data["body"]
    assert run(["explain", "strings", "4242"]) == 2
    assert "nodemem snapshot 4242" in capsys.readouterr().err


def test_forecast_is_only_asked_for_where_it_is_told(
    start: Callable[..., NodeProgram], any_node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = start(any_node, PROGRAM, flags=["--inspect-port=0"])
    values = json.loads(printed(capsys, "snapshot", str(program.pid), "--json"))["data"]["values"]
    assert 0 <= values["pause_low"] <= values["pause_high"]
    values = json.loads(printed(capsys, "usage", str(program.pid), "--json"))["data"]["values"]
    assert values["pause_low"] is None


def test_unknown_topic_and_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "frobnicate", "1"]) == 2
    assert "retained-size" in capsys.readouterr().err
    assert run(["explain", "usage", "999999999"]) == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("topic", TOPICS)
def test_the_concept_page_is_the_topic(
    topic: str, lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/concepts holds what `nodemem explain TOPIC --format md` prints, word for word."""
    name = f"{topic}.md" if lang == "en" else f"{topic}.{lang}.md"
    page = (ROOT / "docs" / "concepts" / name).read_text(encoding="utf-8")
    assert printed(capsys, topic, "--lang", lang, "--format", "md") == page


@pytest.mark.parametrize("page", sorted(path.name for path in ROOT.glob("docs/concepts/*.md")))
def test_pages_name_commands_that_exist(page: str) -> None:
    from nodemem.cli._verbs import VERBS
    from nodemem.heap.queries import QUERIES

    text = " ".join((ROOT / "docs" / "concepts" / page).read_text(encoding="utf-8").split())
    named = re.findall(r"`nodemem ([a-z]+)(?: ([a-z-]+))?", text)
    assert {verb for verb, _ in named} <= set(VERBS)
    queries = {query.name for query in QUERIES}
    assert {argument for verb, argument in named if verb == "heap"} <= queries


def test_the_structure_of_memory_is_read_without_touching_the_process(
    start: Callable[..., NodeProgram], any_node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = start(any_node, PROGRAM, flags=["--inspect-port=0"])
    answer = json.loads(printed(capsys, "memory-structure", str(program.pid), "--json"))
    values = answer["data"]["values"]
    parts = ("code", "data", "v8", "c_heap", "stacks", "shared", "other")
    assert sum(values[part] for part in parts) == values["rss"]
    assert min(values[part] for part in parts) >= 0
    assert values["code"] > 5e6
    assert program.stderr_lines == [], "an inspector that opens says so"
    assert run(["explain", "memory-structure", "127.0.0.1:9229"]) == 2


@pytest.mark.parametrize("topic", ["attach", "inspect"])
def test_how_a_process_can_be_attached_to_is_read_without_touching_it(
    topic: str,
    start: Callable[..., NodeProgram],
    any_node: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = start(any_node, PROGRAM, flags=["--inspect-port=0"])
    data = json.loads(printed(capsys, topic, str(program.pid), "--json"))["data"]
    seen = {key: data["values"][key] for key in ("pid", "inspector", "sigusr1", "port")}
    assert seen == {"pid": program.pid, "inspector": "closed", "sigusr1": "safe", "port": 0}
    assert str(program.pid) in data["body"]
    assert program.stderr_lines == [], "an inspector that opens says so"
    opened = start(any_node, PROGRAM, flags=["--inspect=127.0.0.1:0"])
    values = json.loads(printed(capsys, topic, str(opened.pid), "--json"))["data"]["values"]
    assert (values["inspector"], values["clients"]) == ("open", 0)
    assert values["address"] in opened.stderr_lines[0]
    assert run(["explain", topic, "127.0.0.1:9229"]) == 2
    assert run(["explain", topic, "999999999"]) == 3


def test_the_parts_of_each_segment_are_those_of_the_process(
    start: Callable[..., NodeProgram], any_node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = start(any_node, PROGRAM)
    sizes: dict[str, int] = {}
    for topic in MAP_TOPICS:
        data = json.loads(printed(capsys, topic, str(program.pid), "--json"))["data"]
        values = data["values"]
        assert sum(part["size"] for part in values["parts"]) == values["segment_size"]
        assert all(f"| {part['name']} |" in data["body"] for part in values["parts"])
        assert "unknown" not in data["body"]
        sizes[topic] = values["segment_size"]
        if topic == "rss":
            told = {part["category"]: part["size"] for part in values["parts"]}
            assert values["uss"] <= values["pss"] <= values["rss"] == values["segment_size"]
    # Nothing changes in it, so that the pages agree.
    assert abs(sizes["code-segment"] - told["code"]) < 1e6
    assert abs(sizes["heap-segment"] - told["heap"]) < 1e6
    assert sizes["code-segment"] > 5e6
    assert program.stderr_lines == [], "an inspector that opens says so"
    korean = printed(capsys, "stack-segment", str(program.pid), "--lang", "ko", "--format", "md")
    assert str(program.pid) in korean
    assert run(["explain", "rss", "127.0.0.1:9229"]) == 2
