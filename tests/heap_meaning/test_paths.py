"""Retaining paths in words, on real programs."""

from __future__ import annotations

import pytest

from nodemem.errors import UsageError
from nodemem.heap.naming.holders import path_steps
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.path import path_text, retaining_path

PROGRAM = """\
class Mark { constructor(name) { this.name = name; } }
const { EventEmitter } = require('node:events');
let reassigned = null;
const map = new Map(), set = new Set();
const emitter = new EventEmitter(), target = new EventTarget();
class Store { static shared = new Map(); #hidden = new Mark('private'); }
const store = new Store();
function receive() { return this; }
function* generate() { const local = new Mark('generator'); yield 1; return local; }
const keep = {};
function listen(listening) { emitter.on('tick', () => listening); emitter.on('tick', () => 0); }
function handle(handling) { target.addEventListener('boom', () => handling); }
function tick(ticking) { setInterval(() => ticking, 123456); }
function wait(awaited) {
  keep.pending = new Promise(() => {});
  keep.pending.then(() => awaited);
}
function step() {
  reassigned = new Mark('let');
  map.set('key of mark', new Mark('map'));
  set.add(new Mark('set'));
  listen(new Mark('listener'));
  handle(new Mark('event target'));
  tick(new Mark('timer'));
  wait(new Mark('promise'));
  globalThis.onGlobal = new Mark('global');
  Store.shared.set('s', new Mark('static'));
  keep.bound = receive.bind(new Mark('bound'));
  keep.store = store;
  keep.running = generate(); keep.running.next();
  keep.weak = new WeakMap(); keep.key = {}; keep.weak.set(keep.key, new Mark('weakmap'));
}
"""

EXPECTED = {
    "let": [("variable", "reassigned")],
    "map": [("variable", "map"), ("map value", "key of mark")],
    "set": [("variable", "set"), ("set entry", "")],
    "listener": [("variable", "emitter"), ("listener", "tick"), ("variable", "listening")],
    "timer": [("timer", "123456"), ("timer callback", ""), ("variable", "ticking")],
    "global": [("global property", "onGlobal")],
    "static": [("static", "shared"), ("map value", "s")],
    "private": [("property", "#hidden")],
    "bound": [("property", "bound"), ("bound this", "")],
    "generator": [("property", "running"), ("suspended function", "generate")],
    "promise": [("property", "pending"), ("promise reaction", ""), ("variable", "awaited")],
    "weakmap": [("property", "key"), ("weakmap value", "")],
    "event target": [("variable", "handling")],
}


def test_paths_say_what_a_program_would(node, snap):
    before, _ = snap(node, PROGRAM, first=1, then=0)
    marks = {}
    for ordinal in range(before.node_count):
        if before.node_type(ordinal) == "object" and before.name(ordinal) == "Mark":
            for edge in before.edges(ordinal):
                if edge.name == "name":
                    marks[before.name(edge.target)] = ordinal
    told = {}
    for name, ordinal in marks.items():
        table = retaining_path(before, ordinal)
        rows = table.rows()
        assert rows[-1]["id"] == before.node_id(ordinal)
        assert rows[-1]["source"].endswith("program.js:1:25")
        assert [row["depth"] for row in rows] == list(range(len(rows)))
        told[name] = [(row["reference"], row["name"]) for row in rows][
            -len(EXPECTED.get(name, ())) :
        ]
    assert {name: told[name] for name in EXPECTED} == EXPECTED


SERVER = """\
const topics = new EventTarget();
(() => {
  const rows = [1, { 'a key': [] }];
  const server = require('node:http').createServer(function onRequest() { rows.push(1); });
  server.listen(0, '127.0.0.1').unref();
})();
function step(i) { topics.addEventListener('news', { handleEvent() {}, i }); }
"""


def test_a_path_in_words_begins_in_the_program(node, snap):
    before, _ = snap(node, SERVER, first=3, then=0)
    names = Names(before)
    told = set()
    for ordinal in range(before.node_count):
        if names.visible(ordinal) and names.class_name(ordinal) in ("{a key}", "Listener"):
            told.add(path_text(names, path_steps(names, ordinal)))
    assert "Server → listener 'request' → rows → [1]" in told
    assert "globalThis.keepStep → topics → listener 'news' (×2)" in told


def test_a_list_of_thousands_is_one_step(any_node, snap):
    text = "class Link { constructor(next) { this.next = next; } }\nlet head = null;\n"
    _, after = snap(any_node, text + "function step() { head = new Link(head); }", then=5000)
    link = after.find_string("Link")
    links = [o for o in range(after.node_count) if after.name_index(o) == link]
    last = max((o for o in links if after.node_type(o) == "object"), key=after.distance)
    rows = after.path(after.node_id(last)).rows()
    assert len(rows) < 10
    assert (rows[-1]["reference"], rows[-1]["name"], rows[-1]["times"]) == (
        "property",
        "next",
        5199,
    )


def test_what_nothing_keeps_has_no_path(any_node, snap):
    text = "const ref = new WeakRef({});\nfunction step() { globalThis.ref = ref; }"
    before, _ = snap(any_node, text, first=1, then=0)
    weak = [
        o
        for o in range(1, before.node_count)
        if all(edge.type == "weak" for edge in before.retainers(o)) and any(before.retainers(o))
    ]
    for ordinal in weak[:3]:
        with pytest.raises(UsageError, match="nothing keeps"):
            retaining_path(before, ordinal)
