"""The heap by kind: code, strings, arrays, memory outside of V8's heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodemem.heap.classes import check_compat
from nodemem.heap.engine.columns import CODE, CONCATENATED, HIDDEN, NATIVE, SLICED, STRING
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.threads import Aside
from nodemem.kernels import load

if TYPE_CHECKING:
    from nodemem.heap.engine.snapshot import Snapshot

_ARRAY_BUFFER_DATA, _ARRAYS = 256, 257
_PART = 1 << 22
"""Nodes between which memory that holds columns is let go of."""


def statistics(snapshot: Snapshot, compat: str | None = None) -> dict[str, int]:
    """Bytes: `total`; `native_total`, outside of V8's heap, `typed_arrays` of it; `v8_total`, of it
    `code`, `strings`, `js_arrays` and `system`, V8's own objects. What is left of `v8_total` are
    other objects.

    Sizes are owner-merged. With `compat="devtools"` they count modulo 2**32.
    """
    check_compat(compat)
    found: dict[str, int] = snapshot.remembered(
        f"statistics {compat}", lambda: bytes_by_kind(snapshot, compat)
    )
    return found


def bytes_by_kind(snapshot: Snapshot, compat: str | None) -> dict[str, int]:
    """What `statistics` tells, worked out anew."""
    columns, graph, n = snapshot.columns, snapshot.graph, snapshot.node_count
    known = snapshot.strings.known
    kernel = load("classes")
    snapshot.release_pages()
    sizes = graph.shallow_sizes if compat is None else graph.wrapped_sizes
    words, width = sizes.cast("B").cast("I"), sizes.itemsize // 4
    sums = zeros("Q", 258)
    stores = Aside(lambda: _sole_stores(snapshot, words, width))
    try:
        total = kernel.sizes_by_type(
            n, columns.types, columns.names, words, width,
            known["system / JSArrayBufferData"], known["Array"], sums,
        )  # fmt: skip
    finally:
        stores.wait()
    total += snapshot.header.extra_native_bytes
    native = sums[NATIVE] + snapshot.header.extra_native_bytes
    return {
        "total": total,
        "native_total": native,
        "typed_arrays": sums[_ARRAY_BUFFER_DATA],
        "v8_total": total - native,
        "code": sums[CODE],
        "strings": sums[STRING] + sums[CONCATENATED] + sums[SLICED],
        "js_arrays": sums[_ARRAYS] + stores.join(),
        "system": sums[HIDDEN],
    }


def _sole_stores(snapshot: Snapshot, words: memoryview, width: int) -> int:
    """Bytes of the element stores of arrays that nothing else refers to and that were not given to
    their arrays already."""
    columns, n, known = snapshot.columns, snapshot.node_count, snapshot.strings.known
    kernel = load("classes")
    marked, stores = zeros("Q", n // 64 + 1), zeros("I", n)
    count = 0
    for begin in range(0, n, _PART):
        count = kernel.backing_stores(
            begin, min(begin + _PART, n),
            columns.first_edge, columns.edges, columns.edge_names, columns.types, columns.names,
            known["Array"], known["elements"], words, width, marked, stores, count,
        )  # fmt: skip
        snapshot.release_pages()
    if not count:
        return 0
    retainers = zeros("B", n)
    kernel.count_retainers(len(columns.edges), columns.edges, marked, retainers)
    sizes = words if width == 1 else words.cast("B").cast("Q")
    return sum(sizes[store] for store in stores[:count] if retainers[store] == 1)
