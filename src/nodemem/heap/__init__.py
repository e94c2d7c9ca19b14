"""Heap snapshots: the file format, the object graph, and what follows from it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodemem.heap.comparison import compare
    from nodemem.heap.engine.snapshot import Edge
    from nodemem.heap.profile.opened import HeapProfile, open_profile
    from nodemem.heap.snapshot import HeapSnapshot, open_snapshot

_MODULES = {
    "Edge": "engine.snapshot",
    "HeapProfile": "profile.opened",
    "HeapSnapshot": "snapshot",
    "compare": "comparison",
    "open_profile": "profile.opened",
    "open_snapshot": "snapshot",
}
__all__ = ["Edge", "HeapProfile", "HeapSnapshot", "compare", "open_profile", "open_snapshot"]


def __getattr__(name: str) -> Any:
    # The list of queries is in this package too, and needs none of these.
    if name not in _MODULES:
        raise AttributeError(f"module 'nodemem.heap' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nodemem.heap.{_MODULES[name]}"), name)
