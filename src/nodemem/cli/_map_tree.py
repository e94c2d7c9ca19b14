"""`map --tree` and `map --explain`: several processes, and what reading one costs it."""

from __future__ import annotations

from nodemem.cli._frame import Output


def show(out: Output, pid: int, *, gentle: bool) -> int:
    """Print the totals of each process of a tree, and what all take together."""
    from nodemem.api.memory_map import memory_map_tree
    from nodemem.memory.segments.types import SEGMENTS
    from nodemem.results import Column, Table

    found = memory_map_tree(pid, gentle=gentle)
    rows = []
    without_pss = all(one.pss is None for one in found.maps.values())
    for member in found.members:
        one = found.maps.get(member.pid)
        totals = (None, None, None) if one is None else (one.rss, one.pss, one.uss)
        by_segment = None if one is None else one.pss_by_segment
        if one is not None and without_pss:
            by_segment = one.segments
        parts = [(by_segment or {}).get(segment) for segment in SEGMENTS]
        rows.append((member.depth, member.pid, member.process.script, *totals, *parts))
    out.command = "map-tree"
    out.emit(
        Table(
            columns=(
                Column("depth", role="depth"),
                Column("pid", role="pid"),
                Column("script", role="name"),
                *(Column(name, unit="bytes") for name in ("rss", "pss", "uss", *SEGMENTS)),
            ),
            records=rows,
            summary={} if found.pss is None else {"pss_together": found.pss},
            warnings=(
                *((out.texts("map.tree_rss"),) if without_pss and found.maps else ()),
                *(f"{one}; next: {one.next}" for one in found.refusals.values()),
            ),
        ),
        subject={"pid": pid},
        data=found.to_data(),
    )
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
