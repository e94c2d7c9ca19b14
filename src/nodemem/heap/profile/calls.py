"""The call tree of a profile, equal frames merged, with sizes and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

from nodemem.heap.profile.frames import Function, Functions
from nodemem.heap.profile.reading import Call, Frame, Recorded
from nodemem.source.files import SourceRoots

_STEPS = 60


class CallTree:
    """Calls are numbered from 0, the root; callers before their callees. By call: `functions`,
    `parents` (the root's is -1), `sizes` (bytes alive that the function itself allocated),
    `totals` (with its callees), `samples`, and `variances` of the sizes (bytes squared).

    `samples` and `variances` are None where the file has no samples. `unplaced` counts samples
    that name no call.
    """

    def __init__(self, recorded: Recorded, roots: SourceRoots) -> None:
        frames = dict.fromkeys(call.frame for call in _walk(recorded.root))
        known = Functions(frames, roots)
        named = {frame: known.of(frame) for frame in frames}
        self.warnings = known.warnings()
        if gone := {function for function in named.values() if function.gone is not None}:
            warning = (
                f"the scripts of {len(gone):,} functions had gone when the profile ended: Node.js "
                "up to 20 writes no places of these"
            )
            self.warnings += (warning,)
        self.functions: list[Function] = []
        self.parents: list[int] = []
        self.sizes: list[float] = []
        self.samples: list[int] | None = None
        self.variances: list[float] | None = None
        self.unplaced = 0
        numbers = self._merge(recorded.root, named)
        if recorded.samples is not None:
            self._count(recorded, numbers)
        self.totals = self.add_up(self.sizes)
        self.callees: list[list[int]] = [[] for _ in self.parents]
        for call, parent in enumerate(self.parents[1:], 1):
            self.callees[parent].append(call)

    def add_up(self, own: list[float]) -> list[float]:
        """By call the sum of `own` over it and all calls below it."""
        totals = list(own)
        for call in range(len(totals) - 1, 0, -1):
            totals[self.parents[call]] += totals[call]
        return totals

    def _merge(self, root: Call, named: dict[Frame, Function]) -> dict[int, int]:
        """Number the calls; by V8's ids of calls the numbers of theirs."""
        numbers: dict[int, int] = {}
        merged: dict[tuple[int, Function], int] = {}
        waiting = [(root, -1)]
        while waiting:
            call, parent = waiting.pop()
            function = named[call.frame]
            number = merged.setdefault((parent, function), len(self.parents))
            if number == len(self.parents):
                self.functions.append(function)
                self.parents.append(parent)
                self.sizes.append(0)
            self.sizes[number] += call.size
            numbers.setdefault(call.id, number)
            waiting += [(callee, number) for callee in reversed(call.callees)]
        return numbers

    def _count(self, recorded: Recorded, numbers: dict[int, int]) -> None:
        samples, variances = [0] * len(self.parents), [0.0] * len(self.parents)
        found = recorded.samples or []
        least = min((sample.size for sample in found if sample.size > 0), default=1.0)
        variance = lru_cache(maxsize=10_000)(_variance)
        for sample in found:
            number = numbers.get(sample.call_id)
            if number is None:
                self.unplaced += 1
            else:
                samples[number] += 1
                variances[number] += variance(sample.size, least)
        self.samples, self.variances = samples, variances


def _walk(root: Call) -> Iterator[Call]:
    waiting = [root]
    while waiting:
        call = waiting.pop()
        yield call
        waiting += call.callees


def _variance(size: float, least: float) -> float:
    """Of the bytes that one sample stands for.

    V8 samples an object of s bytes with probability p = 1 - exp(-s / interval) and counts it as
    w = s / p bytes; as an estimate of what was allocated that has the variance w² (1 - p). A file
    does not say its interval; w is never below it, and close to it for small objects, so that the
    least w stands for it.
    """
    ratio = size / least
    spread = ratio
    for _ in range(_STEPS):  # solves s / interval = w / interval * p
        spread = ratio * -math.expm1(-spread)
    return size * size * math.exp(-spread)


def error(variances: Iterable[float]) -> int:
    """The standard error, in bytes, of a sum of sizes with these variances."""
    return round(math.sqrt(sum(variances)))
