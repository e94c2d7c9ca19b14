"""The declaration of queries, on a query of its own in a module of its own."""

from __future__ import annotations

import sys
import types
from typing import Annotated, Literal

import pytest

from nodemem.errors import UsageError
from nodemem.results import AtLeastOne, Column, Params, Query, Share, Table, about


class SampleParams(Params, frozen=True):
    top: Annotated[AtLeastOne | None, about(description="rows to show")] = None
    by: Annotated[Literal["size", "name"], about(description="order")] = "size"
    exact: Annotated[bool, about(description="no rounding")] = False
    share: Annotated[Share, about(description="least part")] = 0.5


def answer(snapshots: object, params: SampleParams, progress: object) -> Table:
    return Table(
        (Column("top"), Column("by"), Column("exact")), [(params.top, params.by, params.exact)]
    )


@pytest.fixture
def query(monkeypatch: pytest.MonkeyPatch) -> Query:
    module = types.ModuleType("sample_query")
    module.__dict__.update(Params=SampleParams, run=answer)
    monkeypatch.setitem(sys.modules, "sample_query", module)
    return Query("sample", "a sample", "header", "sample_query")


def test_options_come_from_the_parameters(query: Query) -> None:
    top, by, exact, share = query.options()
    assert (top.name, top.type, top.optional, top.description) == ("top", int, True, "rows to show")
    assert (by.choices, by.default) == (("size", "name"), "size")
    assert (exact.type, exact.default) == (bool, False)
    assert (share.type, share.description) == (float, "least part")
    assert [(one.least, one.most) for one in (top, by, share)] == [(1, None), (None, None), (0, 1)]


def test_a_query_is_asked_with_plain_options(query: Query) -> None:
    assert query.run([], {"top": 3, "by": "name"}).rows() == [
        {"top": 3, "by": "name", "exact": False}
    ]


@pytest.mark.parametrize("options", [{"top": "many"}, {"by": "colour"}, {"depth": 3}])
def test_wrong_options_are_usage_errors(query: Query, options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="heap sample"):
        query.run([], options)


@pytest.mark.parametrize("name", ["top", "share"])
@pytest.mark.parametrize("value", [-1, -(10**30), 10**30, 1.5, "-1", float("nan"), "inf"])
def test_numbers_out_of_bounds_are_usage_errors(query: Query, name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"heap sample: --{name}"):
        query.run([], {name: value})


def test_a_tuple_may_be_given_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    class Several(Params, frozen=True):
        id: Annotated[tuple[int, ...], about(description="ids")] = ()

    module = types.ModuleType("several_query")
    module.__dict__.update(
        Params=Several,
        run=lambda snapshots, params, progress: Table((Column("id"),), [(params.id,)]),
    )
    monkeypatch.setitem(sys.modules, "several_query", module)
    query = Query("several", "several", "header", "several_query")
    (option,) = query.options()
    assert (option.type, option.multiple, option.default) == (int, True, None)
    assert query.run([], {"id": ("1", 2)}).rows() == [{"id": (1, 2)}]
    with pytest.raises(UsageError):
        query.run([], {"id": ["one"]})
