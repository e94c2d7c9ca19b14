"""Heap snapshots: the file format, the object graph, and what follows from it."""

from nodemem.heap.comparison import compare
from nodemem.heap.snapshot import Edge, HeapSnapshot, open_snapshot

__all__ = ["Edge", "HeapSnapshot", "compare", "open_snapshot"]
