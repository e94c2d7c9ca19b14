"""The views that queries in SQL are asked of: each declared once, for DuckDB and for people.

What costs time to work out is a *part* (see sources.py): until a query needs it, the columns and
rows that rest on it are calls that say so when they are met (see database.py).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from nodemem.results import Column, Table
from nodemem.results.table import Role, Unit


@dataclass(frozen=True)
class ViewColumn:
    """`sql` gives the value, in terms of the tables of sources.py; `part` is what it rests on."""

    key: str
    type: str
    meaning: str
    sql: str
    part: str | None = None
    unit: Unit | None = None
    role: Role | None = None


@dataclass(frozen=True)
class View:
    """`rows` is the table it is made from, as alias `r`, which takes `part`; `joins` are added to
    it where their part is needed."""

    name: str
    meaning: str
    rows: str
    columns: tuple[ViewColumn, ...]
    part: str | None = None
    where: str = ""
    joins: dict[str, str] = field(default_factory=dict)

    def sql(self, prefix: str, parts: AbstractSet[str]) -> str:
        """The SELECT behind the view, of the snapshot whose tables begin with `prefix`; what rests
        on other than `parts` raises when it is read."""
        if self.part is not None and self.part not in parts:
            # No constants: DuckDB would conclude from them, and the call never be made.
            calls = [f"{later(prefix, self.part, c.type)}(x) AS {c.key}" for c in self.columns]
            needed = later(prefix, self.part, "BOOLEAN")
            return f"SELECT {', '.join(calls)} FROM _one WHERE {needed}(x)"
        chosen = ", ".join(_expression(column, prefix, parts) for column in self.columns)
        joins = " ".join(text for part, text in self.joins.items() if part in parts)
        return f"SELECT {chosen} FROM {self.rows} r {joins} {self.where}".replace("@", prefix)


def later(prefix: str, part: str, type: str) -> str:
    """The function that says that a part is needed, in place of a value of a type."""
    return f"{prefix}{part}_{type.lower()}"


def _expression(column: ViewColumn, prefix: str, parts: AbstractSet[str]) -> str:
    if column.part is not None and column.part not in parts:
        return f"{later(prefix, column.part, column.type)}(r.x) AS {column.key}"
    return f"CAST({column.sql} AS {column.type}) AS {column.key}"


TYPES = ("BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR")
"""Of what a call says that a part is needed for: a condition, or a value of a column."""

_TEXT = {"text": "LEFT JOIN @strings t ON t.x = r.name"}
_KIND = "CASE WHEN r.word >> 29 = 7 THEN 'internal' ELSE ($edge_types)[(r.word >> 29) + 1] END"
_NUMBERED = "r.word >> 29 IN (1, 4)"
_EDGE_TEXT = {"text": f"LEFT JOIN @strings t ON t.x = r.name AND NOT {_NUMBERED}"}
_EDGE_NAME = f"CASE WHEN {_NUMBERED} THEN CAST(r.name AS VARCHAR) ELSE t.text END"
_TARGET = "r.word & 536870911"
_HOPS = "CASE WHEN r.distance BETWEEN 0 AND 99999999 THEN r.distance END"

VIEWS: tuple[View, ...] = (
    View(
        "nodes",
        "what V8 wrote down, a row each: objects, strings, functions, its own helpers",
        "@nodes",
        (
            ViewColumn(
                "ordinal", "BIGINT", "position in the file; what other views join on", "r.x"
            ),
            ViewColumn(
                "id",
                "BIGINT",
                "V8's id, the same in all snapshots of one process",
                "r.id",
                role="node_id",
            ),
            ViewColumn(
                "type",
                "VARCHAR",
                "V8's word: object, string, closure, ...",
                "($node_types)[r.type + 1]",
                role="kind",
            ),
            ViewColumn(
                "name",
                "VARCHAR",
                "class of an object, text of a string, name of a function",
                "t.text",
                "text",
            ),
            ViewColumn(
                "class",
                "VARCHAR",
                "as `heap classes` counts it",
                "k.label",
                "groups",
                role="class",
            ),
            ViewColumn("self_size", "BIGINT", "as V8 wrote it", "r.self_size", unit="bytes"),
            ViewColumn(
                "shallow_size",
                "BIGINT",
                "with the helpers that belong to it alone",
                "r.shallow",
                "sizes",
                "bytes",
            ),
            ViewColumn(
                "retained_size", "BIGINT", "what would go with it", "r.retained", "tree", "bytes"
            ),
            ViewColumn(
                "distance",
                "BIGINT",
                "references from the global object; NULL: not reached",
                _HOPS,
                "distances",
                "hops",
            ),
            ViewColumn(
                "dominator",
                "BIGINT",
                "ordinal of the nearest node that all paths to it lead over",
                "r.dominator",
                "tree",
            ),
            ViewColumn(
                "edge_count",
                "BIGINT",
                "references out of it",
                "r.edges_end - r.edges_begin",
                unit="count",
            ),
            ViewColumn(
                "detachedness",
                "VARCHAR",
                "of DOM nodes: attached or detached; NULL: not known",
                "CASE r.detachedness WHEN 1 THEN 'attached' WHEN 2 THEN 'detached' END",
            ),
            ViewColumn("string_index", "BIGINT", "of its name in `strings`", "r.name"),
        ),
        joins={**_TEXT, "groups": "LEFT JOIN @labels k ON k.number = r.group_number"},
    ),
    View(
        "edges",
        "references from one node to another, a row each",
        "@edges",
        (
            ViewColumn(
                "source", "BIGINT", "ordinal of the node that refers", "r.source", "sources"
            ),
            ViewColumn("target", "BIGINT", "ordinal of the node referred to", _TARGET),
            ViewColumn(
                "type",
                "VARCHAR",
                "property, element, context (a variable), internal, weak, ...",
                _KIND,
                role="kind",
            ),
            ViewColumn(
                "name",
                "VARCHAR",
                "of the property or variable; the number of an element",
                _EDGE_NAME,
                "text",
            ),
            ViewColumn(
                "element",
                "BIGINT",
                "number of an element; NULL for what has a name",
                f"CASE WHEN {_NUMBERED} THEN r.name END",
            ),
            ViewColumn(
                "string_index",
                "BIGINT",
                "of its name in `strings`; NULL for elements",
                f"CASE WHEN NOT {_NUMBERED} THEN r.name END",
            ),
        ),
        joins=_EDGE_TEXT,
    ),
    View(
        "retainers",
        "who holds a node: the edges seen from their targets, without weak ones and without those "
        "by which a WeakMap refers to its values",
        "@edges",
        (
            ViewColumn("ordinal", "BIGINT", "of the node that is held", _TARGET),
            ViewColumn(
                "retainer", "BIGINT", "ordinal of the node that holds it", "r.source", "sources"
            ),
            ViewColumn("type", "VARCHAR", "as in `edges`", _KIND, role="kind"),
            ViewColumn("name", "VARCHAR", "as in `edges`", _EDGE_NAME, "text"),
            ViewColumn(
                "element", "BIGINT", "as in `edges`", f"CASE WHEN {_NUMBERED} THEN r.name END"
            ),
        ),
        where="WHERE r.word >> 29 NOT IN (6, 7)",
        joins=_EDGE_TEXT,
    ),
    View(
        "retained",
        "how much goes with each node",
        "@nodes",
        (
            ViewColumn("ordinal", "BIGINT", "as in `nodes`", "r.x"),
            ViewColumn("id", "BIGINT", "as in `nodes`", "r.id", role="node_id"),
            ViewColumn("shallow_size", "BIGINT", "as in `nodes`", "r.shallow", unit="bytes"),
            ViewColumn("retained_size", "BIGINT", "as in `nodes`", "r.retained", unit="bytes"),
            ViewColumn(
                "share",
                "DOUBLE",
                "part of the heap that it retains, 0 to 1",
                "r.retained / $total",
                unit="share",
            ),
            ViewColumn("distance", "BIGINT", "as in `nodes`", _HOPS, "distances", "hops"),
        ),
        part="tree",
    ),
    View(
        "dominators",
        "the dominator tree in preorder: the nodes below one are the `nodes - 1` places behind it",
        "@tree",
        (
            ViewColumn("place", "BIGINT", "in preorder; the root has 0", "r.x"),
            ViewColumn("ordinal", "BIGINT", "of the node at this place", "r.ordinal"),
            ViewColumn("dominator", "BIGINT", "ordinal of its dominator", "r.dominator"),
            ViewColumn("nodes", "BIGINT", "in its subtree, with itself", "r.subtree", unit="count"),
        ),
        part="tree",
    ),
    View(
        "classes",
        "the rows of `heap classes`",
        "@classes",
        (
            ViewColumn("class", "VARCHAR", "V8's name", "r.class", role="class"),
            ViewColumn("count", "BIGINT", "objects", "r.count", unit="count"),
            ViewColumn("shallow_size", "BIGINT", "of all of them", "r.shallow", unit="bytes"),
            ViewColumn(
                "retained_size", "BIGINT", "of all, each byte once", "r.retained", unit="bytes"
            ),
            ViewColumn("distance", "BIGINT", "the least", "r.distance", unit="hops"),
            ViewColumn(
                "original",
                "VARCHAR",
                "the name in the source, where it is another",
                "r.original",
                role="class",
            ),
            ViewColumn(
                "source",
                "VARCHAR",
                "its constructor, `file:line:column`",
                "r.source",
                role="source",
            ),
            ViewColumn(
                "generated",
                "VARCHAR",
                "the same in the script that ran, where a map led away",
                "r.generated",
                role="source",
            ),
        ),
        part="classes",
    ),
    View(
        "strings",
        "the texts of the file: of strings and of names, each text once",
        "@strings",
        (
            ViewColumn("string_index", "BIGINT", "position in the file", "r.x"),
            ViewColumn("text", "VARCHAR", "the first 1,024 characters, where V8 cut it", "r.text"),
            ViewColumn("length", "BIGINT", "characters of `text`", "length(r.text)", unit="count"),
        ),
        part="text",
    ),
    View(
        "locations",
        "where functions, and constructors of objects, are written",
        "@locations",
        (
            ViewColumn("ordinal", "BIGINT", "of the function or object", "r.x"),
            ViewColumn("script_id", "BIGINT", "V8's number of the script", "r.script_id"),
            ViewColumn("line", "BIGINT", "in the script that ran, from 1", "r.line + 1"),
            ViewColumn("col", "BIGINT", "the column, from 1", "r.col + 1"),
            ViewColumn("file", "VARCHAR", "the script; NULL: not known", "p.file", "places"),
            ViewColumn(
                "source",
                "VARCHAR",
                "`file:line:column`, in the source where a map is found",
                "p.source",
                "places",
                role="source",
            ),
        ),
        joins={
            "places": "LEFT JOIN @places p ON p.script_id = r.script_id AND p.line = r.line "
            "AND p.col = r.col"
        },
    ),
    View(
        "scripts",
        "the scripts of which functions are in the heap",
        "@scripts",
        (
            ViewColumn("script_id", "BIGINT", "V8's number", "r.script_id"),
            ViewColumn("file", "VARCHAR", "its path or URL", "r.file"),
        ),
        part="places",
    ),
)


def known_columns() -> dict[str, ViewColumn]:
    """Columns of all views that have a unit or a role, by their keys."""
    found: dict[str, ViewColumn] = {}
    for view in VIEWS:
        for column in view.columns:
            if column.unit is not None or column.role is not None:
                found.setdefault(column.key, column)
    return found


def schema_table() -> Table:
    """The views and their columns: `view, column, type, unit, meaning`. A row without a column
    says what a row of the view is."""
    records: list[tuple[str | None, ...]] = []
    for view in VIEWS:
        records.append((view.name, None, None, None, view.meaning))
        records += [(view.name, c.key, c.type, c.unit, c.meaning) for c in view.columns]
    keys = ("view", "column", "type", "unit", "meaning")
    return Table(tuple(Column(key) for key in keys), records)
