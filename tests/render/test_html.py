"""The report: one file, nothing from elsewhere, and no text of a heap that becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodemem.render.html import Report, Said, leak_report, to_html
from nodemem.render.texts import load_texts
from nodemem.results import Column, Evidence, Finding, Series, Table

EN, KO = load_texts("en"), load_texts("ko")
HOSTILE = (
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{7*7}} <!-- &amp; \x1b[31m"
)
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Collects elements, their attributes and texts; fails where tags do not match."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def shape(source: str) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in Page(source).elements]


def test_verdict_comes_first(report: Callable[[str], Report]) -> None:
    page = Page(to_html(report("cache"), EN))
    headings = [tag for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == "h1"
    assert "".join(page.texts["h1"]).startswith(" holds 3 ")
    assert page.all("html") == [{"lang": "en"}]


def test_nothing_comes_from_elsewhere(report: Callable[[str], Report]) -> None:
    source = to_html(report("cache"), KO)
    page = Page(source)
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "href", "style", "srcset", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"https?://|url\(|@import|//cdn", source)


def test_policy_lets_only_this_style_and_script_run(report: Callable[[str], Report]) -> None:
    page = Page(to_html(report("cache"), EN))
    meta = [m for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    policy = meta[0]["content"] or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    script = page.texts["script"][1]
    for text in ("".join(page.texts["style"]), script):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_hostile_names_change_no_markup(report: Callable[[str], Report]) -> None:
    tame, hostile = to_html(report("x" * len(HOSTILE)), EN), to_html(report(HOSTILE), EN)
    assert shape(tame) == shape(hostile)
    assert "\x1b" not in hostile
    assert "{{7*7}}" in hostile


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30))
def test_any_name_leaves_the_scripts_alone(report: Callable[[str], Report], name: str) -> None:
    page = Page(to_html(report(name), EN))
    assert [attributes.get("type") for attributes in page.all("script")] == [
        "application/json",
        None,
    ]
    json.loads(page.texts["script"][0])


def test_data_is_the_envelope_and_cannot_end_its_element(report: Callable[[str], Report]) -> None:
    page = Page(to_html(report(HOSTILE), EN))
    data = json.loads(page.texts["script"][0])
    assert data["schema"] == "nodemem/report@1"
    assert data["subject"] == {"pid": 4711, "script": HOSTILE}
    assert data["data"]["sections"][0]["blocks"][-1]["rows"][0]["class"] == HOSTILE
    assert not set("<>&") & set(page.texts["script"][0])


def test_charts_have_names_and_tables_that_say_the_same(report: Callable[[str], Report]) -> None:
    page = Page(to_html(report("cache"), EN))
    drawings = page.all("svg")
    assert len(drawings) == 4
    assert all(d["role"] == "img" and d["aria-label"] for d in drawings)
    assert len(page.all("details")) == 4
    assert len(page.all("table")) == 5


def test_same_report_same_bytes(report: Callable[[str], Report]) -> None:
    assert to_html(report("cache"), EN) == to_html(report("cache"), EN)


def test_korean_page_is_korean(report: Callable[[str], Report]) -> None:
    page = Page(to_html(report("cache"), KO))
    assert page.all("html") == [{"lang": "ko"}]
    assert KO("report.growth.title") in page.texts["h2"]


@pytest.mark.browser
def test_browser_runs_our_script_and_no_other(
    report: Callable[[str], Report], tmp_path: Path
) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("no Chromium found: apt-get install chromium")
    (tmp_path / "report.html").write_text(to_html(report(HOSTILE), EN), encoding="utf-8")
    shown = subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            f"file://{tmp_path / 'report.html'}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    assert "<th" in shown
    assert '<button type="button">' in shown  # made by our script
    assert "<img" not in shown
    assert shown.count("<script") == 2


def test_leak_report_has_its_chapters_in_order(leak: Finding) -> None:
    tree = (Column("depth", role="depth"), Column("name"), Column("retained", "bytes"))
    report = leak_report(
        title=Said("unknown"),
        findings=[leak],
        memory=[Series("rss", "bytes", [0.0, 1.5], [1e6, 2e6])],
        markers=[(1.0, Said("unknown"))],
        growth=Table((Column("class"), Column("added_size", "bytes")), [("Session", 5)]),
        path=Table((Column("edge", role="edge"), Column("class", role="class")), [(None, "root")]),
        dominators=Table(tree, [(0, "root", 5)]),
        process=[Evidence("pid", 4711)],
        method=[Evidence("count", 2, "count")],
    )
    page = Page(to_html(report, EN))
    chapters = [a["aria-labelledby"] for a in page.all("section")]
    assert chapters == [
        "findings", "memory", "growth", "path", "dominators", "process", "method",
    ]  # fmt: skip
    assert report.tone == "bad"
    assert report.figures == leak.evidence


def test_leak_report_without_findings_is_no_alarm() -> None:
    report = leak_report(title=Said("unknown"))
    page = Page(to_html(report, EN))
    assert page.texts["h1"] == [EN("report.no_leak")]
    assert page.all("section") == []
    assert report.tone == "good"
