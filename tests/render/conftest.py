"""A finding such as a leak leaves, its texts those of the first finding that takes any."""

from __future__ import annotations

import string
from typing import Any

import pytest

from nodemem.render.texts import LANGUAGES, load_texts
from nodemem.results import Evidence, Finding, Where


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
        texts: Any = load_texts(lang)
        assert all(list(string.Formatter().parse(text)) for text in words[lang].values())
        for part, text in words[lang].items():
            monkeypatch.setitem(texts._texts, f"finding.test_leak.{part}", text)
            monkeypatch.setitem(texts._english, f"finding.test_leak.{part}", words["en"][part])
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
