"""The account of a process's memory: who says what a range of addresses is, and what that costs.

Recognisers claim ranges; of several claims to an address the earliest counts. What a mapping has in
memory then goes to those who claimed its addresses: as it is where that is one kind, and where it
is several by the pages that are present on the addresses of each. Whatever happens, the parts add
up to the whole.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from nodemem.memory.segments.types import SEGMENTS, UNATTRIBUTED, Category, Kind
from nodemem.records import MappedMemory

Resident = Callable[[int, int], list[tuple[int, int]]]
"""Which parts of (address, length) are in physical memory, as (address, length)."""

_START = itemgetter(0)
_NOBODY = Kind("other", UNATTRIBUTED)


_Range = tuple[int, int, Kind]
"""[start, end) of a kind."""

_Part = tuple[MappedMemory, int, int]
"""[start, end) within a mapping."""


@dataclass
class _Sum:
    rss: int = 0
    pss: int = 0
    uss: int = 0
    exact: bool = True


@dataclass
class Ledger:
    """Claims on the addresses of some mappings, which ascend and do not overlap."""

    mappings: Sequence[MappedMemory]
    _pending: list[_Range] = field(default_factory=list)
    _won: list[_Range] = field(default_factory=list)  # each within one mapping
    _left: list[_Part] = field(init=False)
    _doubtful: set[Kind] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._left = [(one, one.start, one.end) for one in self.mappings]

    def claim(self, start: int, end: int, kind: Kind, *, exact: bool = True) -> None:
        """Say that [start, end) is of a kind, unless somebody has said otherwise before. With
        `exact=False` the whole kind is an estimate."""
        if start < end:
            self._pending.append((start, end, kind))
            if not exact:
                self._doubtful.add(kind)

    def settle(self, resident: Resident | None) -> list[Category]:
        """What each kind has in memory; kinds with nothing are left out, but for what nobody
        claimed. By segment, the biggest first.

        Without `resident` a mapping of several kinds is divided by addresses, an estimate.
        """
        sums: dict[Kind, _Sum] = defaultdict(_Sum, {_NOBODY: _Sum()})
        has_pss = all(one.pss is not None and one.uss is not None for one in self.mappings)
        for one, parts in self._parts():
            _share_out(one, parts, resident, sums)
        for kind in self._doubtful & sums.keys():
            sums[kind].exact = False
        found = [
            Category(
                *kind,
                rss=total.rss,
                pss=total.pss if has_pss else None,
                uss=total.uss if has_pss else None,
                exactness="exact" if total.exact else "estimate",
            )
            for kind, total in sums.items()
            if total.rss or total.pss or total.uss or kind == _NOBODY
        ]
        return sorted(
            found,
            key=lambda one: (
                SEGMENTS.index(one.segment), -one.rss, one.category, one.isolate or "",
            ),
        )  # fmt: skip

    def unclaimed(self) -> Sequence[_Part]:
        """Ranges (mapping, start, end) that nobody has claimed."""
        if self._pending:
            won, self._left = _divided(self._left, _earliest(self._pending))
            self._won += won
            self._pending.clear()
        return self._left

    def _parts(self) -> Iterator[tuple[MappedMemory, list[_Range]]]:
        """Each mapping with its parts, without gaps."""
        nobodys = [(start, end, _NOBODY) for _, start, end in self.unclaimed()]
        parts = sorted(self._won + nobodys, key=_START)
        begin = 0
        for one in self.mappings:
            end = begin
            while end < len(parts) and parts[end][1] <= one.end:
                end += 1
            yield one, parts[begin:end]
            begin = end


def _divided(free: list[_Part], claims: list[_Range]) -> tuple[list[_Range], list[_Part]]:
    """What of some parts is claimed, and what is left of them; both ascend and do not overlap, as
    do the parts and the claims."""
    won: list[_Range] = []
    left: list[_Part] = []
    at, count = 0, len(claims)
    for part in free:
        one, reached, end = part
        while at < count and claims[at][1] <= reached:
            at += 1
        if at == count or claims[at][0] >= end:
            left.append(part)
            continue
        while at < count and claims[at][0] < end:
            low, high, kind = claims[at]
            if reached < low:
                left.append((one, reached, low))
                reached = low
            won.append((reached, min(high, end), kind))
            reached = min(high, end)
            if high > end:
                break  # it reaches into the next one
            at += 1
        if reached < end:
            left.append((one, reached, end))
    return won, left


def _earliest(claims: list[_Range]) -> list[_Range]:
    """Ranges that do not overlap, ascending, each with the kind that was claimed first."""
    won: list[_Range] = []
    chain: list[int] = []  # claims each of which overlaps with one before
    reached = 0
    for n in sorted(range(len(claims)), key=[claim[0] for claim in claims].__getitem__):
        start, end, _ = claims[n]
        if start >= reached:
            won += [claims[one] for one in chain] if len(chain) < 2 else _contested(claims, chain)
            chain = []
        chain.append(n)
        reached = max(reached, end)
    return won + _contested(claims, chain)


def _contested(claims: list[_Range], order: list[int]) -> list[_Range]:
    """The same for some of the claims, in the order of where they start, of which each but the
    first overlaps with one before."""
    bounds = sorted({bound for n in order for bound in claims[n][:2]})
    won: list[_Range] = []
    active: list[int] = []
    begun = 0
    for low, high in itertools.pairwise(bounds):
        while begun < len(order) and claims[order[begun]][0] <= low:
            heapq.heappush(active, order[begun])
            begun += 1
        while active and claims[active[0]][1] <= low:
            heapq.heappop(active)
        kind = claims[active[0]][2]
        if won and won[-1][2] == kind:
            won[-1] = (won[-1][0], high, kind)
        else:
            won.append((low, high, kind))
    return won


def _share_out(
    one: MappedMemory,
    parts: list[_Range],
    resident: Resident | None,
    sums: dict[Kind, _Sum],
) -> None:
    figures = one.rss, one.pss or 0, one.uss or 0
    if not any(figures):
        return
    kinds = [parts[0][2]] if len(parts) == 1 else list(dict.fromkeys(kind for *_, kind in parts))
    if len(kinds) == 1:
        _add(sums[kinds[0]], figures, exact=True)
        return
    weights = dict.fromkeys(kinds, 0)
    if resident is None:
        for start, end, kind in parts:
            weights[kind] += end - start
    else:
        place = 0
        for start, length in resident(one.start, one.end - one.start):
            while parts[place][1] <= start:
                place += 1
            at = place
            while at < len(parts) and parts[at][0] < start + length:
                low, high, kind = parts[at]
                weights[kind] += min(high, start + length) - max(low, start)
                at += 1
    exact = resident is not None and sum(weights.values()) == one.rss
    if not any(weights.values()):
        # It had memory when it was measured and has none now: by addresses, then.
        for start, end, kind in parts:
            weights[kind] += end - start
    shares = [_apportion(figure, list(weights.values())) for figure in figures]
    for n, (kind, weight) in enumerate(weights.items()):
        if weight:
            _add(sums[kind], (shares[0][n], shares[1][n], shares[2][n]), exact=exact)


def _add(total: _Sum, figures: tuple[int, int, int], *, exact: bool) -> None:
    total.rss += figures[0]
    total.pss += figures[1]
    total.uss += figures[2]
    total.exact = total.exact and exact


def _apportion(amount: int, weights: list[int]) -> list[int]:
    """`amount` divided in proportion to `weights`, in whole numbers that add up to it (the method
    of largest remainders; the first of equals)."""
    whole = sum(weights)
    shares = [amount * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda n: (-(amount * weights[n] % whole), n))
    for n in order[: amount - sum(shares)]:
        shares[n] += 1
    return shares
