"""`heap closures`: what the variables of functions keep."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from nodemem import results
from nodemem.heap.anatomy.rows import cut
from nodemem.heap.anatomy.scopes import Variable, variables
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.declared import declaration_of_variable, original_variable
from nodemem.heap.naming.names import Names
from nodemem.results import (
    SILENT,
    AtLeastOne,
    Column,
    Evidence,
    Finding,
    Progress,
    Table,
    Where,
    about,
)

_COLUMNS = (
    Column("variable", role="name"),
    Column("class", role="class"),
    Column("scopes", unit="count"),
    Column("closures", unit="count"),
    Column("mentioned", role="kind"),
    Column("retained", unit="bytes"),
    Column("share", unit="share"),
    Column("functions", role="name"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_WORTH_TELLING, _SHARE_WORTH_TELLING = 50_000, 0.005
_MOST_NAMED = 3


class Params(results.Params, frozen=True, kw_only=True):
    unused: Annotated[
        bool, about(description="only variables that no function which is still there mentions")
    ] = False
    builtin: Annotated[bool, about(description="variables inside of Node.js as well")] = False
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each variable that lives on in closure scopes and keeps something, the scopes of
    one function taken together.
    """
    snapshot = snapshots[0]
    progress.phase("closures", unit="nodes")
    names = Names(snapshot)
    found = variables(names, user=not params.builtin)
    unused = [one for one in found if one.mentioned is False]
    shown = unused if params.unused else found
    untold = sum(one.mentioned is None for one in found)
    table = Table(
        _COLUMNS,
        [_record(names, one) for one in shown[: params.top]],
        summary={
            "variables": len(found),
            "unused": len(unused),
            "unused_bytes": sum(one.retained for one in unused),
            **({"untold": untold} if untold else {}),
        },
        findings=tuple(_findings(names, unused)),
    )
    return cut(table, len(shown))


def _record(names: Names, one: Variable) -> tuple[Any, ...]:
    snapshot = names.snapshot
    declared = declaration_of_variable(names, one.context, one.name)
    value = one.value
    if names.is_cell(value):
        value = next((edge.target for edge in snapshot.edges(value)
                      if edge.type != "weak" and edge.name != "map"), value)  # fmt: skip
    mentioned = {True: "yes", False: "no", None: None}[one.mentioned]
    return (
        original_variable(names, one.context, one.name),
        names.class_name(value),
        one.scopes,
        one.closures,
        mentioned,
        one.retained,
        one.retained / (snapshot.retained_size(0) or 1),
        _functions(names, one),
        snapshot.node_id(one.context),
        None if declared is None else str(declared.place),
    )


def _functions(names: Names, one: Variable) -> str:
    """The functions that see a variable by their names, or lines where they have none."""
    told: list[str] = []
    for function in one.functions[:20]:
        place = names.place(function)
        name = names.function(function)
        told.append(name or ("function" if place is None else f"line {place.line}"))
    distinct = list(dict.fromkeys(told))
    more = ", …" if len(distinct) > _MOST_NAMED else ""
    return ", ".join(distinct[:_MOST_NAMED]) + more


def _findings(names: Names, unused: Sequence[Variable]) -> Iterator[Finding]:
    total, file = names.snapshot.retained_size(0), str(names.snapshot.path_on_disk)
    for one in unused[:3]:
        if one.retained < max(_WORTH_TELLING, _SHARE_WORTH_TELLING * total):
            continue
        declared = declaration_of_variable(names, one.context, one.name)
        place = None if declared is None else declared.place
        yield Finding(
            id="closures.unused",
            params={
                "variable": original_variable(names, one.context, one.name),
                "scopes": one.scopes,
                "functions": _functions(names, one),
                "retained": one.retained,
                "share": one.retained / total,
            },
            where=Where() if place is None else Where(place.file, place.line, place.column),
            evidence=(
                Evidence("retained", one.retained, "bytes", file),
                Evidence("closures", one.closures, "count", file),
            ),
            saving_bytes=one.retained,
            confidence=0.8,
            next=f"nodemem heap retainers {shlex.quote(file)} "
            f"--id {names.snapshot.node_id(one.context)}",
        )
