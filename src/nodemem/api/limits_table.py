"""The default heap limit of every release, by the memory of the machine or container."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from nodemem.gc.policy import heap_limits
from nodemem.gc.policy.releases import FIRST, GIB, LAST, MIB
from nodemem.results import Column, Table

MEMORIES = (256 * MIB, 512 * MIB, GIB, 2 * GIB, 4 * GIB, 8 * GIB, 15 * GIB, 16 * GIB, 64 * GIB)


def limits_table(
    *, bits: Sequence[Literal[32, 64]] = (64, 32), memories: Sequence[int] = MEMORIES
) -> Table:
    """One row for each stretch of releases whose limits are the same: `node` (`14-20`), `bits`,
    `evidence` (`measured`, or `source` where no such binary was run), and the heap limit in bytes
    for each of `memories`, whose columns are named by their size in MiB (`1024`)."""
    rows = []
    for width in bits:
        lines = [
            (
                node,
                tuple(heap_limits(node, memory, bits=width).heap_size_limit for memory in memories),
            )
            for node in range(FIRST, LAST + 1)
        ]
        evidence = heap_limits(LAST, GIB, bits=width).evidence
        for limits, alike in groupby(lines, key=lambda line: line[1]):
            nodes = [node for node, _ in alike]
            name = str(nodes[0]) if len(nodes) == 1 else f"{nodes[0]}-{nodes[-1]}"
            rows.append((name, width, evidence, *limits))
    return Table(
        columns=(
            Column("node", role="name"),
            Column("bits", unit="count"),
            Column("evidence", role="kind"),
            *(Column(str(memory // MIB), unit="bytes") for memory in memories),
        ),
        records=rows,
    )
