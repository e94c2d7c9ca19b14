"""What queries take, as they declare it."""

from __future__ import annotations

import pytest

from nodemem.cli import run
from nodemem.errors import UsageError
from nodemem.heap import open_snapshot
from nodemem.heap.queries import QUERIES


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_numbers_have_bounds_that_every_face_knows(query):
    for option in query.options():
        if option.name in ("top", "buckets"):
            assert option.least == 1, option
        elif option.name == "share":
            assert (option.least, option.most) == (0, 1)
        elif option.type in (int, float) and option.name not in ("id", "ignore"):
            assert option.least is not None, option
        if option.least is not None:
            with pytest.raises(UsageError, match=f"--{option.name}"):
                query.run([], {option.name: option.least - 1})
            flag = f"--{option.name}={option.least - 1}"
            assert run(["heap", query.name, *["x.heapsnapshot"] * query.files[0], flag]) == 2


def test_what_is_cheap_pays_for_no_more(asked):
    worked_out = {"columns": set(), "graph": {"shallow", "distances", "retainers"}}
    for query in QUERIES:
        if query.cost == "dominators":
            continue
        with open_snapshot(asked.snapshot.path_on_disk) as snapshot:
            assert snapshot.query(query.name) is not None
            columns = ("shallow", "distances", "retainers", "dominators", "retained")
            found = {name for name in columns if snapshot.kept_column(name) is not None}
            assert found <= worked_out[query.cost], query.name
