"""One real program that holds a little of everything, its snapshot shared among the tests.

Its names are drawn anew for each run, so that no answer can come from somewhere else.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodemem.heap import HeapSnapshot, open_snapshot
from nodemem.testing import NodeProgram

PROGRAM = """
const { EventEmitter } = require('node:events');
const globals = globalThis;
class $Payload { constructor(k) { this.data = new Array(k).fill('x'); } }
const copy = (s) => Buffer.from(s).toString();
const random = (n) => copy(Array.from({ length: n }, () => 97 + Math.random() * 26));

// Two functions share a scope; the one that lives on needs the other variable.
function $make() {
  const $unused = new $Payload(9000), $used = { s: random(5) };
  const dead = () => $unused;
  return function $reader() { return $used; };
}
globals.$closure = $make();

const emitter = globals.$emitter = new EventEmitter();
emitter.setMaxListeners(0);
const listen = (p) => emitter.on('$event', () => p);
for (let i = 0; i < 15; i++) listen(new $Payload(100));
const again = () => 1;
for (let i = 0; i < 3; i++) emitter.once('again', again);
const target = globals.$target = new EventTarget();
for (let i = 0; i < 3; i++) ((p) => target.addEventListener('$event', () => p))(new $Payload(50));

function $tick(p) { setInterval(function $interval() { return p; }, 123456); }
for (let i = 0; i < 12; i++) $tick(new $Payload(60));
setTimeout(function $later() {}, 98765);
clearTimeout(setTimeout(() => 1, 87654));

globals.$pending = new Promise(() => {});
async function $worker() { const local = new $Payload(70); await globals.$pending; return local; }
for (let i = 0; i < 5; i++) $worker();
((p) => globals.$pending.then(function $then() { return p; }))(new $Payload(80));
function* $generator() { const local = new $Payload(90); yield 1; return local; }
globals.$running = $generator(); globals.$running.next();

class $Row { constructor(title) { this.$title = title; } }
const short = random(24), long = random(2000), exact = random(1024);
globals.$short = Array.from({ length: 10 }, () => new $Row(copy(short)));
globals.$long = Array.from({ length: 10 }, (_, i) => new $Row(copy(long + i)));
globals.$exact = Array.from({ length: 4 }, () => new $Row(copy(exact)));
globals.$marked = '$Needle' + random(3);
let joined = ''; for (let i = 0; i < 50; i++) joined += random(10) + '|';
globals.$joined = joined;
const whole = random(1000000);
globals.$slice = whole.slice(10, 60); globals.$slice2 = whole.slice(100, 160);

globals.$map = new Map(Array.from({ length: 600 }, (_, i) => ['k' + i, { v: 'v' + i }]));
for (let i = 0; i < 200; i++) globals.$map.delete('k' + i);
globals.$numbers = new Map(Array.from({ length: 1000 }, (_, i) => [i, i]));
globals.$set = new Set(Array.from({ length: 1000 }, (_, i) => 's' + i));
globals.$dictionary = {}; for (let i = 0; i < 2000; i++) globals.$dictionary['key' + i] = i;
globals.$array = []; for (let i = 0; i < 1000; i++) globals.$array.push({ a: 'a' });
class $Holder { constructor() { this.$extra = new Map(); } }
globals.$holders = Array.from({ length: 100 }, () => new $Holder());

globals.$buffer = Buffer.alloc(300000);
const backing = new ArrayBuffer(500000);
globals.$views = [new Uint8Array(backing, 0, 9), new DataView(backing, 10, 10)];
globals.$shared = new SharedArrayBuffer(65536);

class $Many { constructor(i) { this['p' + i] = 1; } }
globals.$many = Array.from({ length: 80 }, (_, i) => new $Many(i));
class $Deleted { constructor() { this.a = {}; this.b = {}; this.c = {}; } }
globals.$deleted = Array.from({ length: 60 }, () => new $Deleted());
for (const one of globals.$deleted) delete one.a;

const vm = require('node:vm');
globals.$sandbox = vm.createContext({});
vm.runInContext('var kept = new (class InVm { a = new Array(3000).fill("q") })', globals.$sandbox);

class $CycleA { constructor() { this.b = new $CycleB(this); } }
class $CycleB { constructor(a) { this.a = a; } }
globals.$cycle = new $CycleA();
globals.$values = { text: 'some text', truth: true, nothing: null, symbol: Symbol('$sym') };
globals.$values.re = /a+b/g;
globals.$weak = new WeakRef(globals.$cycle);
globals.$one = globals.$two = { both: 'ways' };

class $Key { } class $Value { constructor() { this.data = new Array(700).fill('x'); } }
globals.$weakMap = new WeakMap(); globals.$key = new $Key();
globals.$weakMap.set(globals.$key, new $Value());
globals.$weakMap.set(new $Key(), new $Value());
class $Top { constructor() { this.left = new $Side(); this.right = new $Side(this.left.bottom); } }
class $Side { constructor(bottom = new $Bottom()) { this.bottom = bottom; } }
class $Bottom { constructor() { this.data = new Array(200).fill('x'); } }
globals.$diamond = new $Top();
class $Private { #hidden = new $Bottom(); static kept = new $Bottom(); }
globals.$private = new $Private(); globals.$PrivateClass = $Private;
globals.$members = { [Symbol('$described')]: {}, '': 'empty', 'a b': 'blank' };
globals.$numbered = { 0: 'zero', 1: 'one', 500: 'far' };
globals.$bound = function $target() { return this; }.bind(new $Top(), new $Value(), 42);
globals.$small = Array.from({ length: 20 }, (_, i) => Buffer.from('tiny' + i));
globals.$sparse = []; globals.$sparse[1e6] = {};
globals.gc?.();
setTimeout(() => {
  require('node:v8').writeHeapSnapshot(process.argv[2]);
  console.log('ready');
}, 20);
"""

Row = dict[str, Any]


class Asked:
    """The snapshot of the program, and the names drawn for it."""

    def __init__(self, snapshot: HeapSnapshot, names: dict[str, str]) -> None:
        self.snapshot, self.names = snapshot, names
        self._globals = self._find_globals()

    def __call__(self, name: str) -> str:
        return self.names[name]

    def ordinal(self, name: str) -> int:
        """The value of a global variable."""
        return self._globals[self(name)]

    def id(self, name: str) -> int:
        return self.snapshot.node_id(self.ordinal(name))

    def rows(self, query: str, **options: object) -> list[Row]:
        return self.snapshot.query(query, **options).rows()

    def row(self, query: str, wanted: Row, **options: object) -> Row:
        """The one row that has these values."""
        rows = self.rows(query, **options)
        found = [row for row in rows if wanted.items() <= row.items()]
        assert len(found) == 1, (wanted, rows)
        return found[0]

    def _find_globals(self) -> dict[str, int]:
        found: dict[str, int] = {}
        marker = self("closure")
        for ordinal in range(self.snapshot.node_count):
            if self.snapshot.name(ordinal).startswith("global"):
                members = {e.name: e.target for e in self.snapshot.edges(ordinal)}
                if marker in members:
                    found |= {str(name): target for name, target in members.items()}
        return found


def fill(text: str) -> tuple[str, dict[str, str]]:
    """The program with a drawn name for each `$name`."""
    names = {}
    for name in dict.fromkeys(re.findall(r"\$(\w+)", text)):
        drawn = "".join(random.choices(string.ascii_lowercase, k=8))
        names[name] = (drawn.capitalize() if name[0].isupper() else drawn) + "X"
    return re.sub(r"\$(\w+)", lambda match: names[match[1]], text), names


@pytest.fixture(scope="session")
def known() -> Iterator[dict[Path, Asked]]:
    """The snapshots taken so far, by the release that took them."""
    snapshots: dict[Path, Asked] = {}
    yield snapshots
    for one in snapshots.values():
        one.snapshot.close()


@pytest.fixture
def asked(node: Path, known: dict[Path, Asked], tmp_path_factory: pytest.TempPathFactory) -> Asked:
    if node not in known:
        folder = tmp_path_factory.mktemp("program")
        text, names = fill(PROGRAM)
        script = folder / "program.js"
        script.write_text(text)
        file = folder / "heap.heapsnapshot"
        NodeProgram.start(node, script, arguments=[str(file)], flags=["--expose-gc"]).stop()
        known[node] = Asked(open_snapshot(file), names)
    return known[node]
