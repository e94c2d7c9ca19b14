"""One snapshot -> its digest."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nodemem.heap.classes import group_nodes
from nodemem.heap.digest.signatures import holders
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.node_process import main_script, node_version
from nodemem.heap.statistics import statistics
from nodemem.results.digest import Digest, Held, trimmed

_LONGEST = 200
_SHAPE = re.compile(r"\{[A-Za-z_$][\w$]*(, [A-Za-z_$][\w$]*)*\}", re.ASCII)


def digest(snapshot: Snapshot) -> Digest:
    """What the snapshot holds, in at most a megabyte; the same file gives the same digest. It has
    no texts of strings but the version of Node.js and the path of the program, no ids and no
    addresses.

    Raises:
        InputError: the snapshot cannot be read.
    """
    totals = {
        "nodes": snapshot.node_count,
        "edges": snapshot.edge_count,
        "strings": snapshot.string_count,
        **statistics(snapshot),
    }
    version, script = node_version(snapshot), main_script(snapshot)
    classes = (
        (_class_name(g.label), g.count, g.shallow, g.retained or 0)
        for g in group_nodes(snapshot).groups
    )
    return trimmed(
        Digest(
            node_versions={_text(version): 1} if version else {},
            scripts={_text(script): 1} if script else {},
            totals=totals,
            most=dict(totals),
            classes=_entries(classes),
            holders=_entries(holders(snapshot)),
        )
    )


def _class_name(label: str) -> str:
    """Keys of dictionaries are data, not names of classes."""
    return "{…}" if label.startswith("{") and not _SHAPE.fullmatch(label) else label


def _text(name: str) -> str:
    """A name that every JSON reader takes: halves of characters are spelled out."""
    return name.encode(errors="backslashreplace").decode()


def _entries(found: Iterable[tuple[str, int, int, int]]) -> tuple[Held, ...]:
    """Names are cut, and what is then called alike taken together."""
    sums: dict[str, tuple[int, int, int]] = {}
    for name, *figures in found:
        name = _text(name)
        name = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        count, shallow, retained = sums.get(name, (0, 0, 0))
        sums[name] = (count + figures[0], shallow + figures[1], retained + figures[2])
    return tuple(
        Held(name, 1, count, shallow, retained, retained)
        for name, (count, shallow, retained) in sums.items()
    )
