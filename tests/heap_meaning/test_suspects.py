"""Suspects of one snapshot: who is named, from where, and who is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodemem.heap.findings.suspects import find_suspects

ITEM = "class Item { constructor(i) { this.i = `i${i}`; this.data = new Array(200).fill(i); } }\n"
PADDED = ITEM + "// padding\n" * 200

SHAPES = {
    "const cache = new Map();\nfunction step(i) { cache.set(i, new Item(i)); }": (
        "collection", "Map `cache`", "Item", 2,
    ),
    "const byId = {};\nfunction step(i) { byId[`r${i}`] = new Item(i); }": (
        "collection", "Object `byId`", "Item", 2,
    ),
    "class Registry { static all = []; }\nfunction step(i) { Registry.all.push(new Item(i)); }": (
        "collection", "Array `Registry.all`", "Item", 2,
    ),
    "const bus = new (require('node:events'))();\nbus.setMaxListeners(0);\n"
    "function step(i) { const item = new Item(i);\n bus.on('x', function onX() { item.i; }); }": (
        "listeners", "EventEmitter `bus`", "function onX", 5,
    ),
    "function step(i) { const x = new Item(i);\n setInterval(function poll() { x }, 9e5); }": (
        "timers", "TimersList", "function poll", 3,
    ),
    "let head = null;\nfunction step(i) { head = { item: new Item(i), next: head }; }": (
        "list", "Object `head`", "{item, next}", 2,
    ),
    "const a = new Map(), b = new Map();\n"
    "function step(i) { const x = new Item(i); a.set(i, x); b.set(x.i, x); }": (
        "collection", ("Map `a`", "Map `b`"), "Item", 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", SHAPES, ids=lambda text: text[:24])
def test_the_holder_is_named_with_its_line(text, any_node, snap):
    kind, holder, class_name, line = SHAPES[text]
    _, after = snap(any_node, ITEM + text, first=1000, then=500)
    (suspect,) = find_suspects(after)
    assert suspect.kind == kind
    assert suspect.holder.label() in ([holder] if isinstance(holder, str) else holder)
    assert (suspect.class_name, suspect.count) == (class_name, 1500)
    assert suspect.declared is not None
    assert suspect.declared.exact
    assert suspect.declared.place.line == line
    assert suspect.retained > 1500 * 200 * 8


def test_a_bare_process_has_no_suspects(node, snap):
    before, after = snap(node, "function step() {}", first=1, then=1)
    assert find_suspects(before) == find_suspects(after) == []
    # Not only because of the limit in bytes: Node.js' own tables are not accused of anything.
    assert [
        s for s in find_suspects(after, least_bytes=50_000, least_share=0.01) if s.holder.user
    ] == []


def test_a_variable_beyond_the_head_needs_the_source_file(any_node, snap):
    text = PADDED + "const far = [];\nfunction step(i) { far.push(new Item(i)); }"
    _, after = snap(any_node, text, first=1000)
    (suspect,) = find_suspects(after)
    assert suspect.declared.evidence == "source file"
    assert suspect.declared.place.line == 202
    assert suspect.declared.short() == "program.js:202"


def test_without_the_source_file_the_line_is_near(any_node, snap):
    text = (
        ITEM
        + "// padding\n" * 200
        + "const gone = [];\n\n\nfunction step(i) { gone.push(new Item(i)); }"
    )
    _, after = snap(any_node, text, first=1000, name="vanished.js")
    (Path(after.path_on_disk).parent / "vanished.js").unlink()
    (suspect,) = find_suspects(after)
    assert suspect.holder.name == "gone"
    assert suspect.declared.evidence == "nearby function"
    assert suspect.declared.short().startswith("vanished.js:~")


def test_another_text_in_the_file_is_not_believed(any_node, snap):
    text = (
        ITEM
        + "// padding\n" * 200
        + "const moved = [];\nfunction step(i) { moved.push(new Item(i)); }"
    )
    _, after = snap(any_node, text, first=1000, name="edited.js")
    script = Path(after.path_on_disk).parent / "edited.js"
    script.write_text(script.read_text().replace("// padding\nconst", "// padding\n\n\nconst"))
    (suspect,) = find_suspects(after)
    assert suspect.declared.evidence == "nearby function"


FORMS = """
const keep = {}, marked = [];
keep.forms = [async (x) => marked, async x => marked, x => marked, function* () { yield marked; }];
keep.methods = { m() { return marked; }, get g() { return marked; }, async *n() {}, 'a b'() {} };
keep.classes = [class { constructor() { marked; } #p() {} static s() {} }, class extends Array {}];
keep.late = new (class { field = marked; static { keep.block = () => marked; } })();
function step(i) { marked.push(new Item(i)); keep.last = i; }
"""


def test_every_form_of_function_is_recognised_in_the_source_file(node, snap):
    _, after = snap(node, PADDED + FORMS, first=1000)
    (suspect,) = find_suspects(after)
    assert suspect.declared.evidence == "source file"
    assert suspect.declared.place.line == 203
