"""Heap snapshots: the file format, the object graph, and what follows from it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodemem.heap.comparison import compare
    from nodemem.heap.snapshot import Edge, HeapSnapshot, open_snapshot

__all__ = ["Edge", "HeapSnapshot", "compare", "open_snapshot"]


def __getattr__(name: str) -> Any:
    # The list of queries is in this package too, and needs none of these.
    if name not in __all__:
        raise AttributeError(f"module 'nodemem.heap' has no attribute '{name}'")
    module = "comparison" if name == "compare" else "snapshot"
    return getattr(importlib.import_module(f"nodemem.heap.{module}"), name)
