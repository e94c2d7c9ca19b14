"""`heap strings`: strings that are there twice, long ones, slices that keep large strings."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from nodemem import results
from nodemem.heap.anatomy.held_as import held_as
from nodemem.heap.anatomy.strings import Kept, StringSums, Twins, joined, longest, sliced, twins
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.text import value_of
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

_TWINS = (
    Column("value"),
    Column("count", unit="count"),
    Column("size", unit="bytes"),
    Column("wasted", unit="bytes"),
    Column("certain", role="kind"),
    Column("held_as", role="name"),
    Column("id", role="node_id"),
)
_LONGEST = (
    Column("value"),
    Column("size", unit="bytes"),
    Column("retained", unit="bytes"),
    Column("held_as", role="name"),
    Column("id", role="node_id"),
)
_PARENTS = (
    Column("kind", role="kind"),
    Column("value"),
    Column("count", unit="count"),
    Column("size", unit="bytes"),
    Column("retained", unit="bytes"),
    Column("held_as", role="name"),
    Column("id", role="node_id"),
)
_WORTH_TELLING, _SHARE_WORTH_TELLING = 100_000, 0.02
_LEAST_PARENT = 10_000


class Params(results.Params, frozen=True, kw_only=True):
    by: Annotated[
        Literal["duplicates", "size", "parents"],
        about(
            description="strings that are there several times, the longest, or slices and joined "
            "strings that keep more than they show"
        ),
    ] = "duplicates"
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each group of equal strings, each long string, or each string that keeps more than
    it shows; findings where that is much.
    """
    snapshot = snapshots[0]
    progress.phase("strings", unit="nodes")
    names = Names(snapshot)
    if params.by == "size":
        return Table(_LONGEST, [_long_record(names, node) for node in longest(names, params.top)])
    if params.by == "parents":
        kept = sliced(names)
        large = [one for one in kept if one.size >= _LEAST_PARENT]
        rows = [
            *large[: params.top],
            *(one for one in joined(names, params.top) if one.retained > 2 * one.size),
        ]
        findings = [_slice_finding(names, one) for one in large if _is_much(names, one.size)]
        records = [_kept_record(names, one) for one in rows[: params.top]]
        return Table(_PARENTS, records, findings=tuple(f for f in findings if f is not None)[:3])
    groups, sums = twins(names, params.top)
    findings = [_twins_finding(names, sums, groups[0])] if groups else []
    return Table(
        _TWINS,
        [_twins_record(names, one) for one in groups],
        summary={
            "strings": sums.size,
            "string_count": sums.count,
            "wasted_certain": sums.certain,
            "wasted_possible": sums.possible,
        },
        findings=tuple(finding for finding in findings if finding is not None),
    )


def _is_much(names: Names, size: int) -> bool:
    total = names.snapshot.retained_size(0)
    return size >= _WORTH_TELLING and size >= _SHARE_WORTH_TELLING * total


def _twins_record(names: Names, one: Twins) -> tuple[Any, ...]:
    node = one.nodes[0]
    return (
        value_of(names.snapshot, node),
        one.count,
        one.size,
        one.wasted,
        "yes" if one.certain else "same start",
        held_as(names, one.nodes),
        names.snapshot.node_id(node),
    )


def _long_record(names: Names, node: int) -> tuple[Any, ...]:
    snapshot = names.snapshot
    sizes = snapshot.self_size(node), snapshot.retained_size(node)
    return value_of(snapshot, node), *sizes, held_as(names, [node]), snapshot.node_id(node)


def _kept_record(names: Names, one: Kept) -> tuple[Any, ...]:
    kind = one.kind if one.kind == "joined" or not one.alone else "only slices"
    return (
        kind,
        value_of(names.snapshot, one.node),
        one.count,
        one.size,
        one.retained,
        held_as(names, _slices(names, one)),
        names.snapshot.node_id(one.node),
    )


def _slices(names: Names, one: Kept) -> list[int]:
    if one.kind != "slice":
        return [one.node]
    edges = names.snapshot.retainers(one.node)
    return [edge.source for edge in edges if edge.name == "parent"][:100] or [one.node]


def _twins_finding(names: Names, sums: StringSums, first: Twins) -> Finding | None:
    if not _is_much(names, sums.certain):
        return None
    file = str(names.snapshot.path_on_disk)
    return Finding(
        id="strings.duplicates",
        params={
            "wasted": sums.certain,
            "share": sums.certain / names.snapshot.retained_size(0),
            "text": value_of(names.snapshot, first.nodes[0]),
            "count": first.count,
            "holder": held_as(names, first.nodes),
        },
        evidence=(
            Evidence("wasted_certain", sums.certain, "bytes", file),
            Evidence("wasted_possible", sums.possible, "bytes", file),
        ),
        saving_bytes=sums.certain,
        confidence=0.9,
        next=f"nodemem heap retainers {shlex.quote(file)} "
        f"--id {names.snapshot.node_id(first.nodes[0])}",
    )


def _slice_finding(names: Names, one: Kept) -> Finding | None:
    if not one.alone:
        return None
    snapshot, file = names.snapshot, str(names.snapshot.path_on_disk)
    slices = _slices(names, one)
    return Finding(
        id="strings.slice",
        params={"count": one.count, "size": one.size, "holder": held_as(names, slices)},
        where=Where(),
        evidence=(Evidence("size", one.size, "bytes", file),),
        saving_bytes=one.size,
        confidence=0.8,
        next=f"nodemem heap retainers {shlex.quote(file)} --id {snapshot.node_id(one.node)}",
    )
