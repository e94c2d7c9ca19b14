"""V8's memory rules per Node.js release, as data and small rule objects.

The one place that knows them: `limits`, the model and the advice ask here. Sizes are bytes, flags
are in MiB as in Node.js. What a number rests on is named beside it:

- measured: read from a real Node.js of that release, v8.getHeapStatistics() mostly;
- source: read in V8's or Node.js's source, whose function is named;
- published: said by others (release notes, papers, issues).
"""

from __future__ import annotations

from nodemem.gc.policy.flags import Flags
from nodemem.gc.policy.limits import HeapLimits, Reason, WorkerLimits, heap_limits
from nodemem.gc.policy.releases import Release, Rules, release, rules, sees

__all__ = [
    "Flags",
    "HeapLimits",
    "Reason",
    "Release",
    "Rules",
    "WorkerLimits",
    "heap_limits",
    "release",
    "rules",
    "sees",
]
