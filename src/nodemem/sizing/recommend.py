"""Limits that fit into a container."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from nodemem.gc.policy import Flags, Release, heap_limits, old, rules
from nodemem.gc.policy.flags import in_node_options
from nodemem.gc.policy.releases import GIB, MIB
from nodemem.sizing.outside import Outside

LEAST_OLD = 32 * MIB
"""No program of any use lives in less: Node.js itself has 4 MiB of objects."""
SEMI_MOST = 64 * MIB
"""Larger semi-spaces gained little more (nodejs/performance#67, nodejs/node#42511: published)."""
YOUNG_SHARE = 8
"""The young generation gets no more than this part of the heap."""
MOST_32 = GIB
"""The largest default old generation on 32 bits, whose addresses end at 4 GiB for all together."""
LIVE_ROOM = 1.5
"""The old generation should have this much more than what lives: at its largest growing factor
below 512 MiB, 1.4, the next major collection is due there."""


@dataclass(frozen=True)
class Why:
    """`rule` is the key of its text, `params` fills it (bytes)."""

    rule: str
    params: dict[str, Any] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        return {"rule": self.rule, "params": self.params}


@dataclass(frozen=True)
class Recommendation:
    """Flags for one process that may have `budget` bytes, of which `reserve` are for what is
    outside the heap, and the heap limit that follows. `flags` is None where nothing fits."""

    node: Release
    budget: int
    reserve: int
    flags: Flags | None
    heap_size_limit: int | None
    reasons: tuple[Why, ...]

    @property
    def node_options(self) -> list[str]:
        """The flags that NODE_OPTIONS may hold."""
        return self._words(allowed=True)

    @property
    def command_line(self) -> list[str]:
        """Those that only the command line takes."""
        return self._words(allowed=False)

    def _words(self, *, allowed: bool) -> list[str]:
        given = {} if self.flags is None else self.flags.given()
        chosen = {
            name: value
            for name, value in given.items()
            if in_node_options(name, self.node) is allowed
        }
        return Flags(**chosen).words()


def recommend(
    node: Release,
    budget: int,
    outside: Outside,
    *,
    live: int | None = None,
    isolates: int = 1,
    bits: Literal[32, 64] = 64,
) -> Recommendation:
    """Limits for a process in `budget` bytes. `live` is what its old generation keeps after a major
    collection, or what V8 has in memory where that is not known: an upper bound of it. Flags hold
    for each of `isolates`, the main thread and its workers."""
    reserve = outside.reserve(budget)
    heap = (budget - reserve) // isolates
    why = [
        Why("reserve.measured" if outside.measured else "reserve.estimate", {"reserve": reserve})
    ]
    semi = _semi(heap, rules(node).semi_flag_max or SEMI_MOST)
    most = MOST_32 if bits == 32 else heap
    room = min(most, heap - 3 * semi) // MIB * MIB
    if live is not None:
        while semi > MIB and old.thrashes_from(room, semi) < LIVE_ROOM * live:
            semi //= 2
            room = min(most, heap - 3 * semi) // MIB * MIB
    if isolates > 1:
        why.append(Why("isolates", {"isolates": isolates, "heap": heap}))
    if room < LEAST_OLD:
        return Recommendation(
            node, budget, reserve, None, None, (*why, Why("too_small", {"budget": budget}))
        )
    kind = "old.bits" if room == MOST_32 and bits == 32 else "old.rest"
    why.append(Why(kind, {"old": room, "young": 3 * semi}))
    why.append(Why("semi.share", {"semi": semi, "share": 1 / YOUNG_SHARE}))
    why.append(Why("semi.min", {"semi": semi, "resident": 2 * semi}))
    if live is not None and old.thrashes_from(room, semi) < LIVE_ROOM * live:
        why.append(Why("live.too_much", {"live": live, "edge": old.thrashes_from(room, semi)}))
    if room > 4 * GIB:
        why.append(Why("old.long_pauses", {"old": room}))
    elif room < 2 * GIB:
        why.append(Why("old.factor", {"factor": round(old.max_factor(room), 2)}))
    flags = Flags(
        max_old_space_size=room // MIB,
        max_semi_space_size=semi // MIB,
        min_semi_space_size=semi // MIB,
    )
    total = heap_limits(node, budget, flags=flags, bits=bits).heap_size_limit
    return Recommendation(node, budget, reserve, flags, total, tuple(why))


def _semi(heap: int, most: int) -> int:
    """The largest power of two of MiB, up to `most`, of which three are no more than their share of
    the heap."""
    semi = most
    while semi > MIB and 3 * semi > heap // YOUNG_SHARE:
        semi //= 2
    return semi
