"""What a heap snapshot costs, from what will be in it.

V8 builds a second graph of the heap: a node an object, an edge a reference, two hash tables from
addresses to nodes, and a table of texts. It gives each index of an array's store that holds a
reference a name ("0", "1", ...), and keeps each of these names in a buffer of 1,024 bytes, once
for the whole heap: a single long array of references can cost more than all else. Up to
Node.js 20.19 the names of an array without gaps also lie side by side in the hash table of texts,
and, if the heap has many other texts, these run into them, so that the time grows with the square
of their number.

The constants are least-squares fits over the training programs of bench/forecast, per release;
README.md there has the figures and how they were taken.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_NODE_FIELDS = 7
_VERSION = re.compile(r"v?(\d{1,4})(?:\.(\d{1,4}))?")
_FULL = 0.8  # V8 doubles a hash table that is this full


@dataclass(frozen=True)
class Contents:
    """What V8 will put into a snapshot: counts, and `text_size` in bytes as written into the file.

    `index_names` is how many different indices of arrays' stores hold references, and
    `packed_names` how many do so in an array that is nearly full; `texts` are the different
    strings, the names of indices among them.
    """

    nodes: float
    edges: float
    index_names: float
    texts: float
    text_size: float
    packed_names: float = 0.0


@dataclass(frozen=True)
class Cost:
    """`cpu` is processor time of the thread that stands still, in seconds; the others bytes."""

    cpu: float
    extra_rss: float
    file_size: float


@dataclass(frozen=True)
class _Release:
    """Seconds and bytes of a snapshot of nothing, and more for each node, edge, text, ...:
    `cpu_crowd` for each pair of a packed name and a text that it may run into, `rss_slot` for each
    slot of the table from addresses to nodes, `file_digit` for each digit of an edge."""

    cpu: float
    cpu_node: float
    cpu_edge: float
    cpu_text: float
    cpu_crowd: float
    rss: float
    rss_node: float
    rss_edge: float
    rss_slot: float
    rss_index: float
    rss_text: float
    file: float
    file_node: float
    file_digit: float


# 20.20 has the fix for names that lie side by side (measured with 20.20.2; 20.19.6 has it not).
# 18 is 20 with the crowd of one measurement: 318 s for 800,000 records in one array.
# fmt: off
_RELEASES = {
    (18, 0): _Release(0.00, 0.00e-6, 0.81e-6, 4.60e-6, 5.0e-10,
                      5e6, 116.0, 33.1, 51.0, 1059.0, 0.0, 0.47e6, 11.7, 2.55),
    (20, 0): _Release(0.00, 0.00e-6, 0.81e-6, 4.60e-6, 2.3e-10,
                      5e6, 116.0, 33.1, 51.0, 1059.0, 0.0, 0.47e6, 11.7, 2.55),
    (20, 20): _Release(0.00, 0.00e-6, 0.81e-6, 4.60e-6, 0.0,
                       5e6, 116.0, 33.1, 51.0, 1059.0, 0.0, 0.47e6, 11.7, 2.55),
    (22, 0): _Release(0.10, 1.21e-6, 0.33e-6, 1.15e-6, 0.0,
                      5e6, 166.0, 32.8, 0.0, 1097.0, 0.0, 0.41e6, 14.0, 2.48),
    (24, 0): _Release(0.05, 0.41e-6, 0.29e-6, 1.45e-6, 0.0,
                      20e6, 66.0, 35.1, 40.5, 1131.0, 205.0, 0.33e6, 11.1, 2.32),
}
# fmt: on


def cost(contents: Contents, version: str, *, reusable: float = 0.0) -> Cost:
    """The cost of a snapshot with `contents` on Node.js `version` (`v22.20.0`).

    `reusable` is how many bytes of the process's memory are free for the new graph: garbage that
    the collection at the beginning leaves behind.
    """
    fit = _release(version)
    other_texts = max(0.0, contents.texts - contents.index_names)
    cpu = (
        fit.cpu
        + fit.cpu_node * contents.nodes
        + fit.cpu_edge * contents.edges
        + fit.cpu_text * contents.texts
        + fit.cpu_crowd * contents.packed_names * min(contents.packed_names, other_texts)
    )
    rss = (
        fit.rss
        + fit.rss_node * contents.nodes
        + fit.rss_edge * contents.edges
        + fit.rss_slot * _slots(contents.nodes)
        + fit.rss_index * contents.index_names
        + fit.rss_text * other_texts
    )
    return Cost(cpu, max(0.0, rss - reusable), _file_size(contents, fit))


def _file_size(contents: Contents, fit: _Release) -> float:
    """Bytes of the file, uncompressed. A reference is written as the number of its target's first
    field, so its length grows with the number of nodes."""
    digits = math.ceil(math.log10(max(10.0, _NODE_FIELDS * contents.nodes)))
    return (
        fit.file
        + fit.file_node * contents.nodes
        + fit.file_digit * digits * contents.edges
        + contents.text_size
    )


def least_file_size(nodes: int, edges: int) -> int:
    """Bytes that the file has at the very least: numbers of one digit, most targets of theirs, and
    no comma before the first number of a section."""
    digits = len(str(_NODE_FIELDS * nodes)) - 1
    return max(0, nodes * 2 * (_NODE_FIELDS - 1) + edges * (4 + digits) - 2)


def _release(version: str) -> _Release:
    """The fit of the release, or of the nearest before it that there is one for."""
    found = _VERSION.match(version)
    release = (int(found[1]), int(found[2] or 0)) if found else max(_RELEASES)
    return _RELEASES[max((one for one in _RELEASES if one <= release), default=min(_RELEASES))]


def _slots(nodes: float) -> float:
    """Slots of V8's table from addresses to nodes, a power of two."""
    return 2.0 ** math.ceil(math.log2(max(1.0, nodes) / _FULL))
