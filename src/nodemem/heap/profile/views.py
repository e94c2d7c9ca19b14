"""A profile as tables: by function, from the top down, and from functions up to their callers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from nodemem.errors import UsageError
from nodemem.heap.profile.calls import CallTree, error
from nodemem.heap.profile.frames import Function
from nodemem.results import Column, Table

_BY_FUNCTION = (
    Column("function", role="name"),
    Column("self", unit="bytes"),
    Column("self_error", unit="bytes"),
    Column("total", unit="bytes"),
    Column("share", unit="share"),
    Column("samples", unit="count"),
    Column("source", role="source"),
)
_TREE = (
    Column("depth", role="depth"),
    Column("function", role="name"),
    Column("total", unit="bytes"),
    Column("share", unit="share"),
    Column("self", unit="bytes"),
    Column("samples", unit="count"),
    Column("source", role="source"),
)
_ANONYMOUS = "(anonymous)"


class _Sums(NamedTuple):
    """Of some calls: bytes of their own, bytes with their callees, samples of their own."""

    size: float
    total: float
    samples: int | None


def by_function(calls: CallTree, *, top: int, builtin: bool = True) -> Table:
    """A row for each function, by bytes of its own. `total` counts a function that calls itself
    once; `share` is of all bytes; `self_error` is a standard error."""
    groups = _by_function(calls)
    totals = _totals(calls)
    rows: list[tuple[Any, ...]] = []
    for function, members in groups.items():
        if not builtin and function.builtin:
            continue
        sums = _sums(calls, members, totals[function])
        spread = None
        if calls.variances is not None:
            spread = error(calls.variances[call] for call in members)
        rows.append((
            _name(function), round(sums.size), spread, round(sums.total), _share(calls, sums.total),
            sums.samples, _source(function),
        ))  # fmt: skip
    rows.sort(key=lambda row: (-row[1], -row[3]))
    return _table(calls, _BY_FUNCTION, rows, top)


def tree(
    calls: CallTree, *, function: str | None = None, depth: int, share: float, top: int
) -> Table:
    """From the root, or from all calls of `function`, down: callees by their total bytes, equal
    ones of several calls together, down to `share` of all bytes.

    Raises:
        UsageError: no function has that name.
    """
    first = [0] if function is None else _outermost(calls, _named(calls, function))
    rows: list[tuple[Any, ...]] = []
    waiting = [(0, group) for group in _grouped(calls, first)]
    while waiting:
        level, group = waiting.pop()
        sums = _sums(calls, group, sum(calls.totals[call] for call in group))
        if level and sums.total < share * calls.totals[0]:
            continue
        rows.append(_tree_row(calls, level, group[0], sums))
        if level < depth:
            below = [callee for call in group for callee in calls.callees[call]]
            waiting += [(level + 1, inner) for inner in _grouped(calls, below)]
    return _table(calls, _TREE, rows, top)


def callers(
    calls: CallTree, *, function: str | None = None, depth: int, share: float, top: int
) -> Table:
    """From functions up to their callers: each with its own bytes and below it who called it for
    how many of these; with `function` only those of that name, with their total bytes.

    Raises:
        UsageError: no function has that name.
    """
    weights = calls.sizes if function is None else calls.totals
    chosen = range(1, len(calls.parents))
    begin = chosen if function is None else _outermost(calls, _named(calls, function))
    rows: list[tuple[Any, ...]] = []
    # A group: pairs of where a way up has come to, and the call that it began at.
    waiting = [(0, group) for group in _ways(calls, [(call, call) for call in begin], weights)]
    while waiting:
        level, group = waiting.pop()
        weight = sum(weights[start] for _, start in group)
        if weight < share * calls.totals[0] or not weight:
            continue
        samples = None if calls.samples is None else sum(calls.samples[start] for _, start in group)
        own = sum(calls.sizes[start] for _, start in group)
        rows.append(_tree_row(calls, level, group[0][0], _Sums(own, weight, samples)))
        if level < depth:
            above = [(calls.parents[call], start) for call, start in group]
            above = [(call, start) for call, start in above if call > 0]
            waiting += [(level + 1, inner) for inner in _ways(calls, above, weights)]
    return _table(calls, _TREE, rows, top)


def _tree_row(calls: CallTree, level: int, call: int, sums: _Sums) -> tuple[Any, ...]:
    function = calls.functions[call]
    total = _share(calls, sums.total)
    return (
        level, _name(function), round(sums.total), total, round(sums.size), sums.samples,
        _source(function),
    )  # fmt: skip


def _table(
    calls: CallTree, columns: tuple[Column, ...], rows: Sequence[tuple[Any, ...]], top: int
) -> Table:
    summary: dict[str, Any] = {"total": round(calls.totals[0])}
    warnings = calls.warnings
    if calls.samples is None or calls.variances is None:
        warnings += ("the profile has no samples, so that the errors of its sizes are unknown",)
    else:
        summary |= {
            "samples": sum(calls.samples),
            "standard_error": error(calls.variances),
        }
    if calls.unplaced:
        warnings += (f"{calls.unplaced:,} samples belong to no call, and are left out",)
    table = Table(columns, rows, summary=summary, warnings=warnings)
    return table.head(top, "--top N shows more")


def _by_function(calls: CallTree) -> dict[Function, list[int]]:
    groups: dict[Function, list[int]] = {}
    for call in range(1, len(calls.parents)):
        groups.setdefault(calls.functions[call], []).append(call)
    return groups


def _totals(calls: CallTree) -> dict[Function, float]:
    """By function the bytes of its calls with all below them, calls within its calls not again."""
    totals: dict[Function, float] = {}
    for function, call in _walk_outermost(calls):
        totals[function] = totals.get(function, 0) + calls.totals[call]
    return totals


def _walk_outermost(calls: CallTree) -> Iterable[tuple[Function, int]]:
    """All calls that are not within a call of the same function."""
    at_work: dict[Function, int] = {}
    waiting = [(call, False) for call in calls.callees[0]]
    while waiting:
        call, done = waiting.pop()
        function = calls.functions[call]
        if done:
            at_work[function] -= 1
            continue
        if not at_work.get(function):
            yield function, call
        at_work[function] = at_work.get(function, 0) + 1
        waiting.append((call, True))
        waiting += [(callee, False) for callee in calls.callees[call]]


def _named(calls: CallTree, name: str) -> set[Function]:
    found = {one for one in calls.functions[1:] if name in (_name(one), _source(one))}
    if not found:
        raise UsageError(
            f"the profile has no function {name}",
            next="take a name, or its file:line:column, from the table without --function",
        )
    return found


def _outermost(calls: CallTree, functions: set[Function]) -> list[int]:
    """The calls of these functions that are not within another of them."""
    inside = [False] * len(calls.parents)
    found = []
    for call in range(1, len(calls.parents)):
        above = inside[calls.parents[call]]
        here = calls.functions[call] in functions
        inside[call] = above or here
        if here and not above:
            found.append(call)
    return found


def _grouped(calls: CallTree, some: Iterable[int]) -> list[list[int]]:
    """Calls of one function together, the group with the fewest bytes first."""
    groups: dict[Function, list[int]] = {}
    for call in some:
        groups.setdefault(calls.functions[call], []).append(call)
    return sorted(groups.values(), key=lambda group: sum(calls.totals[call] for call in group))


def _ways(
    calls: CallTree, ways: Iterable[tuple[int, int]], weights: Sequence[float]
) -> list[list[tuple[int, int]]]:
    """Ways that have come to one function together, those with the fewest bytes first."""
    groups: dict[Function, list[tuple[int, int]]] = {}
    for call, start in ways:
        groups.setdefault(calls.functions[call], []).append((call, start))
    return sorted(groups.values(), key=lambda group: sum(weights[start] for _, start in group))


def _sums(calls: CallTree, members: Iterable[int], total: float) -> _Sums:
    members = list(members)
    samples = None if calls.samples is None else sum(calls.samples[call] for call in members)
    return _Sums(sum(calls.sizes[call] for call in members), total, samples)


def _share(calls: CallTree, size: float) -> float | None:
    return size / calls.totals[0] if calls.totals[0] else None


def _name(function: Function) -> str:
    return function.name or _ANONYMOUS


def _source(function: Function) -> str | None:
    return None if function.place is None else str(function.place)
