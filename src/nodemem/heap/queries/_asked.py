"""What queries about one object check first."""

from __future__ import annotations

from nodemem.errors import UsageError
from nodemem.heap.engine.snapshot import Snapshot


def ordinal_of(snapshot: Snapshot, node_id: int | None, query: str) -> int:
    """The node with V8's id. Raises UsageError when none is given or no node has it."""
    if node_id is None:
        raise UsageError(
            f"heap {query} needs the id of an object",
            next="add --id N with an id that `nodemem heap suspects` shows",
        )
    return snapshot.ordinal(node_id)
