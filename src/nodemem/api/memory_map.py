"""Where the memory of a process is: read from outside, added up to the byte."""

from __future__ import annotations

from nodemem.errors import InputError, NotPermitted
from nodemem.memory import metadata, spaces
from nodemem.memory.segments import totals, whole
from nodemem.memory.segments.types import MemoryMap, Refusal
from nodemem.records import Observed
from nodemem.target import discover, family, procfs
from nodemem.target.address_space import LiveAddressSpace, lost, program_file
from nodemem.target.discover import NodeProcess
from nodemem.target.observe import observe, open_mapped


def memory_map(pid: int) -> MemoryMap:
    """Where the physical memory of a Node.js process is, by segment (code, data, heap, stack) and
    category; the parts add up to its RSS exactly.

    Nothing in the process is asked, stopped or changed. What may not be read is said in
    `refusals`, and the categories are coarser then.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
        TargetLost: it ended meanwhile.
    """
    return read(pid)[1]


def read(pid: int) -> tuple[NodeProcess, MemoryMap]:
    """Who a process is, and its map as `memory_map` gives it."""
    process = discover.examine(pid)
    if process is None:
        raise family.not_node(pid)
    started = procfs.start_ticks(pid)
    try:
        space = LiveAddressSpace(pid)
    except NotPermitted as error:
        found = _without_memory(observe(pid), error)
    else:
        with space:
            found = whole.make(
                observe(pid), space, _space_names(pid), lambda name: open_mapped(pid, name)
            )
    if procfs.start_ticks(pid) != started:
        raise lost(pid)
    return process, found


def _without_memory(seen: Observed, error: NotPermitted) -> MemoryMap:
    refusal = Refusal(error.what, error.why, error.next)
    if seen.mappings is None:
        return totals.make(seen, (refusal,))
    pid = seen.pid
    return whole.make(seen, None, [], lambda name: open_mapped(pid, name), (refusal,))


def _space_names(pid: int) -> list[str]:
    try:
        return spaces.names(metadata.load(program_file(pid)))
    except InputError:
        return []
