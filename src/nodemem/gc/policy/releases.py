"""Which rules a Node.js release follows.

Every major release from 6 to 26 was run (the last of each line, x64, without pointer compression),
with between 40 and 400 combinations of memory and flags; what is said below reproduces all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Literal

from nodemem.errors import UsageError

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
FIRST, LAST = 6, 26
_RELEASE = re.compile(r"v?([0-9]{1,2})(?:\.([0-9]{1,4}|x))?(?:\.([0-9]{1,4}|x))?(?:[-+].*)?", re.I)

Sees = Literal["nothing", "root of version 1", "own group"]


@dataclass(frozen=True, order=True)
class Release:
    """A Node.js release; `minor` and `patch` are None for the newest of its line."""

    major: int
    minor: int | None = None
    patch: int | None = None

    def __str__(self) -> str:
        return ".".join(str(n) for n in (self.major, self.minor, self.patch) if n is not None)

    def since(self, major: int, minor: int = 0) -> bool:
        """Whether it is `major.minor` or later."""
        if self.major != major:
            return self.major > major
        return self.minor is None or self.minor >= minor


@dataclass(frozen=True)
class Rules:
    """How one line of releases chooses its limits. Sizes hold for 64 bits; on 32 bits all but
    `old_unit` are half of them (V8's kHeapLimitMultiplier and kPointerMultiplier are 1, not 2).

    `by_memory`: the old generation is half of the memory (a quarter on 32 bits), at least 256 MiB;
    otherwise it is 1400 MiB whatever the machine.
    `four_gib_from`: memory from which the cap is 4 GiB instead of 2 GiB; None for never.
    `old_unit`: the default old generation is a multiple of this.
    `semi_of`: what the default semi-space is a share of: the `old` generation, or half of the
    `memory` before the floor of 256 MiB is put under it; `semi_ratio` is the share's divisor,
    `semi_ratio_small` the one while the old generation is at most 256 MiB.
    `semi_min` is the smallest default, `semi_least` the smallest that flags can make.
    `semi_flag_max`: what larger --max-semi-space-size is cut to.
    `young_parts`: how many semi-spaces the limit counts: two, and one for large young objects.
    `minor_ms_semi`: the default semi-space with --minor-ms, None where there is no such flag.
    """

    major: int
    v8: str
    by_memory: bool
    young_parts: int = 3
    four_gib_from: int | None = None
    old_unit: int = 256 * KIB
    semi_of: Literal["old", "memory"] = "old"
    semi_ratio: int = 128
    semi_ratio_small: int = 256
    semi_min: int = MIB
    semi_max: int = 16 * MIB
    semi_least: int = MIB
    semi_flag_max: int | None = None
    overhead: tuple[int, int] = (1, 1)
    minor_ms_semi: int | None = None
    minor_mc_doubles: bool = False
    cgroup: Sees = "nothing"


# Cap of 4 GiB: V8 Heap::MaxOldGenerationSize. Until Node.js 20 it rounds the memory to whole GiB,
# (P + 512 MiB) / GiB >= 16, so 15.5 GiB; later it compares with 15 GiB. Measured at both edges.
_ROUNDED, _PLAIN = 15 * GIB + 512 * MIB, 15 * GIB


def _fixed(major: int, v8: str, overhead: tuple[int, int] = (1, 1)) -> Rules:
    # V8 Heap::ConfigureHeap: 700 MB x (pointer size / 4) for the old generation and 8 MB x (pointer
    # size / 4) for a semi-space, whatever the machine. Heap::MaxReserved counted two semi-spaces.
    return Rules(major, v8, by_memory=False, young_parts=2, overhead=overhead)


_scaled = partial(Rules, by_memory=True)


# Node.js 10 and 11 multiply by the page size over what of a page holds objects (MaxReserved's
# kFactor): measured 1526909922 bytes = floor(1432 MiB x 524288 / 515584).
_PAGES = (524288, 515584)

_TABLE: tuple[Rules, ...] = (
    _fixed(6, "5.1"),
    _fixed(7, "5.5"),
    _fixed(8, "6.2"),
    _fixed(9, "6.2"),
    _fixed(10, "6.8", _PAGES),
    _fixed(11, "7.0", _PAGES),
    # nodejs/node#25576 made the limit follow the memory. Node.js 12 hands whole MiB to V8, and cuts
    # --max-semi-space-size to 16 MiB, as 13 does (measured).
    _scaled(12, "7.8", old_unit=MIB, semi_flag_max=16 * MIB, cgroup="root of version 1"),
    _scaled(13, "7.9", semi_flag_max=16 * MIB, cgroup="root of version 1"),
    _scaled(14, "8.4", four_gib_from=_ROUNDED, cgroup="root of version 1"),
    _scaled(15, "8.6", four_gib_from=_ROUNDED, cgroup="root of version 1"),
    _scaled(16, "9.4", four_gib_from=_ROUNDED, cgroup="root of version 1"),
    _scaled(17, "9.6", four_gib_from=_ROUNDED, cgroup="root of version 1"),
    _scaled(18, "10.2", four_gib_from=_ROUNDED, cgroup="root of version 1"),
    _scaled(19, "10.8", four_gib_from=_ROUNDED, cgroup="root of version 1"),
    # libuv 1.45 (Node.js 20.3) reads the own group of both versions: uv_get_constrained_memory.
    # --minor-mc of Node.js 20 doubles the semi-space (measured), elsewhere it does not.
    _scaled(20, "11.3", four_gib_from=_ROUNDED, minor_mc_doubles=True, cgroup="own group"),
    _scaled(21, "11.8", four_gib_from=_PLAIN, minor_ms_semi=144 * MIB, cgroup="own group"),
    _scaled(22, "12.4", four_gib_from=_PLAIN, minor_ms_semi=144 * MIB, cgroup="own group"),
    _scaled(23, "12.9", four_gib_from=_PLAIN, minor_ms_semi=144 * MIB, cgroup="own group"),
    # --scavenger-max-new-space-capacity-mb is 32 instead of 8 from here on, times
    # kPointerMultiplier; the ratio follows, so that the largest old generation has the
    # largest semi-space.
    *(
        _scaled(
            major,
            v8,
            four_gib_from=_PLAIN,
            semi_ratio=32,
            semi_max=64 * MIB,
            minor_ms_semi=144 * MIB,
            cgroup="own group",
        )
        for major, v8 in ((24, "13.6"), (25, "14.1"))
    ),
    # The semi-space no longer follows the old generation but the memory: half of it / 64. Flags can
    # make it as small as 512 KiB, the default is never below 2 MiB (both measured).
    _scaled(
        26,
        "14.6",
        four_gib_from=_PLAIN,
        semi_of="memory",
        semi_ratio=64,
        semi_ratio_small=64,
        semi_min=2 * MIB,
        semi_max=32 * MIB,
        semi_least=512 * KIB,
        minor_ms_semi=72 * MIB,
        cgroup="own group",
    ),
)
_BY_MAJOR = {one.major: one for one in _TABLE}


def release(node: str | int | Release) -> Release:
    """Read `24`, `v24.19.0`, `22.x`.

    Raises:
        UsageError: it is no release of Node.js, or one before 6.
    """
    if isinstance(node, Release):
        return node
    text = str(node).strip()
    found = _RELEASE.fullmatch(text)
    if found is None or isinstance(node, bool | float):
        raise UsageError(
            f"'{text[:40]}' is no release of Node.js", next="write it like 24, 22.20 or v24.19.0"
        )
    numbers = [int(n) if n and n.lower() != "x" else None for n in found.groups()]
    major = numbers[0] or 0
    if major < FIRST:
        raise UsageError(
            f"the heap limits of Node.js {text[:40]} are not known",
            why=f"the rules were read and measured for Node.js {FIRST} to {LAST}",
            next=f"take a release from {FIRST} on",
        )
    return Release(major, numbers[1], numbers[2])


def rules(node: str | int | Release) -> Rules:
    """The rules that `node` follows; those of the newest known line for one that is newer.

    Raises:
        UsageError: see `release`.
    """
    return _BY_MAJOR[min(release(node).major, LAST)]


def sees(one: Release) -> Sees:
    """What of control groups the release's default limit takes into account; never a parent's
    limit. Before Node.js 20.3, version 1 only, and of it only the root of what is mounted, which
    in a container is its own group (measured in 12, 18, 19 and 20 to 26; 20.3 as published)."""
    if one.major == 20 and not one.since(20, 3):
        return "root of version 1"
    return rules(one).cgroup
