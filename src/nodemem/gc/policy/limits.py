"""The heap limits that V8 takes when an isolate begins, and which rule made each of them.

V8 does it in two steps. From the memory it is told of (Node.js
`SetIsolateCreateParamsForNode`: what libuv says of the machine and the control group), defaults
follow (`ResourceConstraints::ConfigureDefaults`, `Heap::HeapSizeFromPhysicalMemory`). Then
`Heap::ConfigureHeap` lets the limits of a worker and then the flags win, and rounds.
v8.getHeapStatistics().heap_size_limit is `Heap::MaxReserved`, the sum of all spaces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from nodemem.errors import UsageError
from nodemem.gc.policy.flags import Flags
from nodemem.gc.policy.releases import GIB, LAST, MIB, Release, Rules, release, rules, sees

_PAGE = 256 << 10
_MOST = 1 << 64
_NO_MACHINE = 1 << 60

Number = Literal["memory", "max_old_space_size", "max_semi_space_size", "heap_size_limit"]
Evidence = Literal["measured", "source", "assumed"]
Bits = Literal[32, 64]


@dataclass(frozen=True)
class Reason:
    """Why `number` is what it is: `rule` is the key of its texts, `params` fills them (bytes unless
    said otherwise), `source` where V8 or Node.js does it."""

    number: Number
    rule: str
    source: str
    params: dict[str, Any] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "rule": self.rule,
            "params": self.params,
            "source": self.source,
        }


@dataclass(frozen=True)
class WorkerLimits:
    """`resourceLimits` of a worker thread, in MiB as Node.js takes them; None for the default."""

    max_old_generation_size: float | None = None
    max_young_generation_size: float | None = None


@dataclass(frozen=True)
class HeapLimits:
    """Limits of one isolate, bytes. `memory` is the amount that V8 goes by (None where it does not
    matter), `min_semi_space_size` the semi-space that it begins with, `young_generation_size` what
    the limit counts for young objects. `evidence` is `measured` (on this line of releases),
    `source` (32 bits: no such binary was run) or `assumed` (a release newer than the rules)."""

    node: Release
    rules: Rules
    bits: Bits
    flags: Flags
    memory: int | None
    heap_size_limit: int
    max_old_space_size: int
    max_semi_space_size: int
    min_semi_space_size: int
    young_generation_size: int
    reasons: tuple[Reason, ...]
    evidence: Evidence

    def to_data(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "node": str(self.node),
            "v8": self.rules.v8,
            "bits": self.bits,
            "flags": self.flags.words(),
            "memory": self.memory,
            "heap_size_limit": self.heap_size_limit,
            "max_old_space_size": self.max_old_space_size,
            "max_semi_space_size": self.max_semi_space_size,
            "min_semi_space_size": self.min_semi_space_size,
            "young_generation_size": self.young_generation_size,
            "reasons": [one.to_data() for one in self.reasons],
            "evidence": self.evidence,
        }


def heap_limits(
    node: str | int | Release,
    memory: int,
    cgroup: int | None = None,
    *,
    flags: Flags | None = None,
    cgroup_version: Literal[1, 2] = 2,
    bits: Bits = 64,
    worker: WorkerLimits | None = None,
) -> HeapLimits:
    """What a Node.js release takes on a machine with `memory` bytes, in a control group whose own
    limit is `cgroup` bytes (None for none; limits of groups above it are seen by no release).

    Raises:
        UsageError: there is no such release or flag, or V8 would overflow or not start.
    """
    one = release(node)
    given = flags or Flags()
    given.check(one)
    if memory <= 0:
        raise UsageError("a machine has more than 0 bytes of memory", next="write it like 2g")
    if max(memory, cgroup or 0) >= _NO_MACHINE:
        raise UsageError(
            f"no machine has {max(memory, cgroup or 0) >> 60} EiB of memory",
            next="write it like 2g",
        )
    if bits not in (32, 64) or cgroup_version not in (1, 2):
        raise UsageError("a program has 32 or 64 bits, and control groups are of version 1 or 2")
    for limit in (worker or WorkerLimits()).__dict__.values():
        if limit is not None and not 0 <= limit < 1 << 40:
            raise UsageError(f"a worker cannot be limited to {limit} MiB")
    if cgroup is not None and cgroup <= 0:
        raise UsageError(
            "a control group that a program runs in allows more than 0 bytes",
            next="leave it where there is no limit",
        )
    return _Chosen(one, memory, cgroup, given, cgroup_version, bits, worker).limits()


class _Chosen:
    """One walk through V8's two steps, with the reasons gathered on the way."""

    def __init__(
        self,
        node: Release,
        memory: int,
        cgroup: int | None,
        flags: Flags,
        cgroup_version: int,
        bits: Bits,
        worker: WorkerLimits | None,
    ) -> None:
        self.node, self.flags, self.bits = node, flags, bits
        self.rules = rules(node)
        self.worker = worker or WorkerLimits()
        self.half = 2 if bits == 32 else 1  # V8's multipliers are half as large on 32 bits
        self.minor_ms = bool(flags.minor_ms)
        self.parts = 2 if self.minor_ms else self.rules.young_parts
        self.why: dict[Number, Reason] = {}
        self.memory = self._memory(memory, cgroup, cgroup_version)

    def limits(self) -> HeapLimits:
        old, semi = self._defaults() if self.rules.by_memory else self._fixed()
        semi = self._configured_semi(semi)
        old = self._configured_old(old, semi)
        young = self.parts * semi
        times, by = self.rules.overhead
        total = (old + young) * times // by
        if total >= _MOST:
            raise UsageError(
                f"a heap of {old // MIB} and {young // MIB} MiB is beyond what V8 can count",
                why="its number of bytes does not fit into 64 bits",
            )
        params = {"old": old, "semi": semi, "parts": self.parts}
        rule = "limit.sum" if times == by else "limit.sum_overhead"
        self._because("heap_size_limit", rule, "Heap::MaxReserved", **params)
        return HeapLimits(
            node=self.node,
            rules=self.rules,
            bits=self.bits,
            flags=self.flags,
            memory=self.memory if self.rules.by_memory else None,
            heap_size_limit=total,
            max_old_space_size=old,
            max_semi_space_size=semi,
            min_semi_space_size=self._initial_semi(semi),
            young_generation_size=young,
            reasons=tuple(self.why.values()),
            evidence=self._evidence(),
        )

    # What V8 is told.

    def _memory(self, memory: int, cgroup: int | None, version: int) -> int:
        """SetIsolateCreateParamsForNode: the smaller of uv_get_total_memory and
        uv_get_constrained_memory."""
        if not self.rules.by_memory:
            self._because("memory", "memory.unused", "Heap::ConfigureHeap", memory=memory)
            return memory
        seen = sees(self.node)
        if cgroup is None:
            self._because("memory", "memory.machine", "uv_get_total_memory", memory=memory)
        elif seen == "own group" or (seen == "root of version 1" and version == 1):
            if cgroup < memory:
                self._because("memory", "memory.cgroup", "uv_get_constrained_memory", memory=cgroup)
                return cgroup
            self._because("memory", "memory.machine", "uv_get_total_memory", memory=memory)
        else:
            params = {"memory": memory, "cgroup": cgroup}
            source = "uv_get_constrained_memory"
            self._because("memory", "memory.cgroup_unseen", source, **params)
        return memory

    # Step 1: defaults.

    def _fixed(self) -> tuple[int, int]:
        source = "Heap::ConfigureHeap"
        old, semi = 1400 * MIB // self.half, 16 * MIB // self.half
        self._because("max_old_space_size", "old.fixed", source, old=old)
        self._because("max_semi_space_size", "semi.fixed", source, semi=semi)
        return old, semi

    def _defaults(self) -> tuple[int, int]:
        source = "Heap::HeapSizeFromPhysicalMemory"
        half = self.memory // 4 * (2 // self.half)
        floor, cap = 256 * MIB // self.half, 2 * GIB // self.half
        edge = self.rules.four_gib_from
        huge = edge is not None and self.flags.huge_max_old_generation_size is not False
        if huge and self.bits == 64 and self.memory >= (edge or 0):
            cap = 4 * GIB
        old = _up(max(floor, min(half, cap)), _PAGE)
        rule = "old.floor" if half < floor else "old.cap" if half > cap else "old.share"
        params = {"share": 1 / (2 * self.half), "memory": self.memory}
        self._because("max_old_space_size", rule, source, old=old, **params)
        semi = self._default_semi(old, half)
        return old // self.rules.old_unit * self.rules.old_unit, semi

    def _default_semi(self, old: int, half: int) -> int:
        source = "Heap::YoungGenerationSizeFromOldGenerationSize"
        semi = self._semi_for(half if self.rules.semi_of == "memory" else old)
        bounds = {self._semi_max(): "semi.largest", self._semi_min(): "semi.smallest"}
        of = "memory" if self.rules.semi_of == "memory" else "old"
        ratio = self._semi_ratio(old)
        params = {"semi": semi, "old": old, "ratio": ratio * (2 if of == "memory" else 1)}
        self._because("max_semi_space_size", bounds.get(semi, f"semi.of_{of}"), source, **params)
        return semi

    def _semi_for(self, basis: int) -> int:
        """The default semi-space for an old generation, or half of a memory, of `basis` bytes."""
        if self.minor_ms and self.rules.semi_of == "old" and basis > 256 * MIB // self.half:
            return self._semi_max()
        semi = basis // self._semi_ratio(basis)
        return _up(max(self._semi_min(), min(semi, self._semi_max())), _PAGE)

    def _semi_ratio(self, old: int) -> int:
        one = self.rules
        if self.minor_ms:
            # Measured: 128 up to 256 MiB in Node.js 21 to 25, a sixteenth of the memory in 26.
            return 8 if one.semi_of == "memory" else one.semi_ratio_small // 2
        return one.semi_ratio_small if old <= 256 * MIB // self.half else one.semi_ratio

    def _semi_max(self) -> int:
        most = self.rules.minor_ms_semi if self.minor_ms else None
        return (most or self.rules.semi_max) // self.half

    def _semi_min(self) -> int:
        return self.rules.semi_min // self.half

    # Step 2: what wins over the defaults, Heap::ConfigureHeap.

    def _configured_semi(self, semi: int) -> int:
        flags, source = self.flags, "Heap::ConfigureHeap"

        def because(rule: str, **params: Any) -> None:
            self._because("max_semi_space_size", rule, source, **params)

        if young := self.worker.max_young_generation_size:
            semi = int(young * MIB) // self.parts
            because("semi.worker", young=int(young * MIB), parts=self.parts)
        if flags.optimize_for_size or flags.lite_mode:
            # Both imply --max-semi-space-size=1, which wins over one that is given (measured).
            name = "lite_mode" if flags.lite_mode else "optimize_for_size"
            semi = MIB
            because("semi.for_size", flag="--" + name.replace("_", "-"), semi=semi)
        elif flags.max_semi_space_size:
            semi = flags.max_semi_space_size * MIB
            because("semi.flag", given=semi)
        elif flags.max_heap_size:
            whole = flags.max_heap_size * MIB
            if (given := self._old_flag()) is not None:
                semi = max(0, whole - given) // self.parts
                because("semi.rest_of_heap", heap=whole, old=given, parts=self.parts)
            else:
                semi = self._semi_of_heap(whole)
                because("semi.of_heap", heap=whole)
        even = semi if self.minor_ms else _power_of_two(semi)
        if self.flags.minor_mc and self.rules.minor_mc_doubles:
            even *= 2
        rounded = even
        rounded = max(rounded, self.rules.semi_least // self.half)
        if (most := self.rules.semi_flag_max) is not None:
            rounded = min(rounded, most // self.half)
        rounded = rounded // _PAGE * _PAGE
        if rounded != semi:
            last = self.why["max_semi_space_size"]
            kind = "least" if rounded > even else "most" if rounded < even else "power_of_two"
            because(last.rule, **last.params, rounded=rounded, rounding=kind)
        return rounded

    def _semi_of_heap(self, whole: int) -> int:
        """Heap::GenerationSizesFromHeapSize: the largest old generation that fits with its young
        one. In Node.js 26 a 32nd of the heap (measured)."""
        if self.rules.semi_of == "memory":
            return self._semi_for(2 * whole)
        semi, lower, upper = 0, 0, whole
        while lower + 1 < upper:
            old = (lower + upper) // 2
            young = self._semi_for(old)
            if old + self.parts * young <= whole:
                semi, lower = young, old
            else:
                upper = old
        return semi

    def _configured_old(self, old: int, semi: int) -> int:
        flags, source = self.flags, "Heap::ConfigureHeap"

        def because(rule: str, **params: Any) -> None:
            self._because("max_old_space_size", rule, source, **params)

        if limit := self.worker.max_old_generation_size:
            old = int(limit * MIB) // self.rules.old_unit * self.rules.old_unit
            because("old.worker", old=old)
        if given := self._old_flag():
            old = given
            if flags.max_old_space_size_percentage is not None:
                share = flags.max_old_space_size_percentage / 100
                source = "HandleMaxOldSpaceSizePercentage"
                because("old.percentage", part=share, memory=self.memory)
            else:
                because("old.flag", given=old)
        elif flags.max_heap_size:
            whole = flags.max_heap_size * MIB
            old = max(0, whole - self.parts * semi)
            because("old.of_heap", heap=whole, young=self.parts * semi)
        # Heap::MinOldGenerationSize: one page for each of its spaces.
        return max(old, 3 * _PAGE) // _PAGE * _PAGE

    def _old_flag(self) -> int | None:
        """Bytes of --max-old-space-size; None where it is not given, or 0. The percentage takes its
        place: PerIsolateOptions::HandleMaxOldSpaceSizePercentage."""
        share = self.flags.max_old_space_size_percentage
        if share is not None:
            return int(self.memory // MIB * share / 100) * MIB or None
        return (self.flags.max_old_space_size or 0) * MIB or None

    def _initial_semi(self, semi: int) -> int:
        given = (self.flags.min_semi_space_size or 0) * MIB
        return min(given or MIB, semi) // _PAGE * _PAGE

    def _evidence(self) -> Evidence:
        if self.bits == 32:
            return "source"
        return "measured" if self.node.major <= LAST else "assumed"

    def _because(self, number: Number, rule: str, source: str, **params: Any) -> None:
        self.why[number] = Reason(number, rule, source, params)


def _up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _power_of_two(size: int) -> int:
    return 1 << max(0, size - 1).bit_length()
