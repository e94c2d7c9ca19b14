"""`map --tree` and `map --explain`: several processes, and what reading one costs it."""

from __future__ import annotations

from nodemem.cli._frame import Output
from nodemem.render.terminal import detect

_WIDE = 100  # cells, in which all columns have room
_LEAST = ("uss", "other")  # what is left out of less


def show(out: Output, pid: int, *, gentle: bool) -> int:
    """Print the totals of each process of a tree, and what all take together."""
    from nodemem.api.memory_map import memory_map_tree
    from nodemem.memory.segments.types import SEGMENTS
    from nodemem.results import Column, Table

    found = memory_map_tree(pid, gentle=gentle)
    rows = []
    maps = list(found.maps.values())
    without_pss = all(one.pss is None for one in maps)
    for member in found.members:
        one = found.maps.get(member.pid)
        totals = (None, None, None) if one is None else (one.rss, one.pss, one.uss)
        by_segment = None if one is None else one.pss_by_segment
        if one is not None and without_pss and "segments" not in one.unseen:
            by_segment = one.segments
        parts = [(by_segment or {}).get(segment) for segment in SEGMENTS]
        rows.append((member.depth, member.pid, member.process.script, *totals, *parts))
    by_rss = without_pss and any("segments" not in one.unseen for one in maps)
    # The same way leads to all that are refused alike.
    refused = {(one.why, one.next): one for own in maps for one in own.refusals}
    out.command = "map-tree"
    table = Table(
        columns=(
            Column("depth", role="depth"),
            Column("pid", role="pid"),
            Column("script", role="name"),
            *(Column(name, unit="bytes") for name in ("rss", "pss", "uss", *SEGMENTS)),
        ),
        records=rows,
        summary={} if found.pss is None else {"pss_together": found.pss},
        warnings=(
            *((out.texts("map.tree_rss"),) if by_rss else ()),
            *(
                f"{out.texts('map.refused', what=one.what, why=one.why)} {one.next}"
                for one in refused.values()
            ),
            *(f"{one}; next: {one.next}" for one in found.refusals.values()),
        ),
    )
    if out.format == "text" and detect(out.color).width < _WIDE:
        table = table.select(*(one.key for one in table.columns if one.key not in _LEAST))
    out.emit(table, subject={"pid": pid}, data=found.to_data())
    codes = [one.exit_code for one in found.refusals.values()]
    return codes[0] if codes and not found.maps else 0


def show_costs(out: Output, pid: int) -> None:
    """Print how long each way of reading holds a process up."""
    from nodemem.api.map_cost import costs
    from nodemem.results import Column, Table

    out.command = "map-cost"
    out.emit(
        Table(
            columns=(
                Column("mode", role="name"),
                Column("holds_up_least", unit="s"),
                Column("holds_up_most", unit="s"),
                Column("what", role="kind"),
            ),
            records=[
                (one.mode, one.least, one.most, out.texts(f"map.cost.{one.mode}"))
                for one in costs(pid)
            ],
        ),
        subject={"pid": pid},
    )
