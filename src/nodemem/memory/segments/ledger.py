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
from typing import NamedTuple

from nodemem.memory.segments.types import SEGMENTS, UNATTRIBUTED, Category, Kind
from nodemem.records import MappedMemory

Resident = Callable[[int, int], list[tuple[int, int]]]
"""Which parts of (address, length) are in physical memory, as (address, length)."""

_NOBODY = Kind("other", UNATTRIBUTED)


class _Claim(NamedTuple):
    start: int
    end: int
    kind: Kind


_Range = tuple[int, int, Kind]
"""[start, end) of a kind."""


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
    _pending: list[_Claim] = field(default_factory=list)
    _won: list[_Range] = field(default_factory=list)
    _taken: list[tuple[int, int]] = field(default_factory=list)  # the same, whosever it is
    _doubtful: set[Kind] = field(default_factory=set)

    def claim(self, start: int, end: int, kind: Kind, *, exact: bool = True) -> None:
        """Say that [start, end) is of a kind, unless somebody has said otherwise before. With
        `exact=False` the whole kind is an estimate."""
        if start < end:
            self._pending.append(_Claim(start, end, kind))
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

    def unclaimed(self) -> Iterator[tuple[MappedMemory, int, int]]:
        """Ranges (mapping, start, end) that nobody has claimed."""
        self._decide()
        taken = self._taken
        at = 0
        for one in self.mappings:
            while at < len(taken) and taken[at][1] <= one.start:
                at += 1
            reached = one.start
            while at < len(taken) and taken[at][0] < one.end:
                if reached < taken[at][0]:
                    yield one, reached, taken[at][0]
                reached = taken[at][1]
                if reached >= one.end:
                    break  # it may reach into the next one
                at += 1
            if reached < one.end:
                yield one, reached, one.end

    def _decide(self) -> list[_Range]:
        """Whose is what now, by ascending address. What was decided before stays."""
        if self._pending:
            fresh = _besides(_earliest(self._pending), self._taken)
            self._won = sorted(self._won + fresh)
            self._taken = _merged(self._taken, fresh)
            self._pending.clear()
        return self._won

    def _parts(self) -> Iterator[tuple[MappedMemory, list[tuple[int, int, Kind | None]]]]:
        """Each mapping with its parts (start, end, kind), without gaps."""
        won = self._decide()
        at = 0
        for one in self.mappings:
            parts: list[tuple[int, int, Kind | None]] = []
            while at < len(won) and won[at][1] <= one.start:
                at += 1
            if at < len(won) and won[at][0] <= one.start and one.end <= won[at][1]:
                yield one, [(one.start, one.end, won[at][2])]
                continue
            place, reached = at, one.start
            while place < len(won) and won[place][0] < one.end:
                start, end, kind = won[place]
                start, end = max(start, one.start), min(end, one.end)
                if reached < start:
                    parts.append((reached, start, None))
                parts.append((start, end, kind))
                reached = end
                place += 1
            at = max(at, place - 1)  # the last may reach into the next mapping
            if reached < one.end:
                parts.append((reached, one.end, None))
            yield one, parts


def _merged(taken: list[tuple[int, int]], fresh: list[_Range]) -> list[tuple[int, int]]:
    """Ascending ranges with others that do not overlap them, those that touch as one: of hundreds
    of thousands of small pieces little is left once what is between them is taken too."""
    merged: list[tuple[int, int]] = []
    last_start = last_end = -1
    for start, end in sorted([*taken, *((start, end) for start, end, _ in fresh)]):
        if start == last_end:
            last_end = end
            continue
        if last_end >= 0:
            merged.append((last_start, last_end))
        last_start, last_end = start, end
    if last_end >= 0:
        merged.append((last_start, last_end))
    return merged


def _besides(ranges: list[_Range], taken: list[tuple[int, int]]) -> list[_Range]:
    """What of ascending ranges is in none of other ascending ones."""
    left: list[_Range] = []
    at = 0
    for start, end, kind in ranges:
        while at < len(taken) and taken[at][1] <= start:
            at += 1
        place, reached = at, start
        while place < len(taken) and taken[place][0] < end:
            if reached < taken[place][0]:
                left.append((reached, taken[place][0], kind))
            reached = taken[place][1]
            place += 1
        if reached < end:
            left.append((reached, end, kind))
    return left


def _earliest(claims: list[_Claim]) -> list[_Range]:
    """Ranges that do not overlap, ascending, each with the kind that was claimed first."""
    order = sorted(range(len(claims)), key=lambda n: claims[n].start)
    if all(claims[a].end <= claims[b].start for a, b in itertools.pairwise(order)):
        return [
            (claims[n].start, claims[n].end, claims[n].kind) for n in order
        ]  # nobody contests anything
    bounds = sorted({bound for claim in claims for bound in (claim.start, claim.end)})
    won: list[_Range] = []
    active: list[int] = []
    begun = 0
    for low, high in itertools.pairwise(bounds):
        while begun < len(order) and claims[order[begun]].start <= low:
            heapq.heappush(active, order[begun])
            begun += 1
        while active and claims[active[0]].end <= low:
            heapq.heappop(active)
        if active:
            kind = claims[active[0]].kind
            if won and won[-1][1] == low and won[-1][2] == kind:
                won[-1] = (won[-1][0], high, kind)
            else:
                won.append((low, high, kind))
    return won


def _share_out(
    one: MappedMemory,
    parts: list[tuple[int, int, Kind | None]],
    resident: Resident | None,
    sums: dict[Kind, _Sum],
) -> None:
    kinds = list(dict.fromkeys(kind or _NOBODY for _, _, kind in parts))
    figures = one.rss, one.pss or 0, one.uss or 0
    if not any(figures):
        return
    if len(kinds) == 1:
        _add(sums[kinds[0]], figures, exact=True)
        return
    weights = dict.fromkeys(kinds, 0)
    if resident is None:
        for start, end, kind in parts:
            weights[kind or _NOBODY] += end - start
    else:
        place = 0
        for start, length in resident(one.start, one.end - one.start):
            while parts[place][1] <= start:
                place += 1
            at = place
            while at < len(parts) and parts[at][0] < start + length:
                low, high, kind = parts[at]
                weights[kind or _NOBODY] += min(high, start + length) - max(low, start)
                at += 1
    exact = resident is not None and sum(weights.values()) == one.rss
    if not any(weights.values()):
        # It had memory when it was measured and has none now: by addresses, then.
        for start, end, kind in parts:
            weights[kind or _NOBODY] += end - start
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
