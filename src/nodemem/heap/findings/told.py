"""Suspects and growth as results: rows of tables, and findings (their prose is in render.texts)."""

from __future__ import annotations

import shlex

from nodemem.heap.findings.growth import GrowthPoint
from nodemem.heap.findings.suspects import Suspect
from nodemem.heap.naming.declared import Declaration
from nodemem.heap.naming.holders import path_steps
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.path import path_text
from nodemem.results import Column, Evidence, Finding, Where

SUSPECT_COLUMNS = (
    Column("kind", role="kind"),
    Column("holder", role="name"),
    Column("detail"),
    Column("class", role="class"),
    Column("count", unit="count"),
    Column("content", role="class"),
    Column("retained", unit="bytes"),
    Column("share", unit="share"),
    Column("id", role="node_id"),
    Column("source", role="source"),
    Column("source_evidence", role="kind"),
    Column("generated", role="source"),
    Column("path"),
)

GROWTH_COLUMNS = (
    Column("kind", role="kind"),
    Column("holder", role="name"),
    Column("detail"),
    Column("class", role="class"),
    Column("added", unit="count"),
    Column("earlier", unit="count"),
    Column("removed", unit="count"),
    Column("added_bytes", unit="bytes"),
    Column("own_bytes", unit="bytes"),
    Column("net_bytes", unit="bytes"),
    Column("content", role="class"),
    Column("id", role="node_id"),
    Column("source", role="source"),
    Column("source_evidence", role="kind"),
    Column("generated", role="source"),
    Column("path"),
)


def growth_record(names: Names, point: GrowthPoint) -> tuple[object, ...]:
    """The row of a growth point, in the order of GROWTH_COLUMNS."""
    kind, holder, detail, class_name, _, content, _, _, *rest = suspect_record(names, point.suspect)
    return (
        kind,
        holder,
        detail,
        class_name,
        point.added,
        point.earlier,
        point.removed,
        point.added_bytes,
        point.own_bytes,
        point.net_bytes,
        content,
        *rest,
    )


def suspect_record(names: Names, suspect: Suspect) -> tuple[object, ...]:
    """The row of a suspect, in the order of SUSPECT_COLUMNS."""
    holder, declared = suspect.holder, suspect.declared
    return (
        suspect.kind,
        holder_label(suspect),
        holder.detail or None,
        suspect.class_name,
        suspect.count,
        suspect.content,
        suspect.retained,
        suspect.share,
        names.snapshot.node_id(holder.ordinal),
        None if declared is None else str(declared.place),
        None if declared is None else declared.evidence,
        None if declared is None else declared.place.generated_text,
        path_text(names, path_steps(names, holder.ordinal)),
    )


def suspect_finding(names: Names, suspect: Suspect, file: str) -> Finding:
    """The conclusion `suspect.<kind>`. `file` is the snapshot, for the command to run next."""
    node_id = names.snapshot.node_id(suspect.holder.ordinal)
    path = path_text(names, path_steps(names, suspect.holder.ordinal))
    return Finding(
        id=f"suspect.{suspect.kind}",
        params=holder_params(suspect)
        | {"count": suspect.count, "retained": suspect.retained, "share": suspect.share},
        where=where_of(suspect.declared, path),
        evidence=(
            Evidence("retained", suspect.retained, "bytes", file),
            Evidence("even", suspect.even, "share", file),
            *source_evidence(suspect.declared),
        ),
        saving_bytes=suspect.retained,
        confidence=round(0.5 + 0.45 * suspect.even, 2),
        next=f"nodemem heap path {shlex.quote(file)} --id {node_id}",
    )


def holder_label(suspect: Suspect) -> str:
    """The holder as code, with how many of its like are meant when it is not one."""
    label = suspect.holder.label()
    return label if suspect.holders == 1 else f"{suspect.holders} × {label}"


def holder_params(suspect: Suspect) -> dict[str, object]:
    """What the texts of suspects and leaks say about a holder and what it holds."""
    holder, declared = suspect.holder, suspect.declared
    return {
        "holder": holder_label(suspect),
        "detail": holder.detail or None,
        "where": None if declared is None else declared.short(),
        "class": suspect.class_name,
        "content": suspect.content,
    }


def where_of(declared: Declaration | None, path: str) -> Where:
    """A declaration as the place of a finding; line and column only when they are exact."""
    if declared is None:
        return Where(path=path)
    place = declared.place
    return Where(place.file, place.line, place.column if declared.exact else None, path)


def source_evidence(declared: Declaration | None) -> tuple[Evidence, ...]:
    """How the source line is known, and the place in the script that a source map led from."""
    if declared is None:
        return ()
    generated = declared.place.generated_text
    told = Evidence("source_evidence", declared.evidence)
    return (told,) if generated is None else (told, Evidence("generated", generated))
