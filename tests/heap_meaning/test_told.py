"""What Node.js and V8 put between a program and its objects, told in words on every release."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nodemem.heap import open_snapshot
from nodemem.heap.naming.holders import describe, path_steps
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.path import path_text

COMMON_JS = """\
class Mark { constructor(name) { this.name = name; } }
const cache = new Map();
exports.Mark = Mark;
exports.cache = cache;
cache.set('k', new Mark('CommonJS export'));
"""

ES_MODULE = """\
import { createRequire } from 'node:module';
const { Mark } = createRequire(import.meta.url)('./dep.cjs');
export const cache = new Map();
cache.set('key', new Mark('export'));
export let changed = null;
export function change() { changed = new Mark('export let'); }
change();
change();
export default new Mark('export default');
export class Registry { static #entries = [new Mark('class static')]; }
"""

MAIN = """\
const { AsyncLocalStorage } = require('node:async_hooks');
const { EventEmitter } = require('node:events');
const { Mark } = require('./dep.cjs');
const keep = globalThis.keep = {};
const als = new AsyncLocalStorage();
keep.store = () => als.getStore();
als.run(new Mark('async store'), () => { setTimeout(() => {}, 90004); });
(() => {
  let boxed = null;
  keep.box = () => { boxed = new Mark('ContextCell'); return boxed; };
})();
keep.box(); keep.box();
class Receiver {
  constructor() { this.big = new Mark('call site'); }
  fail() { keep.error = new Error('unread'); }
}
new Receiver().fail();
class Hidden { #x = new Mark('private field'); }
keep.hidden = new Hidden();
keep.symbols = { [Symbol('tag')]: new Mark('symbol') };
keep.accessor = {};
(() => {
  const secret = new Mark('getter');
  Object.defineProperty(keep.accessor, 'lazy', { get() { return secret; } });
})();
keep.map = new Map([[new Mark('map key'), 1], ['s', new Mark('map value')]]);
keep.iterator = new Map([[1, new Mark('map iterator')]]).values();
keep.set = new Set([new Mark('set entry')]);
keep.weak = new WeakMap(); keep.key = {}; keep.weak.set(keep.key, new Mark('WeakMap value'));
keep.registry = new FinalizationRegistry(() => {});
keep.registry.register(keep.key, new Mark('held value'));
keep.bound = function () {}.bind(new Mark('bound this'), new Mark('bound argument'));
keep.proxy = new Proxy({ inner: new Mark('proxy target') }, { get: new Mark('proxy handler') });
function* walk() { const local = new Mark('generator'); yield 1; return local; }
keep.generator = walk(); keep.generator.next();
async function slow() {
  const local = new Mark('async function');
  await new Promise((resolve) => { keep.resolve = resolve; });
  return local;
}
slow();
keep.resolved = Promise.resolve(new Mark('promise value'));
keep.pending = new Promise(() => {});
{ const p = new Mark('promise reaction'); keep.pending.then(() => p); }
{ const t = new Mark('interval'); setInterval(function poll() { t; }, 90001); }
setTimeout(() => {}, 90003, new Mark('timer argument'));
keep.bus = new EventEmitter();
{ const l = new Mark('listener'); keep.bus.on('tick', () => l); keep.bus.on('tick', () => 0); }
{ const once = new Mark('once'); keep.bus.once('one', () => once); }
{ const s = new Mark('symbol event'); keep.bus.on(Symbol('ev'), () => s); }
keep.target = new EventTarget();
{ const boom = new Mark('EventTarget'); keep.target.addEventListener('boom', () => boom); }
import('./module.mjs').then(() => {
  setTimeout(() => { require('node:v8').writeHeapSnapshot(process.argv[2]); process.exit(); }, 30);
});
"""

KEEP = "const keep"
EXPECTED = {
    "CommonJS export": (
        "module dep.cjs → exports → .cache → .get('k')",
        "dep.cjs: exports.cache[…]",
        "const cache",
    ),
    "export": (
        "module module.mjs → cache → .get('key')",
        "module.mjs: cache[…]",
        "export const cache",
    ),
    "export let": (
        "module module.mjs → changed",
        "module.mjs: changed",
        "export let changed",
    ),
    "export default": (
        "module module.mjs → default",
        "module.mjs: default",
        "export default",
    ),
    "class static": (
        "module module.mjs → Registry → .#entries → [0]",
        "Registry.#entries[…]",
        "class Registry",
    ),
    "async store": (
        "timer of 90004 ms → async store als",
        "als.getStore()",
        "const als",
    ),
    "ContextCell": (
        "globalThis.keep → .box → boxed",
        "boxed",
        "let boxed",
    ),
    "call site": (
        "globalThis.keep → .error → call site → .big",
        "Receiver.big",
        "this.big",
    ),
    "private field": (
        "globalThis.keep → .hidden → .#x",
        "keep.hidden.#x",
        "#x =",
    ),
    "symbol": (
        "globalThis.keep → .symbols → [symbol tag]",
        "keep.symbols[symbol tag]",
        KEEP,
    ),
    "getter": (
        "globalThis.keep → .accessor → .lazy (getter) → secret",
        "secret",
        "const secret",
    ),
    "map key": (
        "globalThis.keep → .map → map key",
        "keep.map[…]",
        KEEP,
    ),
    "map value": (
        "globalThis.keep → .map → .get('s')",
        "keep.map[…]",
        KEEP,
    ),
    "map iterator": (
        "globalThis.keep → .iterator → map value",
        None,
        None,
    ),
    "set entry": (
        "globalThis.keep → .set → set entry",
        "keep.set[…]",
        KEEP,
    ),
    "WeakMap value": (
        "globalThis.keep → .key → weakmap value",
        "keep.weak[…]",
        KEEP,
    ),
    "held value": (
        "globalThis.keep → .registry → finalization value",
        "keep.registry[…]",
        KEEP,
    ),
    "bound this": (
        "globalThis.keep → .bound → bound this",
        "keep.bound[[BoundThis]]",
        KEEP,
    ),
    "bound argument": (
        "globalThis.keep → .bound → bound argument 0",
        "keep.bound[[BoundArgs]]",
        KEEP,
    ),
    "proxy target": (
        "globalThis.keep → .proxy → .inner",
        "keep.proxy.inner",
        KEEP,
    ),
    "proxy handler": (
        "globalThis.keep → proxy handler proxy → .get",
        "{get}.get",
        None,
    ),
    "generator": (
        "globalThis.keep → .generator → suspended function walk",
        "walk() local",
        "function* walk",
    ),
    "async function": (
        "globalThis.keep → .resolve → promise → awaiting slow → suspended function slow",
        "slow() local",
        "function slow",
    ),
    "promise value": (
        "globalThis.keep → .resolved → promise value",
        "keep.resolved[[PromiseResult]]",
        KEEP,
    ),
    "promise reaction": (
        "globalThis.keep → .pending → promise reaction → p",
        "p",
        "const p",
    ),
    "interval": (
        "timer of 90001 ms → callback → t",
        "t",
        "const t",
    ),
    "timer argument": (
        "timer of 90003 ms → arguments → [0]",
        "setTimeout() arguments[…]",
        None,
    ),
    "listener": (
        "globalThis.keep → .bus → listener 'tick' → l",
        "l",
        "const l",
    ),
    "once": (
        "globalThis.keep → .bus → listener 'one' → once",
        "once",
        "const once",
    ),
    "symbol event": (
        "globalThis.keep → .bus → listener [symbol ev] → s",
        "s",
        "const s",
    ),
    "EventTarget": (
        "globalThis.keep → .target → listener 'boom' → boom",
        "boom",
        "const boom",
    ),
}
"""Path and name of what each mark is kept by, and what is declared on the line that is told."""


@pytest.fixture
def told(node: Path, tmp_path: Path) -> dict[str, tuple[str, str | None, str | None]]:
    for name, text in (("dep.cjs", COMMON_JS), ("module.mjs", ES_MODULE), ("main.cjs", MAIN)):
        (tmp_path / name).write_text(text)
    file = tmp_path / "told.heapsnapshot"
    subprocess.run([node, tmp_path / "main.cjs", file], check=True, timeout=60)
    snapshot = open_snapshot(file)
    names = Names(snapshot)
    found = {}
    for ordinal in snapshot.objects_named("Mark"):
        for edge in snapshot.edges(ordinal):
            if edge.name == "name" and snapshot.node_type(edge.target) == "string":
                holder = describe(names, ordinal)
                place = holder.declared and holder.declared.place
                line = place and Path(place.file).read_text().splitlines()[place.line - 1]
                path = path_text(names, path_steps(names, ordinal))
                found[snapshot.name(edge.target)] = (path, holder.name, line)
    return found


def test_holders_are_told_as_a_program_knows_them(told):
    found = {name: told.get(name, (None, None, None)) for name in EXPECTED}
    assert {name: some[:2] for name, some in found.items()} == {
        name: wanted[:2] for name, wanted in EXPECTED.items()
    }
    for name, (_, _, declared) in EXPECTED.items():
        line = found[name][2]
        assert line == declared or (declared and line and declared in line), (name, line)
