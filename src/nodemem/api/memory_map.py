"""Where the memory of a process is: read from outside, added up to the byte."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from nodemem.errors import InputError, NotPermitted, TargetError, TargetNotFound
from nodemem.memory import metadata
from nodemem.memory.metadata import Metadata
from nodemem.memory.segments import totals, whole
from nodemem.memory.segments.types import SEGMENTS, MemoryMap, Refusal, Segment
from nodemem.records import MemorySample, Observed
from nodemem.target import discover, family, host, inspector, presence, procfs, told, usage
from nodemem.target.address_space import LiveAddressSpace, lost, program_file
from nodemem.target.discover import NodeProcess
from nodemem.target.family import Member
from nodemem.target.freeze import Frozen
from nodemem.target.observe import observe, open_mapped
from nodemem.target.session import Session

_TRIES, _PATIENCE = 4, 0.4  # readings, and seconds after which none is begun
_UNATTRIBUTED = 0.001
_HOLDS, _HELD_AT_MOST = 5, 1.5  # times that a process is frozen, and seconds after which not again
_LET_GO = 0.01  # seconds between


def memory_map(
    pid: int, *, freeze: bool = False, gentle: bool = False, ask: bool = True
) -> MemoryMap:
    """Where the physical memory of a Node.js process is, by segment (code, data, heap, stack) and
    category; the parts add up to its RSS exactly.

    Nothing in the process is asked, stopped or changed. What may not be read is said in
    `refusals`, and the categories are coarser then.

    With `freeze` all its threads are held still meanwhile, five seconds at most: exact figures of a
    program that is busy. With `gentle` a process of many gigabytes is hardly held up at all, and
    what it shares (`pss`, `uss`) stays unknown.

    Elsewhere than on Linux there is no more than totals to read, and with `ask` its inspector is
    opened for a moment, for what V8 says of its heaps.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
        NotPermitted: it may not be frozen.
        TargetTimeout: it does not stop.
        TargetLost: it ended meanwhile.
    """
    return read(pid, freeze=freeze, gentle=gentle, ask=ask)[1]


def read(
    pid: int, *, freeze: bool = False, gentle: bool = False, ask: bool = True
) -> tuple[NodeProcess, MemoryMap]:
    """Who a process is, and its map as `memory_map` gives it."""
    if freeze:
        host.require_linux("to hold a process still", instead="leave --freeze out")
    process = discover.examine(pid)
    if process is None:
        raise family.not_node(pid)
    started = procfs.start_ticks(pid)
    if told.BY_KERNEL:
        found = (_frozen if freeze else _best)(pid, _symbols(pid), gentle=gentle)
    else:
        found = _elsewhere(process, ask=ask)
    if procfs.start_ticks(pid) != started:
        raise lost(pid)
    return process, found


@dataclass(frozen=True)
class TreeMap:
    """Maps of a process and of those that it has started, in the order of the tree. `refusals`
    are errors of those that could not be read, by pid."""

    members: list[Member]
    maps: dict[int, MemoryMap]
    refusals: dict[int, TargetError]

    @property
    def pss(self) -> int | None:
        """Physical memory of all together, what they share counted once; None where it is unknown
        of one of them. What is shared with processes outside of the tree counts in part."""
        known = [one.pss for one in self.maps.values() if one.pss is not None]
        return sum(known) if len(known) == len(self.members) else None

    @property
    def segments(self) -> dict[Segment, int] | None:
        """The same by segment."""
        if self.pss is None:
            return None
        sums = dict.fromkeys(SEGMENTS, 0)
        for one in self.maps.values():
            for segment, size in (one.pss_by_segment or {}).items():
                sums[segment] += size
        return sums

    def to_data(self) -> dict[str, Any]:
        """The JSON form; sizes in bytes."""
        return {
            "pss": self.pss,
            "segments": self.segments,
            "processes": [
                {
                    "pid": member.pid,
                    "depth": member.depth,
                    "version": member.process.version,
                    "script": member.process.script,
                    "map": self.maps[member.pid].to_data() if member.pid in self.maps else None,
                }
                for member in self.members
            ],
        }


def memory_map_tree(pid: int, *, gentle: bool = False) -> TreeMap:
    """Where the memory of a process is, and of all Node.js processes that it and its children have
    started: a cluster, or what is behind a shell.

    Raises:
        TargetNotFound: there is no such process, or no Node.js in its tree.
    """
    members = family.family(pid)
    maps: dict[int, MemoryMap] = {}
    refusals: dict[int, TargetError] = {}
    for member in members:
        try:
            maps[member.pid] = memory_map(member.pid, gentle=gentle)
        except TargetError as error:
            refusals[member.pid] = error
    return TreeMap(members, maps, refusals)


def _frozen(pid: int, symbols: Metadata | None, *, gentle: bool) -> MemoryMap:
    """The map of a process whose threads are held. One of them may be held in the middle of
    malloc, whose chunks may not add up then: it is let go for a moment and held once more."""
    held = 0.0
    for _ in range(_HOLDS):
        with Frozen(pid) as frozen:
            found = _best(pid, symbols, gentle=gentle)
        if frozen.let_go_early:
            return replace(found, unseen=(*found.unseen, "frozen_too_long"))
        adds_up = all(one.holds for one in found.checks if one.name.startswith("malloc_"))
        held += frozen.held
        if adds_up or held > _HELD_AT_MOST:
            break
        time.sleep(_LET_GO)
    return found


def _best(pid: int, symbols: Metadata | None, *, gentle: bool) -> MemoryMap:
    """The map that explains the most of a few. A program that takes and gives back memory while it
    is read leaves some that nothing is known of: what was there is gone, or was not yet."""
    begun = time.monotonic()
    found: list[MemoryMap] = []
    while not found or (
        len(found) < _TRIES
        and not found[-1].refusals
        and found[-1].unattributed > _UNATTRIBUTED * found[-1].rss
        and time.monotonic() - begun < _PATIENCE
    ):
        found.append(_map(pid, symbols, gentle=gentle))
    return min(found, key=lambda one: one.unattributed)


def _map(pid: int, symbols: Metadata | None, *, gentle: bool) -> MemoryMap:
    try:
        space = LiveAddressSpace(pid)
    except NotPermitted as error:
        return _without_memory(observe(pid, gentle=gentle), error)
    except TargetNotFound as error:  # it was there just now
        raise lost(pid) from error
    with space:
        seen = observe(pid, gentle=gentle)
        return whole.make(seen, space, symbols, lambda name: open_mapped(pid, name))


def _without_memory(seen: Observed, error: NotPermitted) -> MemoryMap:
    refusals = (Refusal(error.what, error.why, error.next),)
    if seen.mappings is None:
        return totals.make(seen, refusals)
    pid = seen.pid
    try:
        # Which pages are present may be asked where they may not be read.
        with presence.of_process(pid) as asked:
            return whole.make(
                seen, None, None, lambda name: open_mapped(pid, name), refusals, asked.runs
            )
    except PermissionError:  # nor that: by addresses, then
        return whole.make(seen, None, None, lambda name: open_mapped(pid, name), refusals)
    except OSError as gone:
        raise lost(pid) from gone


def _elsewhere(process: NodeProcess, *, ask: bool) -> MemoryMap:
    """The map on a system that does not tell where memory is. What V8 says of its heaps is asked
    after the totals were read, so that these are of a process at rest."""
    pid = process.pid
    if process.rss is None:
        inspector.require_running(pid)  # others' may not be looked at on macOS
    seen = observe(pid)
    refusals = [
        Refusal(
            f"where the memory of process {pid} is",
            f"only Linux tells that, in /proc; this is {told.SYSTEM}",
            "for its JavaScript heap: "
            f"nodemem usage {pid}, nodemem snapshot {pid} -o {pid}.heapsnapshot",
        )
    ]
    isolates: dict[str, MemorySample] = {}
    left: list[str] = []
    if ask:
        try:
            with Session(pid) as session:
                isolates = usage.read_isolates(session)
            left = session.warnings
        except TargetError as error:
            refusals.append(Refusal(error.what, error.why, error.next))
    found = totals.make(seen, tuple(refusals), isolates)
    return replace(found, unseen=(*found.unseen, *(one.rpartition(".")[2] for one in left)))


def _symbols(pid: int) -> Metadata | None:
    try:
        return metadata.load(program_file(pid))
    except InputError:
        return None
