"""V8's reservations where the kernel's flags are not known, as in core files: told by their sizes.

V8 reserves addresses first and uses the beginning of them: memory, and behind it what may not be
accessed, many times as long. The C library's arenas, which look alike, take 64 MiB at most and are
known by what they hold, so it is asked after them. That proves nothing: it gives estimates.
"""

from __future__ import annotations

from nodemem.memory.segments import v8
from nodemem.memory.segments.ledger import Ledger
from nodemem.records import AddressSpace, MappedMemory

_ARENA = 64 << 20
_TABLE_SMALL = 512 << 10  # reserved for a table of which 16 KiB are in use
_TABLE_USED = 16 << 10


def claim(ledger: Ledger, space: AddressSpace) -> None:
    """Claim those among the ranges that are still nobody's."""
    spans = _spans([one for one in ledger.mappings if _may_be(one)])
    for one, start, end in ledger.unclaimed():
        if not one.rss or one.access != "rw-p" or not _may_be(one):
            continue
        v8.claim_cppgc(ledger, space, start, end)
        span, size = spans.get(one.start, 0), one.end - one.start
        if span >= v8.WASM_FROM:
            ledger.claim(start, end, v8.WASM, exact=False)
        elif span > _ARENA or (span == _TABLE_SMALL and size == _TABLE_USED):
            ledger.claim(start, end, v8.TABLES, exact=False)


def _may_be(one: MappedMemory) -> bool:
    return one.flags is None and not one.file and not one.inode


def _spans(mappings: list[MappedMemory]) -> dict[int, int]:
    """Bytes from the start of each mapping to where what may not be accessed behind it ends."""
    found: dict[int, int] = {}
    for n, one in enumerate(mappings):
        behind = mappings[n + 1] if n + 1 < len(mappings) else None
        if behind is not None and behind.start == one.end and behind.access[:3] == "---":
            found[one.start] = behind.end - one.start
    return found
