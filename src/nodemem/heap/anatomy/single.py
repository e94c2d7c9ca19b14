"""One object: what it is, and what it refers to, with values where the file has them."""

from __future__ import annotations

from itertools import islice
from typing import Any

from nodemem.heap.anatomy.rows import source_text, title
from nodemem.heap.naming.members import members
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.text import is_string, text_of, value_of
from nodemem.results import Column, Table, Truncated

COLUMNS = (
    Column("reference", role="kind"),
    Column("name", role="edge"),
    Column("value"),
    Column("class", role="class"),
    Column("retained", unit="bytes"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_MOST_TEXT = 4096
_MOST_COUNTED = 100_000
"""References beyond those shown that are counted; of more the number is a least one."""


def describe_object(names: Names, ordinal: int, *, raw: bool, top: int | None) -> Table:
    """A row for each of the first `top` references out of a node, in the order of the file: in
    words, or with `raw` as V8 wrote it. What the node is stands in the summary: class, V8's type,
    sizes in bytes, distance in hops, place, for strings the text (at most 4,096 characters) and
    whether that is all of it."""
    snapshot = names.snapshot
    if raw:
        every = ((edge.type, str(edge.name), edge.target) for edge in snapshot.edges(ordinal))
    else:
        every = ((step.kind, step.name, step.target) for step in members(names, ordinal))
    told = list(islice(every, top))
    more = sum(1 for _ in islice(every, _MOST_COUNTED))
    records = [
        (
            kind,
            name or None,
            value_of(snapshot, target),
            title(names, target),
            snapshot.retained_size(target),
            snapshot.node_id(target),
            source_text(names, target),
        )
        for kind, name, target in told
    ]
    truncated = None
    if more:
        truncated = Truncated(len(records), len(records) + more, "--top N shows more")
    return Table(COLUMNS, records, summary=_facts(names, ordinal), truncated=truncated)


def _facts(names: Names, ordinal: int) -> dict[str, Any]:
    snapshot = names.snapshot
    facts: dict[str, Any] = {
        "id": snapshot.node_id(ordinal),
        "class": title(names, ordinal),
        "type": snapshot.node_type(ordinal),
        "self_size": snapshot.self_size(ordinal),
        "shallow": snapshot.shallow_size(ordinal),
        "retained": snapshot.retained_size(ordinal),
        "distance": snapshot.distance(ordinal),
        "source": source_text(names, ordinal),
    }
    if is_string(snapshot, ordinal):
        facts["text"], facts["whole"] = text_of(snapshot, ordinal, _MOST_TEXT)
    elif (value := value_of(snapshot, ordinal)) is not None:
        facts["value"] = value
    return {key: value for key, value in facts.items() if value is not None}
