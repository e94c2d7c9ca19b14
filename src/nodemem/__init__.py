"""nodemem: the memory of Node.js processes, from outside.

The public interface is re-exported lazily: importing this package loads neither numpy nor a
compiled kernel.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "HeapProfile": "nodemem.heap",
    "HeapSnapshot": "nodemem.heap",
    "compare": "nodemem.heap",
    "open_profile": "nodemem.heap",
    "open_snapshot": "nodemem.heap",
    "InputError": "nodemem.errors",
    "InsufficientEvidence": "nodemem.errors",
    "InternalError": "nodemem.errors",
    "MissingExtra": "nodemem.errors",
    "NodememError": "nodemem.errors",
    "NotPermitted": "nodemem.errors",
    "OutputError": "nodemem.errors",
    "OutputExists": "nodemem.errors",
    "TargetError": "nodemem.errors",
    "TargetLost": "nodemem.errors",
    "TargetNotFound": "nodemem.errors",
    "TargetTimeout": "nodemem.errors",
    "UnsafeTarget": "nodemem.errors",
    "UsageError": "nodemem.errors",
    "Node": "nodemem.api.node",
    "attach": "nodemem.api.node",
    "class_histogram": "nodemem.api.class_histogram",
    "compare_maps": "nodemem.api.map_growth",
    "core_classes": "nodemem.api.class_histogram",
    "core_map": "nodemem.api.core_map",
    "launch": "nodemem.api.node",
    "memory_map": "nodemem.api.memory_map",
    "open_map": "nodemem.api.map_growth",
    "memory_map_tree": "nodemem.api.memory_map",
    "process_tree": "nodemem.api.processes",
    "ps": "nodemem.api.processes",
    "read_gc_log": "nodemem.api.gc",
    "record": "nodemem.api.recording",
    "triage": "nodemem.api.triage",
    "heap_limits": "nodemem.api.limits",
    "limits": "nodemem.api.limits_running",
    "limits_table": "nodemem.api.limits_table",
}

__all__ = ["__version__", *sorted(_EXPORTS)]


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'nodemem' has no attribute '{name}'")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
