"""The questions that can be asked of heap snapshots. Every face is made from this table."""

from nodemem.results import Query

QUERIES: tuple[Query, ...] = (
    Query(
        name="summary",
        summary="what a snapshot holds: counts, bytes by kind, the largest classes",
        cost="dominators",
        module="nodemem.heap.queries.summary",
    ),
    Query(
        name="classes",
        summary="count, shallow and retained size by class",
        cost="dominators",
        module="nodemem.heap.queries.classes",
    ),
    Query(
        name="suspects",
        summary="what holds much of the heap, through which path, from which source line",
        cost="dominators",
        module="nodemem.heap.queries.suspects",
    ),
    Query(
        name="path",
        summary="who keeps an object alive, step by step from a root",
        cost="dominators",
        module="nodemem.heap.queries.path",
        example="--id 12345",
    ),
    Query(
        name="diff",
        summary="what grew between two snapshots of one process, and which object keeps it",
        cost="dominators",
        module="nodemem.heap.queries.diff",
        files=(2, 2),
    ),
)
"""Name, summary, cost and module of each query; the module is imported when it is asked."""
