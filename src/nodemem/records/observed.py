"""What was seen of a process's memory at one moment, all that its memory map is made from."""

from __future__ import annotations

import msgspec

from nodemem.records.address_space import Mapping
from nodemem.records.groups import ControlGroup, Pressure


class MappedMemory(Mapping, frozen=True):
    """One entry of /proc/PID/smaps: a mapping and what of it is in physical memory, bytes.

    `rss` is what is present; `pss` its share where each page is divided among those that map it;
    `uss` what nobody else maps. `anonymous` is the part of `rss` that belongs to no file; `swap`
    is outside of it; `lazy_free` is what the kernel may take back; `huge` what is in huge pages.
    `pss` and `uss` are None where they were not read.
    """

    rss: int = 0
    pss: int | None = None
    uss: int | None = None
    anonymous: int = 0
    swap: int = 0
    lazy_free: int = 0
    huge: int = 0


class ThreadName(msgspec.Struct, frozen=True):
    """A thread: its id, the id that it has in its own pid namespace, and its name."""

    tid: int
    inner: int
    name: str


class Observed(msgspec.Struct, frozen=True):
    """A process at one moment. `mappings` is None where only the totals may be read; `program` is
    the mapped file that V8 is in, as the mappings name it.

    `rss` to `reserved` are the kernel's own totals (VmRSS, RssAnon, RssFile, RssShmem, VmPTE,
    VmSwap, VmSize), bytes; None where they could not be seen. `uss` is there only where the
    mappings do not tell it. `groups` are its control groups, the own one first, then its parents;
    `group_kernel` is what the own one pays for the kernel's own needs, page tables among them.
    `machine_limit` is the machine's memory, `machine_room` what of it is still to be had,
    `pressure` what all its programs together wait for it.
    """

    pid: int
    page_size: int
    mappings: list[MappedMemory] | None
    threads: list[ThreadName] = []
    program: str | None = None
    rss: int | None = None
    anonymous: int | None = None
    file: int | None = None
    shared: int | None = None
    page_tables: int | None = None
    swap: int | None = None
    reserved: int | None = None
    uss: int | None = None
    mappings_limit: int | None = None
    groups: list[ControlGroup] = []
    group_kernel: int | None = None
    machine_limit: int | None = None
    machine_room: int | None = None
    pressure: Pressure | None = None
