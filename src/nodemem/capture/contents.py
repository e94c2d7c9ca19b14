"""What a snapshot will hold, from a count of the objects that lie in the heap now.

V8 makes a node of every object, and edges of its map and of its references but those to constants
(undefined, null, holes); of objects of JavaScript and of functions it adds some more, `__proto__`
among them. Garbage that is still there when the objects are counted will not be in the snapshot:
how much there is of it cannot be known, so it widens the lower end.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.capture.cost_model import Contents
from nodemem.errors import NodememError
from nodemem.memory import census, metadata
from nodemem.memory.census import Census, Estimate, HeapCensus
from nodemem.target import procfs
from nodemem.target.address_space import LiveAddressSpace, program_file

# Shares that are alive at least, and most likely: in the new generation hardly anything is, if the
# program has been at work, and nearly all, if it has just been filled.
_YOUNG_ALIVE = (0.1, 0.5)
_OLD_ALIVE = 0.65
_SURE = 2.0  # standard errors to each side of a sampled count
# A count that could not read more than this share, or has so much less or more than there should
# be, says too little; so many bytes a program may take and give up between two looks.
_UNREAD, _MISSING, _NEW_MEANWHILE = 0.2, 0.15, 16e6
_TRIES, _SECONDS = 2, 1.5
# Fitted on the training programs of bench/forecast, as those of `cost_model`.
_EDGES_NODE, _EDGES_OBJECT, _EDGES_CLOSURE = 0.88, 1.03, 3.5
# What an array holds is an edge of its store, and, unless it is a hash table's, another one of the
# array: so many more at least, likely, and at most.
_EDGES_STORED = (0.0, 0.45, 1.0)
_TEXTS = 8_000  # names that are in every snapshot and are no strings of the heap
_TEXTS_SIZE = 0.25e6
_PACKED = 0.6  # an array that has grown by pushing is filled to two thirds and more
_NAMES = 10_000  # indices of arrays that Node.js itself has
_TEXT_EXTRA = 6.0  # bytes a text besides its characters: quotes, a comma, escapes
_NAME_SIZE = 9.0  # of an index, with quotes and comma
_WIDE = 6.0  # bytes a character beyond Latin 1: \uXXXX
_DIFFERENT = (0.3, 0.8)  # share of strings that are not equal to another one, at least and likely
_STRINGS = ("one_byte_string", "two_byte_string", "external_string")


@dataclass(frozen=True)
class Counted:
    """The contents of a snapshot as low, as likely and as high as they may be."""

    low: Contents
    middle: Contents
    high: Contents


def count(pid: int | None, heap_used: int, *, main: bool = True) -> Counted | None:
    """Count the objects of process `pid`, in the heap of its main thread or else of the worker
    thread whose heap is nearest to `heap_used`, the bytes that it has in use by its own account.
    None where its memory cannot be read, or what is found there is not as much as it should be.

    Takes some tenths of a second, and neither stops nor changes the process.
    """
    if pid is None:
        return None
    try:
        symbols = metadata.load(program_file(pid))
        for _ in range(_TRIES):
            with LiveAddressSpace(pid) as space:
                found = census.take(
                    space,
                    symbols,
                    census.Budget(seconds=_SECONDS),
                    mappings=space.mappings(),
                    threads=procfs.threads(pid),
                    main=pid,
                )
            heap = _heap(found, heap_used, main=main)
            if heap is not None and is_sound(heap, heap_used):
                return from_census(heap)
    except NodememError:
        pass
    return None


def is_sound(heap: HeapCensus, heap_used: int) -> bool:
    """Whether a count found what is there: V8 may move objects meanwhile, or a busy machine leave
    no time for enough pages."""
    missing = abs(heap.total.bytes.value - heap_used)
    return heap.unread <= _UNREAD and missing <= max(_MISSING * heap_used, _NEW_MEANWHILE)


def _heap(found: Census, heap_used: int, *, main: bool) -> HeapCensus | None:
    if main:
        return found.main
    workers = [heap for heap in found.heaps if heap.main is False]
    return min(workers, key=lambda heap: abs(heap.total.bytes.value - heap_used), default=None)


def from_census(heap: HeapCensus) -> Counted:
    """What a snapshot of a counted heap will hold."""
    return Counted(
        low=_contents(heap, _End(-_SURE, _YOUNG_ALIVE[0], _OLD_ALIVE, _DIFFERENT[0], 0)),
        middle=_contents(heap, _End(0.0, _YOUNG_ALIVE[1], 1.0, _DIFFERENT[1], 1)),
        high=_contents(heap, _End(_SURE, 1.0, 1.0, 1.0, 2)),
    )


@dataclass(frozen=True)
class _End:
    """What is assumed: standard errors to add, shares of the new generation and of the rest that
    are alive, share of strings that differ, and which of `_EDGES_STORED`."""

    errors: float
    young: float
    old: float
    different: float
    stored: int


def _contents(heap: HeapCensus, end: _End) -> Contents:
    total, new, kinds = heap.total, heap.young, heap.kinds

    def alive(of_all: Estimate, of_young: Estimate) -> float:
        value = max(of_young.value, of_all.value + end.errors * of_all.error)
        return end.young * of_young.value + end.old * (value - of_young.value)

    nodes = alive(total.objects, new.objects)
    share = nodes / total.objects.value if total.objects.value else 1.0
    array = kinds["array"]
    stored = max(0.0, array.references.value - array.constants.value)
    edges = (
        max(0.0, alive(total.references, new.references) - share * total.constants.value)
        + _EDGES_NODE * nodes
        + share * _EDGES_OBJECT * kinds["object"].objects.value
        + share * _EDGES_CLOSURE * kinds["closure"].objects.value
        + share * _EDGES_STORED[end.stored] * stored
    )
    longest, is_packed = _index_names(heap, end.errors)
    names = max(_NAMES, end.old * longest)
    different = share * end.different
    strings = different * sum(kinds[kind].objects.value for kind in _STRINGS)
    characters = different * sum(
        kinds[kind].short.value * (_WIDE if kind == "two_byte_string" else 1.0) for kind in _STRINGS
    )
    return Contents(
        nodes=nodes,
        edges=edges,
        index_names=names,
        texts=_TEXTS + names + strings,
        text_size=_TEXTS_SIZE + _NAME_SIZE * names + _TEXT_EXTRA * strings + characters,
        packed_names=names if is_packed else 0.0,
    )


def _index_names(heap: HeapCensus, errors: float) -> tuple[float, bool]:
    """How many different indices hold references: as many as in the array that has the most; and
    whether this one has few gaps.

    In several arrays they need not be the same, but long ones are filled from their beginning as a
    rule. What lies on pages with others is too short to matter.
    """
    names, is_packed = 0.0, False
    for one in heap.large:
        likely = one.references.value - one.constants
        sure = min(likely + errors * one.references.error, one.elements)
        if one.kind == "array" and sure > names:
            names, is_packed = sure, likely > _PACKED * one.elements
    return names, is_packed
