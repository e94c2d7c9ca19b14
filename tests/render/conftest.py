"""A finding such as a leak leaves, and a report that has everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from nodemem.render.html import (
    Bars,
    Facts,
    Lines,
    Path,
    Report,
    Said,
    Section,
    Treemap,
)
from nodemem.render.texts import LANGUAGES, table
from nodemem.results import Column, Evidence, Finding, Series, Table, Truncated, Where

RETAINED = Column("retained", "bytes")
SOURCE = Column("source", role="source")


@pytest.fixture
def leak(monkeypatch: pytest.MonkeyPatch) -> Finding:
    """A finding with every part filled; its words are made for the test, in both languages."""
    words: dict[str, dict[str, str]] = {
        "en": {
            "title": "`{owner}` holds {n:count} `{kind}` objects",
            "why": "They were added between two snapshots.",
            "fix": "Give `{owner}` a limit.",
        },
        "ko": {
            "title": "`{owner}`: `{kind}` 객체 {n:count}개",
            "why": "두 스냅샷 사이에 추가되었습니다.",
            "fix": "`{owner}`: 크기 제한이 필요합니다.",
        },
    }
    for lang in LANGUAGES:
        for part, text in words[lang].items():
            monkeypatch.setitem(table(lang, "finding.test_leak"), part, text)
    return Finding(
        id="test_leak",
        params={"owner": "cache", "kind": "Session", "n": 48_210},
        where=Where("server.js", 14, 7, "global → cache"),
        evidence=(Evidence("count", 48_210, "count", "b.heapsnapshot"),),
        saving_bytes=310_000_000,
        saving_error=2_000_000,
        confidence=0.92,
        next="nodemem heap path b.heapsnapshot --id 4711",
    )


@pytest.fixture
def report(leak: Finding) -> Callable[[str], Report]:
    """Makes a report with one of each kind of block, in which every name is the given text."""

    def make(name: str) -> Report:
        tree = Table(
            (Column("depth", role="depth"), Column("name", role="class"), RETAINED),
            [(0, "root", 100), (1, name, 70), (2, name, 30), (1, "b", 20)],
        )
        steps = Table(
            (Column("edge", role="edge"), Column("name", role="class"), SOURCE, RETAINED),
            [(None, "root", None, 100), (name, name, name, 70)],
        )
        classes = Table(
            (Column("class", role="class"), RETAINED),
            [(name, 70), ("b", None)],
            summary={"count": 2},
            warnings=(name,),
            truncated=Truncated(2, 9, name),
        )
        memory = Series("rss", "bytes", [0.0, 1.0, 2.0], [1e6, None, 3e6])
        said = Said("finding.test_leak.title", {"owner": name, "kind": name, "n": 3})
        blocks = (
            Lines((memory,), markers=((1.0, said),), levels=((2e6, said),)),
            Bars(classes, "class", "retained"),
            Path(steps),
            Treemap(tree),
            Facts((Evidence("count", name),)),
            classes,
        )
        return Report(
            title=said,
            verdict=said,
            tone="bad",
            lead=said,
            figures=(Evidence("count", 3, "count"),),
            findings=(leak, replace(leak, params={**leak.params, "owner": name}, next=name)),
            sections=(Section("growth", blocks),),
            subject={"pid": 4711, "script": name},
        )

    return make
