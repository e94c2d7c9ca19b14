"""Heap snapshots: the file format, the object graph, and what follows from it."""

from nodemem.heap.snapshot import Edge, HeapSnapshot, open_snapshot

__all__ = ["Edge", "HeapSnapshot", "open_snapshot"]
