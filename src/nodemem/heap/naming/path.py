"""The retaining path of a node: who keeps it, step by step, from a user root."""

from __future__ import annotations

from pathlib import PurePosixPath

from nodemem.errors import UsageError
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.chains import shortest_chain
from nodemem.heap.naming.contents import function_behind
from nodemem.heap.naming.declared import functions_of
from nodemem.heap.naming.expressions import is_standard
from nodemem.heap.naming.locations import is_builtin
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Step, collapse, member_text
from nodemem.results import Column, Table, Truncated

COLUMNS = (
    Column("depth", role="depth"),
    Column("reference", role="kind"),
    Column("name", role="edge"),
    Column("times"),
    Column("class", role="class"),
    Column("id", role="node_id"),
    Column("shallow", unit="bytes"),
    Column("retained", unit="bytes"),
    Column("distance", unit="hops"),
    Column("source", role="source"),
    Column("generated", role="source"),
)
_MOST_STEPS = 200
_BEFORE_PROGRAM = frozenset(
    ["timer", "timer callback", "timer arguments", "async store", "module export"]
)
_NEEDS_NO_OWNER = _BEFORE_PROGRAM | {"module", "variable", "global property"}


def retaining_path(snapshot: Snapshot, ordinal: int, names: Names | None = None) -> Table:
    """The shortest path of references that keeps the node `ordinal`, user root first.

    Edges that only V8 has (hash tables, scopes, cells) are joined into one step between objects
    that a program can name. `reference` and `name` say how the row's node is reached from the
    row above; `times` counts equal references in a row (the links of a list), of which the last is
    shown; None for a single one. Sizes are bytes; `source` is where the node's function or
    constructor is.

    Raises:
        UsageError: nothing but weak references leads to the node.
    """
    names = names or Names(snapshot)
    chain = shortest_chain(names, ordinal)
    if not chain and ordinal and ordinal not in snapshot.graph.user_roots:
        raise UsageError(
            f"nothing keeps the node with the id {snapshot.node_id(ordinal)}",
            why="only weak references lead to it",
        )
    steps = collapse(names, chain)
    start = chain[0].source if chain else ordinal
    if steps and steps[0].name == "global_object":
        start = steps.pop(0).target  # since V8 14 the context of the global object is before it
    records = [_record(names, 0, Step("root", "", start, start))]
    records += [_record(names, depth, step) for depth, step in enumerate(steps, 1)]
    warnings = names.locations.warnings(names.place(step.target) for step in steps)
    truncated = None
    if len(records) > _MOST_STEPS:
        truncated = Truncated(_MOST_STEPS, len(records), "the middle of a long path is left out")
        half = _MOST_STEPS // 2
        records = records[:half] + records[-half:]
    return Table(COLUMNS, records, warnings=warnings, truncated=truncated)


def path_text(names: Names, steps: list[Step]) -> str:
    """A path on one line: `Server → listener 'request' → sessions`.

    By what way Node.js itself reaches the program is left out: its modules, its timers.
    """
    first = _first_told(names, steps)
    told = [step_text(names, step) for step in steps[first:]]
    for i, step in enumerate(steps[first:]):
        # `Registry → .entries`, not `Registry → Registry.entries`
        if step.kind == "static" and i and told[i - 1].lstrip(".") == names.function(step.source):
            told[i] = told[i].removeprefix(told[i - 1].lstrip("."))
    if first and steps[first].kind not in _NEEDS_NO_OWNER:
        owner = names.class_name(steps[first].source)
        if names.visible(steps[first].source) and not owner.startswith("{"):
            told.insert(0, owner)
    return " → ".join(filter(None, told))


def _first_told(names: Names, steps: list[Step]) -> int:
    """The number of the first step that has to do with the program; the last one if none has."""
    last = len(steps) - 1
    modules = [i for i, step in enumerate(steps) if _is_module(step)]
    if modules:
        return modules[-1]
    first = next((i for i, step in enumerate(steps) if _of_program(names, step)), max(last, 0))
    while first and steps[first - 1].kind in _BEFORE_PROGRAM:
        first -= 1
    while first < last and steps[first].kind in ("internal", "scope"):
        first += 1
    return first


def _is_module(step: Step) -> bool:
    return step.kind == "module" and not is_builtin(step.name)


def _of_program(names: Names, step: Step) -> bool:
    if step.kind == "variable" and step.through is not None:
        functions = functions_of(names, step.through)
        return bool(functions) and functions[0].user
    if step.kind == "global property" and not names.is_closure(step.target):
        return not is_standard(step.name)
    return names.by_user(function_behind(names, step.target))


def step_text(names: Names, step: Step) -> str:
    """One step of a path as a program would write it, where it could."""
    return {
        "root": "",
        "property": member_text(step.name),
        "static": f"{names.function(step.source) or 'function'}{member_text(step.name)}",
        "element": f"[{step.name}]",
        "map value": f".get({step.name!r})" if step.name else "map value",
        "global property": f"globalThis{member_text(step.name)}",
        "variable": step.name,
        "getter": f"{member_text(step.name)} (getter)",
        "setter": f"{member_text(step.name)} (setter)",
        "module": f"module {PurePosixPath(step.name).name}",
        "module export": step.name,
        "listener": f"listener {_event(step.name)}",
        "listeners": f"listeners {_event(step.name)}" if step.name else "listeners",
        "timers": f"timers of {step.name} ms",
        "timer": f"timer of {step.name} ms" if step.name else "timer",
        "timer callback": "callback",
        "timer arguments": "arguments",
    }.get(step.kind, f"{step.kind} {step.name}".strip()) + (
        f" (×{step.times:,})" if step.times > 1 else ""
    )


def _event(name: str) -> str:
    return f"[{name[1:-1]}]" if name.startswith("<symbol") else repr(name)


def _record(names: Names, depth: int, step: Step) -> tuple[object, ...]:
    snapshot, node = names.snapshot, step.target
    place = names.place(node)
    if step.through is not None and not names.visible(node):
        place = None
    return (
        depth,
        step.kind,
        step.name,
        step.times if step.times > 1 else None,
        names.class_name(node),
        snapshot.node_id(node),
        snapshot.shallow_size(node),
        snapshot.retained_size(node),
        snapshot.distance(node),
        None if place is None else str(place),
        None if place is None else place.generated_text,
    )
