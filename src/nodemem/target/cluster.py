"""Workers of a cluster: Node.js passes SIGUSR1 on to them when the primary's inspector opens.

So theirs open too, each on its own port, and stay open when the primary's closes. What we have not
asked for we close at once. A worker whose port is that of the primary cannot open it meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from nodemem.target import discover, procfs

_MARK = "NODE_UNIQUE_ID"  # set in the environment of each worker
_OPENS_WITHIN = 1.0
_LOOK_EVERY = 0.01


def closed_workers(pid: int) -> tuple[int, ...]:
    """Cluster workers of a process whose inspector is closed."""
    return tuple(
        child
        for child in procfs.children(pid)
        if _MARK in (procfs.environ(child) or {}) and discover.inspector(child).open is False
    )


def opened(workers: Sequence[int], port: int) -> Iterator[int]:
    """Those of `workers` whose inspectors open now, as soon as each does; that of the primary is
    on `port`."""
    left = [pid for pid in workers if _own_port(pid, port)]
    until = time.monotonic() + _OPENS_WITHIN
    while left and time.monotonic() < until:
        open_now = [pid for pid in left if discover.inspector(pid).open]
        left = [pid for pid in left if pid not in open_now and not procfs.gone(pid)]
        yield from open_now
        time.sleep(_LOOK_EVERY)


def _own_port(worker: int, port: int) -> bool:
    """Whether the inspector of a worker can open while that of the primary is on `port`."""
    options = discover.options_of(worker)
    return options.port != port or not options.certain
