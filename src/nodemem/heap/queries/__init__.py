"""The questions that can be asked of heap snapshots. Every face is made from this table."""

from nodemem.errors import UsageError
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
        name="statistics",
        summary="bytes by kind: strings, arrays, code, memory outside of V8",
        cost="graph",
        module="nodemem.heap.queries.statistics",
    ),
    Query(
        name="dominators",
        summary="who keeps how much, from the root or one object down",
        cost="dominators",
        module="nodemem.heap.queries.dominators",
        example="--id 12345 --depth 4",
    ),
    Query(
        name="retainers",
        summary="who refers to an object, as a tree up to the roots",
        cost="dominators",
        module="nodemem.heap.queries.retainers",
        example="--id 12345",
    ),
    Query(
        name="object",
        summary="one object: sizes, place, properties, values, text",
        cost="dominators",
        module="nodemem.heap.queries.object",
        example="--id 12345",
    ),
    Query(
        name="containment",
        summary="the object graph from its roots down",
        cost="dominators",
        module="nodemem.heap.queries.containment",
        example="--depth 2",
    ),
    Query(
        name="search",
        summary="objects by name, strings by text, either by regular expression",
        cost="dominators",
        module="nodemem.heap.queries.search",
        example="--string token",
    ),
    Query(
        name="strings",
        summary="equal strings, long ones, slices that keep large strings",
        cost="dominators",
        module="nodemem.heap.queries.strings",
    ),
    Query(
        name="collections",
        summary="Map, Set, Array, dictionaries: entries, slots, bytes of empty slots",
        cost="dominators",
        module="nodemem.heap.queries.collections",
    ),
    Query(
        name="what-if-removed",
        summary="how much would go if objects or references went",
        cost="dominators",
        module="nodemem.heap.queries.what_if_removed",
        example="--id 12345",
    ),
    Query(
        name="closures",
        summary="what variables of functions keep, and which of them no function uses",
        cost="dominators",
        module="nodemem.heap.queries.closures",
    ),
    Query(
        name="listeners",
        summary="listeners of emitters and event targets, functions added twice",
        cost="dominators",
        module="nodemem.heap.queries.listeners",
    ),
    Query(
        name="timers",
        summary="timers by period and function, and what they keep",
        cost="dominators",
        module="nodemem.heap.queries.timers",
    ),
    Query(
        name="promises",
        summary="what waits for promises, suspended functions, what they keep",
        cost="dominators",
        module="nodemem.heap.queries.promises",
    ),
    Query(
        name="buffers",
        summary="ArrayBuffers and their views: memory outside of the V8 heap",
        cost="dominators",
        module="nodemem.heap.queries.buffers",
    ),
    Query(
        name="shapes",
        summary="hidden classes: classes with many, dictionaries, spare fields",
        cost="graph",
        module="nodemem.heap.queries.shapes",
    ),
    Query(
        name="detached",
        summary="DOM nodes that are in no document any more but are kept",
        cost="dominators",
        module="nodemem.heap.queries.detached",
    ),
    Query(
        name="allocations",
        summary="which functions allocated what is alive, where allocations were tracked",
        cost="columns",
        module="nodemem.heap.queries.allocations",
    ),
    Query(
        name="timeline",
        summary="what is alive by the time of its allocation, where that was tracked",
        cost="columns",
        module="nodemem.heap.queries.timeline",
    ),
    Query(
        name="contexts",
        summary="the global objects (main, vm contexts), and what each keeps",
        cost="dominators",
        module="nodemem.heap.queries.contexts",
    ),
    Query(
        name="diff",
        summary="what grew between two snapshots of one process, and which object keeps it",
        cost="dominators",
        module="nodemem.heap.queries.diff",
        files=(2, 3),
    ),
    Query(
        name="trend",
        summary="classes over several snapshots, also of different processes",
        cost="dominators",
        module="nodemem.heap.queries.trend",
        files=(2, 100),
    ),
)
"""Name, summary, cost and module of each query; the module is imported when it is asked."""


def find_query(name: str) -> Query:
    """The query called `name`. Raises UsageError when there is none."""
    for query in QUERIES:
        if query.name == name:
            return query
    raise UsageError(
        f"there is no heap query '{name}'",
        next=f"choose one of {', '.join(query.name for query in QUERIES)}",
    )
