"""References in the words of a Node.js developer.

V8 writes several edges where a program has one reference: an entry of a Map leads over its hash
table, a captured variable over the closure's scopes and, since V8 14, a cell. `collapse` joins
the edges of a chain into steps between visible nodes and says of what kind each step is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from nodemem.heap.engine.snapshot import Edge, Snapshot
from nodemem.heap.naming.declared import original_variable
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.numbers import entry_number
from nodemem.heap.naming.runtime import (
    PROXY,
    PROXY_HANDLER,
    common_js_file,
    es_module_file,
    export_of,
    is_store,
    storage_of,
    text_before,
)

Kind = Literal[
    "root",
    "global property",
    "variable",
    "property",
    "static",
    "getter",
    "setter",
    "element",
    "map key",
    "map value",
    "set entry",
    "weakmap value",
    "listener",
    "listeners",
    "timers",
    "timer",
    "timer callback",
    "timer arguments",
    "promise",
    "promise value",
    "promise reaction",
    "awaiting",
    "suspended function",
    "bound function",
    "bound this",
    "bound argument",
    "call site",
    "finalization value",
    "module",
    "module export",
    "async store",
    "proxy handler",
    "prototype",
    "code",
    "scope",
    "internal",
    "weak",
]

_BOUND: dict[str, Kind] = {
    "bound_function": "bound function",
    "bound_this": "bound this",
    "bindings": "bound argument",
}
_WORD_BYTES = 8  # Node.js is built without pointer compression
_ARRAY_HEADER = 16
_LONGEST_KEY = 40
HOLE = "system / Hole"
"""What stands where an entry was deleted."""
_ACCESSORS: dict[str, Kind] = {"get": "getter", "set": "setter"}
_ITERATED: dict[str, Kind] = {
    "Map Iterator": "map value",
    "MapIterator": "map value",
    "Set Iterator": "set entry",
    "SetIterator": "set entry",
}
_WRAPPED = frozenset([("static", "listener"), ("property", "listener"), ("property", "callback")])
_ONE_STEP = frozenset([("async store", "async store"), ("promise reaction", "awaiting")])
BOUND_ARGUMENT = "bound_argument_"
ASYNC_FRAME = "AsyncContextFrame"
_MOST_RETAINERS = 100
_LISTS_LINKS = ("_idleNext", "_idlePrev")


class Step(NamedTuple):
    """One reference between visible nodes. `through` is the last closure scope on the way (the
    one that holds the variable); `times` counts equal steps in a row that were joined."""

    kind: Kind
    name: str
    source: int
    target: int
    through: int | None = None
    times: int = 1


def collapse(names: Names, edges: Sequence[Edge]) -> list[Step]:
    """The steps of a chain of edges in which each starts where the one before ended."""
    chains = list(_between_visible(names, edges))
    return _joined(names, _told_by_neighbours(names, [_step(names, chain) for chain in chains]))


def member_text(name: str) -> str:
    """How a program writes the member `name` of an object: `.name`, `['a b']`, `[symbol s]`."""
    if name.startswith("<symbol"):
        return f"[{name[1:-1]}]"
    if name.removeprefix("#").isidentifier() or name.replace("$", "_").isidentifier():
        return f".{name}"
    short = name if len(name) <= _LONGEST_KEY else f"{name[: _LONGEST_KEY - 1]}…"
    return f"[{short!r}]"


def _between_visible(names: Names, edges: Sequence[Edge]) -> Iterator[list[Edge]]:
    chain: list[Edge] = []
    for edge in edges:
        chain.append(edge)
        if names.visible(edge.target):
            yield chain
            chain = []
    if chain:
        yield chain


def _step(names: Names, chain: list[Edge]) -> Step:
    first, last = chain[0], chain[-1]
    kind, name, through = _kind(names, chain)
    return Step(kind, name, first.source, last.target, through)


def _kind(names: Names, chain: list[Edge]) -> tuple[Kind, str, int | None]:
    first, last = chain[0], chain[-1]
    if len(chain) > 1 and names.name(last.source) == PROXY:
        # To the program a proxy is its target.
        if last.name != PROXY_HANDLER:
            return _kind(names, chain[:-1])
        return "proxy handler", str(first.name) if first.type == "property" else "", None
    for edge in reversed(chain):
        variable = names.variable(edge)
        if variable is not None:
            return "variable", original_variable(names, edge.source, variable), edge.source
    scope = next((e.target for e in chain if names.is_context(e.target)), None)
    if len(chain) == 1 and last.type in ("property", "element"):
        return _direct(names, last)
    exported = export_of(names, last.source)
    if exported is not None:
        return "module export", exported.name, None
    if first.source == 0 or not names.visible(first.source):
        return "root", str(last.name), None
    if first.type == "shortcut":
        return "bound argument", str(first.name).removeprefix(BOUND_ARGUMENT), None
    if first.type == "internal":
        word = str(first.name)
        if word == "table":
            return *_entry(names, chain), None
        if word in _BOUND:
            return _BOUND[word], "", None
        if word == "reactions_or_result":
            reacting = any("PromiseReaction" in names.name(e.target) for e in chain)
            return "promise reaction" if reacting else "promise value", "", None
        if word == "parameters_and_registers":
            return "suspended function", names.suspended(first.source) or "", None
        if word in ("elements", "properties"):
            return "element" if word == "elements" else "property", "", None
        if "in WeakMap" in word or "WeakMap (table" in word:
            return "weakmap value", "", None
        if word in ("shared", "code", "feedback_cell"):
            return "code", names.function(first.source), None
    if any("CallSiteInfo" in names.name(edge.target) for edge in chain):
        return "call site", "", None
    if len(chain) > 1 and first.type == "property" and str(first.name).startswith("<symbol"):
        # Since V8 14 without a CallSiteInfo between.
        return "call site", "", None
    if any(names.name(edge.target) == "system / WeakCell" for edge in chain):
        return "finalization value", "", None
    if first.type == "hidden" and last.type == "internal" and len(chain) == 2:
        iterated = _ITERATED.get(names.name(first.source))
        if iterated is not None:
            return iterated, "", None
    if scope is not None and names.suspended(last.target) is not None:
        return "awaiting", names.suspended(last.target) or "", scope
    if (
        scope is not None
        and names.name(last.target) == "Promise"
        and not names.by_user(first.source)
    ):
        return "promise", "", scope
    if scope is not None:
        return "scope", names.function(first.source), scope
    return "internal", str(last.name), None


def _direct(names: Names, edge: Edge) -> tuple[Kind, str, int | None]:
    name = str(edge.name)
    if edge.type == "element":
        return "element", name, None
    if name == "__proto__":
        return "prototype", "", None
    if names.is_global(edge.source):
        return "global property", name, None
    word, _, member = name.partition(" ")
    if word in _ACCESSORS and member and _has_accessor(names, edge.source, member):
        return _ACCESSORS[word], member, None
    if names.is_closure(edge.source):
        return "static", name, None
    if is_store(name):
        return "async store", _storage_name(names, None), None
    return "property", name, None


def _has_accessor(names: Names, ordinal: int, member: str) -> bool:
    edges = names.snapshot.edges(ordinal)
    return any(edge.name == member and edge.type == "property" for edge in edges)


def _entry(names: Names, chain: list[Edge]) -> tuple[Kind, str]:
    """A place in the hash table of a Map or Set, or of the stores of AsyncLocalStorage."""
    snapshot = names.snapshot
    if snapshot.name(chain[0].source).startswith("Set"):
        return "set entry", ""
    number = entry_number(chain[-1].name)
    if len(chain) < 2 or number is None:
        return "map value", ""
    table = chain[0].target
    buckets = table_buckets(snapshot.self_size(table), entry_words=3)
    if buckets is None:
        return "map value", ""
    index = number - 3 - buckets
    if index % 3 == 0:
        return "map key", ""
    if snapshot.name(chain[0].source) == ASYNC_FRAME:
        return "async store", _storage_name(names, chain[-1])
    return "map value", text_before(snapshot, chain[-1])


def _storage_name(names: Names, entry: Edge | None) -> str:
    """The variable of the AsyncLocalStorage that a store is of; empty when none is known."""
    storage = storage_of(names, entry)
    if storage is None:
        return ""
    for edge in islice(names.snapshot.retainers(storage), _MOST_RETAINERS):
        variable = names.variable(edge)
        if variable is not None:
            return original_variable(names, edge.source, variable)
    return ""


def table_buckets(size: int, *, entry_words: int) -> int | None:
    """How many buckets the hash table of a Map or Set of `size` bytes has; None if it is none.

    Behind three counters and B buckets a table has 2 B entries: of key, value and link in a Map
    (3 words), of key and link in a Set (2 words).
    """
    words = (size - _ARRAY_HEADER) // _WORD_BYTES
    buckets, left_over = divmod(words - 3, 1 + 2 * entry_words)
    return None if left_over or buckets < 1 else buckets


def table_entries(
    snapshot: Snapshot, owner: int, table: int, edges: Iterable[Edge] | None = None
) -> Iterator[Step]:
    """What a Map or Set refers to over its hash table: values with their keys where these are
    text, other keys, entries. `edges` are some of the table's, by default all."""
    is_map = snapshot.name(owner) == "Map"
    words = 3 if is_map else 2
    buckets = table_buckets(snapshot.self_size(table), entry_words=words)
    key: tuple[int, str] | None = None
    hole, names = snapshot.find_string(HOLE), snapshot.columns.names
    for edge in snapshot.edges(table) if edges is None else edges:
        number = entry_number(edge.name)
        if edge.type != "internal" or number is None:
            continue
        if names[edge.target] == hole:
            continue
        place = number - 3 - (buckets or 0)
        if not is_map:
            yield Step("set entry", "", owner, edge.target)
        elif buckets is not None and place % 3 == 0:
            text = snapshot.node_type(edge.target) == "string"
            key = (place, snapshot.name(edge.target) if text else "")
            if not text:
                yield Step("map key", "", owner, edge.target)
        else:
            beside = key is not None and key[0] + 1 == place
            yield Step("map value", key[1] if key and beside else "", owner, edge.target)


def _told_by_neighbours(names: Names, steps: list[Step]) -> list[Step]:
    """Join what several steps together mean: an emitter's listeners, Node.js' lists of timers."""
    told: list[Step] = []
    if steps and steps[-1].name == "_events" and steps[-1].kind == "property":
        steps = [*steps[:-1], steps[-1]._replace(kind="listeners", name="")]
    for step in steps:
        before = told[-1] if told else None
        told.append(step)
        if before is None:
            continue
        if before.name == "_events" and step.kind == "property":
            listeners: Kind = "listener" if names.is_closure(step.target) else "listeners"
            told[-2:] = [Step(listeners, step.name, before.source, step.target)]
        elif before.kind == "listeners" and step.kind == "element":
            told[-2:] = [Step("listener", before.name, before.source, step.target)]
        elif before.name == "timerListMap" and step.kind == "element":
            # The functions of node:timers are only the way by which V8 reaches the lists.
            known = 3 if len(told) > 2 and told[-3].kind == "global property" else 2
            told[-known:] = [Step("timers", step.name, told[-known].source, step.target)]
        elif step.name in _LISTS_LINKS and before.kind == "timers":
            told[-2:] = [Step("timer", before.name, before.source, step.target)]
        elif step.name in _LISTS_LINKS:
            told[-1] = step._replace(kind="timer", name=before.name * (before.kind == "timer"))
        elif "kEvents" in before.name and step.kind == "map value":
            told[-2:] = [Step("listeners", step.name, before.source, step.target)]
        elif before.kind in ("listeners", "listener") and step.name in ("next", "root"):
            told[-1] = step._replace(kind="listener", name=before.name)
            if before.kind == "listeners":
                told[-2:] = [told[-1]._replace(source=before.source)]
        elif step.name in ("_onTimeout", "_onImmediate"):
            told[-1] = step._replace(kind="timer callback", name="")
        elif step.name == "_timerArgs":
            told[-1] = step._replace(kind="timer arguments", name="")
        elif before.kind == "listener" and (step.kind, step.name) in _WRAPPED:
            # The wrapper of `once`, or what an EventTarget keeps of a listener.
            told[-2:] = [before._replace(target=step.target)]
        elif (before.kind, step.kind) in _ONE_STEP:
            told[-2:] = [step._replace(source=before.source)]
        elif step.kind == "module export" and before.kind == "property":
            told[-2:] = [before._replace(kind="module", name=_module(names, before)), step]
        elif before.kind == "module" and step.name == "exports" and step.kind == "property":
            told[-1] = step._replace(kind="module export", name="exports")
        elif step.kind in ("property", "element", "static", "map value"):
            file = common_js_file(names, step.target)
            if file is not None:
                told[-1] = step._replace(kind="module", name=file)
    return told


def _module(names: Names, step: Step) -> str:
    """The file of the ES module whose wrapper a step leads to; else the step's name."""
    return es_module_file(names, step.target) or step.name


def _joined(names: Names, steps: list[Step]) -> list[Step]:
    """Join runs of equal steps through objects of one class: the links of a list."""
    joined: list[Step] = []
    for step in steps:
        before = joined[-1] if joined else None
        if (
            before is not None
            and (before.kind, before.name) == (step.kind, step.name)
            and names.class_name(before.target) == names.class_name(step.target)
            and step.kind not in ("element", "root")
        ):
            joined[-1] = before._replace(target=step.target, times=before.times + 1)
        else:
            joined.append(step)
    return joined
