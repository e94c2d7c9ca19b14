"""Findings, summaries and series in words, before any face lays them out."""

from __future__ import annotations

from typing import Any, NamedTuple

from nodemem.render.texts import Texts
from nodemem.render.values import say
from nodemem.render.visible import visible
from nodemem.results import Evidence, Finding, Series, Table


class Told(NamedTuple):
    """A finding in one language. `evidence` is (label, value, which observation) per line."""

    title: str
    why: str
    fix: str
    place: str
    path: str
    evidence: tuple[tuple[str, str, str], ...]
    facts: tuple[tuple[str, str], ...]
    next: str


def tell(finding: Finding, texts: Texts) -> Told:
    """`finding` in the words of `[finding.<id>]`.

    Raises:
        InternalError: the texts do not know the finding, or want a parameter it does not give.
    """
    key = f"finding.{finding.id}"
    facts = []
    if finding.saving_bytes is not None:
        error = finding.saving_error
        form = "render.saving" if error is None else "render.saving_error"
        amount = texts(form, size=finding.saving_bytes, error=error)
        facts.append((texts("render.saving_label"), amount))
    if finding.confidence:
        facts.append((texts("render.confidence"), say(finding.confidence, "share", texts)))
    where = finding.where
    return Told(
        title=texts(f"{key}.title", **finding.params),
        why=texts(f"{key}.why", **finding.params),
        fix=texts(f"{key}.fix", **finding.params),
        place=visible(str(where)) if where.file else "",
        path=visible(where.path or ""),
        evidence=tuple(tell_evidence(item, texts) for item in finding.evidence),
        facts=tuple(facts),
        next=visible(finding.next or ""),
    )


def tell_evidence(item: Evidence, texts: Texts) -> tuple[str, str, str]:
    """Label, value and source: the label is that of `[evidence]`, else that of a column.

    Where something is known from (`samples`, `source file`) is told in the words of `[from]`.
    """
    key = f"evidence.{item.label}"
    label = texts(key) if key in texts else texts.column(item.label)
    value = item.value if isinstance(item.value, str) else say(item.value, item.unit, texts)
    return label, _from(value, texts), _from(item.source or "", texts)


def _from(name: str, texts: Texts) -> str:
    key = f"from.{name.replace(' ', '_')}"
    return texts(key) if key in texts else visible(name)


def tell_summary(table: Table, texts: Texts) -> list[str]:
    """The single figures of a table, each as the text `[summary]` has for it (`{value:bytes}`)."""
    return [_figure(key, value, texts) for key, value in table.summary.items()]


def series_title(series: Series, texts: Texts) -> str:
    """What the series shows: the text `[series]` has for its name, else that of a column."""
    key = f"series.{series.name}"
    return texts(key) if key in texts else texts.column(series.name)


def series_span(series: Series, texts: Texts) -> str:
    """From where to where the series went; "unknown" when nothing of it was seen."""
    known = [value for value in series.values if value is not None]
    if not known:
        return texts("unknown")
    return texts(
        "render.series",
        first=say(known[0], series.unit, texts),
        last=say(known[-1], series.unit, texts),
        highest=say(max(known), series.unit, texts),
    )


def _figure(key: str, value: Any, texts: Texts) -> str:
    if f"summary.{key}" in texts:
        return texts(f"summary.{key}", value=value)
    return f"{texts.column(key)} {say(value, None, texts)}"
