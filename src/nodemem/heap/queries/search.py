"""`heap search`: objects by name, strings by text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from nodemem import results
from nodemem.errors import UsageError
from nodemem.heap.anatomy.search import Found, containing, found_table, matching
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    name: Annotated[
        str | None,
        about(description="objects, functions, ... (no strings) whose name has this text"),
    ] = None
    string: Annotated[str | None, about(description="strings that have this text in them")] = None
    regex: Annotated[
        str | None, about(description="whatever has a name or text that the pattern is found in")
    ] = None
    id: Annotated[int | None, about(description="the object with V8's id")] = None
    case: Annotated[bool, about(description="tell upper from lower case")] = False
    seconds: Annotated[float, about(description="longest time to search", ge=0.01, le=86_400)] = (
        30.0
    )
    top: Annotated[AtLeastOne | None, about(description="rows to show, the largest first")] = 50


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each node found. A search that takes too long ends with what it has and a warning.

    Raises:
        UsageError: none or several of name, string, regex and id are given, or one is of no use.
    """
    asked = {
        key: value
        for key in ("name", "string", "regex", "id")
        if (value := getattr(params, key)) is not None
    }
    if len(asked) != 1 or "" in asked.values():
        raise UsageError(
            "heap search looks for one thing at a time",
            next="give one of --name TEXT, --string TEXT, --regex PATTERN, --id N",
        )
    snapshot = snapshots[0]
    names = Names(snapshot)
    if params.id is not None:
        found = Found(np.asarray([snapshot.ordinal(params.id)]), complete=True)
    elif params.regex is not None:
        found = matching(
            names, params.regex, case=params.case, seconds=params.seconds, progress=progress
        )
    else:
        found = containing(
            names,
            params.name if params.name is not None else params.string or "",
            strings=params.name is None,
            case=params.case,
            seconds=params.seconds,
            progress=progress,
        )
    return found_table(names, found, params.top)
