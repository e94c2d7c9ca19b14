"""Documents: both READMEs say the same, links lead somewhere, commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodemem.cli._verbs import VERBS
from nodemem.cli.heap import command as heap

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def outline(text: str) -> list[str]:
    """Headings, list items, table rows and code, in their order and without their words."""
    kinds = []
    for line in re.sub(r"```.*?```", "```", text, flags=re.DOTALL).splitlines():
        mark = re.match(r"#+|- |\||    \S|```", line)
        if mark:
            kinds.append(mark.group().strip()[:3] or "code")
    return kinds


def test_both_readmes_have_equal_content() -> None:
    english, korean = ((ROOT / name).read_text() for name in ("README.md", "README.ko.md"))
    assert outline(english) == outline(korean)
    assert len(re.findall("```", english)) == len(re.findall("```", korean))
    for pattern in (r"`nodemem [^`]*`", r"\]\((?!#)[^)]*\)"):
        named = [
            [
                re.sub(r"\.ko\.md", ".md", "".join(found.split()))
                for found in re.findall(pattern, text)
            ]
            for text in (english, korean)
        ]
        assert sorted(named[0]) == sorted(named[1])


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)", text)
    missing = [
        link for link in links if "://" not in link and not (page.parent / link).resolve().exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_in_code_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    spans = re.findall(r"`nodemem ([^`]+)`", text)
    spans += re.findall(r"^    nodemem (.+)$", text, re.MULTILINE)
    for span in spans:
        words = span.split()
        verbs = [word for word in words if re.fullmatch(r"[a-z]+", word)]
        if not verbs or words[0] != verbs[0]:
            continue
        assert verbs[0] in VERBS, span
        if verbs[0] == "heap" and len(verbs) > 1:
            assert words[1] in heap.verbs, span
