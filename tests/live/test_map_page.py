"""The memory map as a page: complete, and harmless whatever a saved map holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nodemem.cli import run
from nodemem.testing import NodeProgram

HOSTILE = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.cells += [value or "" for name, value in attrs if name == "data-tip"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_process_as_a_page(
    lang: str, any_node: Path, start: Callable[..., NodeProgram], tmp_path: Path
) -> None:
    text = "globalThis.kept = Buffer.alloc(9e7, 1); console.log('ready'); process.stdin.resume()"
    program = start(any_node, text)
    program.wait_for("ready")
    file = tmp_path / "map.html"
    assert run(["map", str(program.pid), "-o", str(file), "--lang", lang]) == 0
    page = Page(file.read_text())
    data = json.loads(file.read_text().split('id="nodemem-data">')[1].split("</script>")[0])
    sections = [section["id"] for section in data["data"]["sections"]]
    assert sections[:2] == ["map", "map_parts"]
    tree = data["data"]["sections"][0]["blocks"][0]["rows"]
    whole = next(item["value"] for item in data["data"]["figures"] if item["label"] == "rss")
    assert sum(row["rss"] for row in tree if row["depth"] == 0) == whole > 9e7
    # The Buffer is more than half, so it is drawn, and remarked on.
    assert any("90.0 MB" in cell for cell in page.cells)
    assert [one["id"] for one in data["data"]["findings"]] == ["map.array_buffers"]
    assert run(["map", str(program.pid), "-o", str(file)]) == 2, "an existing file stays"


def test_what_a_saved_map_holds_stays_text(tmp_path: Path) -> None:
    one = {"segment": "heap", "category": HOSTILE, "isolate": HOSTILE, "rss": 10, "pss": None}
    one |= {"uss": None, "exactness": "exact"}
    data = {"rss": 20, "categories": [one, one | {"isolate": "main"}]}
    saved, file = tmp_path / "a.json", tmp_path / "a.html"
    subject = {"pid": 1, "script": HOSTILE}
    saved.write_text(json.dumps({"schema": "nodemem/map@1", "subject": subject, "data": data}))
    assert run(["map", str(saved), "-o", str(file)]) == 0
    page = Page(file.read_text())
    assert "img" not in page.tags
    assert any(HOSTILE in part for part in page.cells)
