"""Nodes in the words of a Node.js developer.

V8 also writes down what it needs itself: backing stores, hash tables, hidden classes, closure
scopes. Those nodes are *inner*; what a program can name is *visible*.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property, lru_cache
from itertools import islice

from nodemem.heap.engine.columns import CLOSURE, OBJECT
from nodemem.heap.engine.snapshot import Edge, Snapshot
from nodemem.heap.naming.locations import Locations, Place
from nodemem.heap.naming.numbers import entry_number
from nodemem.heap.naming.visibility import CONTEXT_CELL, SCOPE, VISIBLE, visibility
from nodemem.source.files import SourceRoots

NATIVE_CONTEXT = "system / NativeContext"
_SHAPE_PROPERTIES = 4
_MOST_MEMBERS = 32
_MOST_CLASSES = 100
_FEWEST_ENTRIES = 32
_SAMPLED_ENTRIES = 50
_TYPE_LABELS = {
    "string": "string",
    "concatenated string": "string",
    "sliced string": "string",
    "regexp": "RegExp",
    "number": "number",
    "symbol": "symbol",
    "bigint": "bigint",
}
"""Of nodes whose name is their value."""


class Names:
    """Names of the nodes of one snapshot. Every method takes ordinals.

    Where a source map is found, places and the names of classes and functions are those of the
    sources; `roots` says where the program's files are on this machine, by default what the
    snapshot was opened with.
    """

    def __init__(self, snapshot: Snapshot, roots: SourceRoots | None = None) -> None:
        self.snapshot = snapshot
        # Snapshots that people open bring theirs along; the engine knows of no sources.
        self.locations = Locations(snapshot, roots or getattr(snapshot, "source_roots", None))
        self.class_name = lru_cache(maxsize=100_000)(self._class_name)
        self.original_name = lru_cache(maxsize=10_000)(self._original_name)
        self._block_variables = lru_cache(maxsize=1_000)(self._name_block_variables)
        self.layout = lru_cache(maxsize=10_000)(self._read_layout)
        self._entry_kind = lru_cache(maxsize=10_000)(self._kind_of_entries)
        self._text = lru_cache(maxsize=100_000)(snapshot.string)
        self.functions_by_scope: dict[int, tuple[Place, ...]] = {}  # kept by `declared`

    def name(self, ordinal: int) -> str:
        """The node's name as V8 wrote it. The same few names are asked for again and again."""
        return self._text(self.snapshot.columns.names[ordinal])

    @cached_property
    def visibility(self) -> memoryview:
        """By ordinal; not 0 for what is shown: what a program can name, and closure scopes."""
        return visibility(self.snapshot)

    def visible(self, ordinal: int) -> bool:
        """Whether a program can name this node, as against what V8 keeps for itself."""
        return self.visibility[ordinal] & VISIBLE != 0

    def shown(self, ordinal: int) -> bool:
        """Whether the node is visible or a closure scope."""
        return self.visibility[ordinal] != 0

    def is_context(self, ordinal: int) -> bool:
        """Whether the node is a closure scope: the variables that functions share."""
        return self.visibility[ordinal] & SCOPE != 0

    def is_cell(self, ordinal: int) -> bool:
        """Whether the node is the box in which V8 14 keeps a variable that is assigned again."""
        return self.name(ordinal).startswith(CONTEXT_CELL)

    def variable(self, edge: Edge) -> str | None:
        """The variable by which a closure scope refers to `edge.target`; None for other edges.

        V8 names the variables of functions and modules. Those of blocks it only numbers; their
        names are in the scope's ScopeInfo, in the same order. Integers are in no snapshot: where
        one of the variables is one, the numbers do not tell.
        """
        if edge.type == "context":
            return str(edge.name)
        if edge.type != "hidden" or not self.is_context(edge.source):
            return None
        return self._block_variables(edge.source).get(str(edge.name))

    def _name_block_variables(self, context: int) -> dict[str, str]:
        slots = [str(edge.name) for edge in self.snapshot.edges(context) if edge.type == "hidden"]
        info = next((e for e in self.snapshot.edges(context) if e.name == "scope_info"), None)
        if info is None:
            return {}
        known = [
            self.name(edge.target)
            for edge in self.snapshot.edges(info.target)
            if edge.type == "hidden" and self.snapshot.node_type(edge.target) == "string"
        ]
        return dict(zip(slots, known, strict=True)) if len(slots) == len(known) else {}

    def is_entry(self, edge: Edge) -> bool:
        """Whether a property is one of many alike in a plain object, as the arrays of messages by
        room are: its name is a key then, which no program text has. Tables of functions have none.
        """
        if edge.type != "property" or edge.name == "__proto__":
            return False
        columns = self.snapshot.columns
        if columns.first_edge[edge.source + 1] - columns.first_edge[edge.source] < _FEWEST_ENTRIES:
            return False
        kind = columns.types[edge.target], columns.names[edge.target]
        return kind == self._entry_kind(edge.source)

    def _kind_of_entries(self, ordinal: int) -> tuple[int, int] | None:
        """V8's type and name of most values of a plain object; None where they differ."""
        columns = self.snapshot.columns
        if columns.types[ordinal] != OBJECT or self.name(ordinal) != "Object":
            return None
        first, end = columns.first_edge[ordinal], columns.first_edge[ordinal + 1]
        step = max(1, (end - first) // _SAMPLED_ENTRIES)
        edges = [self.snapshot.edge(at, ordinal) for at in range(first, end, step)]
        kinds = Counter(
            (columns.types[edge.target], columns.names[edge.target])
            for edge in edges
            if edge.type == "property" and columns.types[edge.target] == OBJECT
        )
        if not kinds:
            return None
        kind, times = kinds.most_common(1)[0]
        return kind if 2 * times > len(edges) else None

    def is_global(self, ordinal: int) -> bool:
        """Whether the node is the global object. Inspector captures add ` / ` and an origin."""
        return self.name(ordinal).split(" / ")[0] in (
            "global",
            "global (global)",
            "global (global*)",
        )

    def is_closure(self, ordinal: int) -> bool:
        return bool(self.snapshot.columns.types[ordinal] == CLOSURE)

    def runs(self, ordinal: int) -> bool:
        """Whether the node is a suspended function: a generator, or an async function at work."""
        edges = self.snapshot.edges(ordinal)
        return any(edge.name == "parameters_and_registers" for edge in edges)

    def suspended(self, ordinal: int) -> str | None:
        """The name of the function that a suspended call (a generator, an async function at work)
        goes on with, empty when it has none; None for other nodes."""
        first = next(self.snapshot.edges(ordinal), None)
        if first is None or first.name != "function" or not self.runs(ordinal):
            return None
        return self.function(first.target)

    def place(self, ordinal: int) -> Place | None:
        return self.locations.place(ordinal)

    def by_user(self, ordinal: int) -> bool:
        """Whether the program itself wrote this function or this object's constructor."""
        place = self.place(ordinal)
        return place is not None and place.user

    def function(self, ordinal: int) -> str:
        """The name of a function; empty when it has none."""
        name = self.name(ordinal)
        if name == "native_bind":
            return ""
        if name in ("(anonymous)", "anonymous"):
            name = ""
        location = self.snapshot.location(ordinal)
        return name if location is None else self.original_name(name, *location)

    def _original_name(self, name: str, script_id: int, line: int, column: int) -> str:
        """What the class or function `name` of V8's location is called in its source; `name` where
        no map tells."""
        script = self.locations.script(script_id)
        return name if script is None else script.function_name(name, line + 1, column + 1)

    def members(self, ordinal: int) -> list[str]:
        """Names of an object's own properties, in order."""
        return [
            str(edge.name)
            for edge in self.snapshot.edges(ordinal)
            if edge.type == "property" and edge.name != "__proto__"
        ]

    def _class_name(self, ordinal: int) -> str:
        """The class of an object; `{a, b}` for a plain one; `function f`; else V8's type."""
        kind = self.snapshot.node_type(ordinal)
        if kind in _TYPE_LABELS:
            return _TYPE_LABELS[kind]
        name = self.name(ordinal)
        if self.is_global(ordinal):
            return "(global)"
        if self.is_context(ordinal):
            return "closure scope"
        if kind == "object" and name == "Object":
            return self._shape(ordinal)
        suspended = self.suspended(ordinal) if kind == "object" else None
        if suspended is not None:
            return f"suspended function {suspended}".rstrip()
        if kind == "object":
            location = self.snapshot.location(ordinal)
            return name if location is None else self.original_name(name, *location)
        if name.startswith("system / "):
            return name.removeprefix("system / ").split(" / ")[0]
        if name == "native_bind":
            return "bound function"
        if kind == "closure":
            named = self.function(ordinal)
            return f"function {named}" if named else "function"
        return name if kind == "native" else kind

    def _shape(self, ordinal: int) -> str:
        """`{id, name}`; `Object` for one that serves as a dictionary or has no properties."""
        members = self.members(ordinal)
        if len(members) <= _MOST_MEMBERS:
            members = self._described(ordinal, members)
        if not members or len(members) > _MOST_MEMBERS:
            return "Object"
        shown = ", ".join(members[:_SHAPE_PROPERTIES])
        return f"{{{shown}, …}}" if len(members) > _SHAPE_PROPERTIES else f"{{{shown}}}"

    def _described(self, ordinal: int, members: list[str]) -> list[str]:
        """All properties of an object, from its hidden class: those that are small integers are
        not among its references. `members` where the hidden class does not tell."""
        for edge in self.snapshot.edges(ordinal):
            if edge.name == "map" and edge.type == "internal":
                known, whole = self.layout(edge.target)
                if not set(members) <= set(known):
                    return members
                last = max((i for i, name in enumerate(known) if name in members), default=-1)
                return known if whole else known[: last + 1]
        return members

    def _read_layout(self, shape: int) -> tuple[list[str], bool]:
        """The property names that a hidden class describes, and whether they are all its own: it
        shares the description with the classes that objects of it turn into."""
        snapshot = self.snapshot
        edges = snapshot.edges(shape)
        described = next((edge.target for edge in edges if edge.name == "descriptors"), None)
        if described is None:
            return [], False
        known = [
            (number, self.name(edge.target))
            for edge in snapshot.edges(described)
            if (number := entry_number(edge.name)) is not None
            and snapshot.node_type(edge.target) == "string"
        ]
        first, _, sources = snapshot.graph.retainers
        types = snapshot.columns.types
        classes = (
            sources[at]
            for at in range(first[shape], first[shape + 1])
            if types[sources[at]] != OBJECT
        )
        whole = not any(
            edge.name == "back_pointer" and edge.target == shape
            for source in islice(classes, _MOST_CLASSES)
            for edge in snapshot.edges(source)
        )
        return [name for at, name in sorted(known) if at % 3 == 0], whole
