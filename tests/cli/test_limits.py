"""nodemem limits without a process: one interface, clear refusals, both languages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import nodemem
from nodemem.cli import run
from nodemem.cli._limits_text import mib

MIB = 1 << 20
WORDS = ("--node", "24", "--memory", "8g", "--cgroup", "2g")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["limits", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


CASES: list[tuple[str, dict[str, Any]]] = [
    ("--node 24 --memory 2g", {"node": 24, "memory": "2g"}),
    ("--node 24 --memory 2147483648", {"node": 24, "memory": 2 << 30}),
    ("--node 22.20 --memory 8GB --cgroup 1gib",
     {"node": "22.20", "memory": 8 << 30, "cgroup": 1 << 30}),
    ("--node 22 --memory 8g --cgroup max", {"node": 22, "memory": "8g"}),
    ("--node 22 --memory 8g", {"node": 22, "memory": "8g", "cgroup": "max"}),
    ("--node 18 --memory 8g --cgroup 1g --cgroup-version 1",
     {"node": 18, "memory": "8g", "cgroup": "1g", "cgroup_version": 1}),
    ("--node 10 --memory 2g --bits 32", {"node": 10, "memory": "2g", "bits": 32}),
    ("--node 24 --memory 2g --max-old-space-size 700 --min-semi-space-size 3",
     {"node": 24, "memory": "2g", "max_old_space_size": 700, "min_semi_space_size": 3}),
    ("--node 24 --memory 2g --max-heap-size 777 --max-semi-space-size=6",
     {"node": 24, "memory": "2g", "max_heap_size": 777, "max_semi_space_size": 6}),
    ("--node 26 --memory 2g --max-old-space-size-percentage 33.3 --lite-mode",
     {"node": 26, "memory": "2g", "max_old_space_size_percentage": 33.3, "lite_mode": True}),
    ("--node 22 --memory 64g --no-huge-max-old-generation-size",
     {"node": 22, "memory": "64g", "huge_max_old_generation_size": False}),
]  # fmt: skip


@pytest.mark.parametrize(("words", "given"), CASES, ids=[words for words, _ in CASES])
def test_command_line_and_library_say_the_same(
    words: str, given: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, *words.split())
    data = found["data"]
    limits = nodemem.heap_limits(**given)
    assert found["schema"] == "nodemem/limits@1"
    for key in ("heap_size_limit", "max_old_space_size", "max_semi_space_size"):
        assert data[key] == getattr(limits, key)
    assert data["reasons"] == [reason.to_data() for reason in limits.reasons]
    assert len(data["reasons"]) == 4
    for lang in ("en", "ko"):
        assert run(["limits", *words.split(), "--lang", lang]) == 0
        text = capsys.readouterr().out
        assert f"{mib(limits.heap_size_limit)}: " in text
        assert not re.search(r"None|\{|unknown", text.partition("Kubernetes")[0])


REFUSED = [
    ("--node 5", "not known"),
    ("--node abc", "is no release"),
    ("--memory 0", "more than 0 bytes"),
    ("--memory 2g --cgroup 0", "more than 0 bytes"),
    ("--memory abc", "is not a size"),
    ("--memory -5", ""),
    ("--memory 2g --cgroup x", "is not a size"),
    ("--node 24 --max-old-space-size 1.5", "not a valid integer"),
    ("--node 24 --max-old-space-size -1", "cannot be -1"),
    ("--node 24 --max-old-space-size 99999999999999999999", "beyond what V8 can count"),
    ("--node 20 --max-old-space-size-percentage 50", "does not know"),
    ("--node 24 --max-old-space-size-percentage 0", "cannot be 0"),
    ("--node 24 --max-old-space-size-percentage nan", "cannot be nan"),
    ("--node 24 --max-old-space-size-percentage 101", "cannot be 101"),
    ("--node 10 --max-heap-size 100", "does not know"),
    (
        "--node 24 --max-heap-size 100 --max-old-space-size 50 --max-semi-space-size 4",
        "does not start",
    ),
    ("--node 24 --processes 0", "cannot share"),
    ("--table --node 24", "no other options"),
    ("--attach", "goes with a PID"),
    ("1 --node 24", "without a PID"),
    ("999999999", "there is no process"),
    ("--bits 16", ""),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[words for words, _ in REFUSED])
def test_what_makes_no_sense_is_refused(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["limits", *words.split()])
    out, err = capsys.readouterr()
    assert code == (3 if words == "999999999" else 2), err
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_the_table_of_all_releases(capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "--table")["data"]["rows"]
    of = {(row["node"], row["bits"]): row for row in rows}
    assert of["6-9", 64]["1024"] == of["6-9", 64]["65536"] == 1432 * MIB
    assert of["24-25", 64]["65536"] == 4288 * MIB
    assert {row["evidence"] for row in rows if row["bits"] == 32} == {"source"}
    assert len([row for row in rows if row["bits"] == 64]) == 7
    for lang, said in (("en", "never 512"), ("ko", "512였던 적은 없습니다")):
        assert run(["limits", "--table", "--lang", lang]) == 0
        assert said in capsys.readouterr().out


@pytest.mark.parametrize("form", ["csv", "md"])
def test_other_forms(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["limits", "--node", "24", "--memory", "2g", "--format", form]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "heap_size_limit" in out.replace("\\", "")
    assert run(["limits", "--table", "--format", form]) == 0
    assert "24-25" in capsys.readouterr().out


def test_a_container_for_several(capsys: pytest.CaptureFixture[str]) -> None:
    one = answer(capsys, *WORDS)["data"]
    four = answer(capsys, *WORDS, "--processes", "4")["data"]
    assert one["at_the_limit"]["first"] == "v8"
    assert four["at_the_limit"]["first"] == "kernel"
    assert [share["budget"] for share in four["shares"]] == [512 * MIB] * 4
    assert four["recommendation"]["heap_size_limit"] < one["recommendation"]["heap_size_limit"]


def test_the_same_question_has_the_same_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, *WORDS) == answer(capsys, *WORDS)
