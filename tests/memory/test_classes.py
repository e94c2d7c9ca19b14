"""What objects are called, told from outside, against V8's own words in a heap snapshot."""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import nodemem
from nodemem.memory import classes, metadata, survey
from nodemem.memory.survey import Budget
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.testing import NodeProgram

ALL_PAGES = Budget(bytes=1 << 40, seconds=1e9)
N = 1000
OF_THE_INSPECTOR = 400  # objects at most of one class that an attachment makes
PROGRAM = f"""
const make = (f) => Array.from({{ length: {N} }}, (_, i) => f(i));
class Base {{ constructor() {{ this.a = 1; }} }}
class Derived extends Base {{ constructor() {{ super(); this.b = 1; }} }}
class Cache extends Map {{}}
class List extends Array {{}}
function Old(i) {{ this.i = i; }}
function Replaced() {{}}
Replaced.prototype = {{ other: 1 }};
const holder = {{ Inner: class {{ constructor(i) {{ this.i = i; }} }} }};
const wide = {{}};
for (let i = 0; i < 300; i++) wide['p' + i] = i;
class ManyLocals {{ constructor() {{ this.many = 1; }} }}
Object.assign(ManyLocals.prototype, wide);
class InDictionary {{}}
for (let i = 0; i < 2000; i++) InDictionary.prototype['q' + i] = i;
globalThis.kept = [
  make(() => new Base()), make(() => new Derived()), make(() => new Cache()),
  make(() => new List()), make((i) => new Old(i)), make(() => new Replaced()),
  make((i) => new holder.Inner(i)), make(() => new ManyLocals()),
  make(() => new InDictionary()), make((i) => Object.create({{ constructor: Old, i }})),
  make(() => Object.create(Base.prototype)), make(() => Object.create(null)),
  make((i) => [i]), make(() => new Map()), make(() => new Set()), make(() => new WeakMap()),
  make((i) => new Date(i)), make((i) => new RegExp('a' + i)), make(() => new Promise(() => {{}})),
  make(() => new Uint8Array(8)), make(() => new Float64Array(2)), make(() => Buffer.alloc(9)),
  make(() => new ArrayBuffer(16)), make(() => new DataView(new ArrayBuffer(8))),
  make((i) => new URL('http://a/' + i)), make((i) => Object(i)), make(() => [][Symbol.iterator]()),
  make(() => new (require('events'))()), make(() => new AbortController()),
  make((i) => () => i), make((i) => Symbol('s' + i)), make((i) => 2n ** BigInt(64 + i % 50)),
];
gc(); gc();
console.log('ready');
process.stdin.resume();
"""


def by_class(program: NodeProgram) -> Counter[str]:
    with LiveAddressSpace(program.pid) as space:
        symbols = metadata.load(program_file(program.pid))
        taken = survey.take(space, symbols, ALL_PAGES)
        (heap,) = taken.heaps
        found = classes.histogram(taken, symbols, heap)
    return Counter({one.name: round(one.objects.value) for one in found})


def test_as_heap_snapshots_name_them(
    node: Path, start: Callable[..., NodeProgram], tmp_path: Path
) -> None:
    program = start(node, PROGRAM, flags=["--expose-gc", "--inspect-port=0"])
    ours = by_class(program)
    with nodemem.attach(program.pid) as attached:
        attached.take_heap_snapshot(tmp_path / "a.heapsnapshot")
    theirs: Counter[str] = Counter()
    for row in nodemem.open_snapshot(tmp_path / "a.heapsnapshot").classes(compat="devtools").rows():
        theirs[row["class"]] += row["count"]
    compared = [
        name
        for name, count in theirs.items()
        if count >= N
        and name[0] not in "({"
        and name not in ("Object", "system / JSArrayBufferData")
    ]
    assert {"Base", "Derived", "Cache", "List", "Inner", "Buffer", "Function"} <= {*compared}
    assert len(compared) >= 27
    differing = {
        name: (ours[name], theirs[name])
        for name in (*compared, "(symbol)", "(bigint)")
        if abs(ours[name] - theirs[name]) > OF_THE_INSPECTOR
    }
    assert not differing


def test_a_class_of_any_name(node: Path, start: Callable[..., NodeProgram]) -> None:
    name = "C" + "".join(random.choices(string.ascii_letters + string.digits, k=12))
    program = start(
        node,
        f"class {name} {{ constructor(i) {{ this.i = i; }} }}"
        f"globalThis.kept = Array.from({{ length: 400000 }}, (_, i) => new {name}(i));"
        f"kept.push(new {name}(1));"
        "gc(); gc(); console.log('ready'); process.stdin.resume();",
        flags=["--expose-gc"],
    )
    assert abs(by_class(program)[name] - 400_001) <= 40
