"""The flags that set heap limits: what they mean, which release knows them, where they stand."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from nodemem.errors import UsageError
from nodemem.gc.policy.releases import MIB, Release

_MOST = (1 << 44) - 1
"""Largest MiB whose bytes fit into 64 bits."""
_INT = {"max_old_space_size": (1 << 31) - 1}
"""Before Node.js 10 flags are an `int`, and all but this one are turned into bytes in one."""
_WHOLE = re.compile(r"\s*([+-]?)(\d{1,40})")


@dataclass(frozen=True)
class _Known:
    """`since` and `until` are (major, minor) of the first release that knows a flag and of the
    first that does not any more; `also` further lines that got it later; `in_node_options` the
    first release that takes it from there, None for none. All but the minor releases measured."""

    since: tuple[int, int]
    until: tuple[int, int] | None = None
    also: tuple[tuple[int, int], ...] = ()
    in_node_options: tuple[int, int] | None = None


_KNOWN = {
    "max_old_space_size": _Known((6, 0), in_node_options=(6, 0)),
    # Accepted by 18.20, rejected by 16.20.
    "max_semi_space_size": _Known((6, 0), in_node_options=(18, 0)),
    "min_semi_space_size": _Known((6, 0)),
    # Accepted by 24.19, rejected by 22.23 and 23.11.
    "max_heap_size": _Known((12, 0), in_node_options=(24, 0)),
    # Accepted by 22.21 and 24.6, rejected by 22.20, 23.11 and 24.5.
    "max_old_space_size_percentage": _Known((24, 6), also=((22, 21),), in_node_options=(6, 0)),
    "optimize_for_size": _Known((6, 0)),
    "lite_mode": _Known((12, 0)),
    "minor_ms": _Known((21, 0)),
    "minor_mc": _Known((12, 0), until=(21, 0)),
    "huge_max_old_generation_size": _Known((12, 0), until=(23, 0), in_node_options=(14, 0)),
}


@dataclass(frozen=True)
class Flags:
    """Flags as on the command line of Node.js: sizes in MiB, None for one that is not given. 0 is
    not given, too, except for the percentage."""

    max_old_space_size: int | None = None
    max_semi_space_size: int | None = None
    min_semi_space_size: int | None = None
    max_heap_size: int | None = None
    max_old_space_size_percentage: float | None = None
    optimize_for_size: bool | None = None
    lite_mode: bool | None = None
    minor_ms: bool | None = None
    minor_mc: bool | None = None
    huge_max_old_generation_size: bool | None = None

    def __post_init__(self) -> None:
        for name, value in self.given().items():
            if name in SIZES and (isinstance(value, bool) or not isinstance(value, int)):
                raise UsageError(
                    f"{spelled(name)} takes whole MiB, not {value!r}",
                    why="Node.js ends at once with: illegal value for flag",
                )
            if name in SIZES and value < 0:
                raise UsageError(
                    f"{spelled(name)} cannot be {value}", why="Node.js would ignore it silently"
                )
        share = self.max_old_space_size_percentage
        if share is not None and (isinstance(share, bool) or not 0 < share <= 100):
            raise UsageError(
                f"{spelled('max_old_space_size_percentage')} cannot be {share:g}",
                why="Node.js ends at once unless it is above 0 and at most 100",
            )

    def given(self) -> dict[str, Any]:
        """Those that are given, by name."""
        every = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: value for name, value in every if value is not None}

    def words(self) -> list[str]:
        """As on a command line: `--max-old-space-size=700`, `--no-huge-max-old-generation-size`."""
        return [_word(name, value) for name, value in self.given().items()]

    def check(self, node: Release) -> None:
        """
        Raises:
            UsageError: the release does not know one of them, or does not start with them.
        """
        for name, value in self.given().items():
            if not known(name, node):
                raise UsageError(
                    f"Node.js {node} does not know {spelled(name)}",
                    why=f"it ends at once with: bad option; {_history(name)}",
                )
            most = _MOST if node.since(10) else _INT.get(name, (1 << 11) - 1)
            if name in SIZES and value > most:
                raise UsageError(
                    f"{spelled(name)}={value} is beyond what V8 can count",
                    why="the number of bytes overflows, and Node.js ends at once or ignores it",
                    next="give MiB, not bytes",
                )
        share = self.max_old_space_size_percentage  # Node.js makes --max-old-space-size of it
        # These imply --max-semi-space-size=1.
        semi = next(
            (
                name
                for name in ("max_semi_space_size", "optimize_for_size", "lite_mode")
                if getattr(self, name)
            ),
            None,
        )
        if self.max_heap_size and semi and (share or self.max_old_space_size):
            old = "max_old_space_size_percentage" if share else "max_old_space_size"
            raise UsageError(
                f"Node.js does not start with --max-heap-size, {spelled(old)} and "
                f"{spelled(semi)} together",
                why="V8 checks that one of them is left to follow from the others",
                next="leave one of them",
            )


SIZES = ("max_old_space_size", "max_semi_space_size", "min_semi_space_size", "max_heap_size")
SWITCHES = tuple(
    one.name for one in fields(Flags) if one.name not in (*SIZES, "max_old_space_size_percentage")
)
NAMES = tuple(one.name for one in fields(Flags))


def spelled(name: str) -> str:
    """`--max-old-space-size` for `max_old_space_size`."""
    return "--" + name.replace("_", "-")


def known(name: str, node: Release) -> bool:
    """Whether the release knows the flag `name`."""
    flag = _KNOWN[name]
    if flag.until is not None and node.since(*flag.until):
        return False
    return node.since(*flag.since) or any(
        node.major == major and node.since(major, minor) for major, minor in flag.also
    )


def in_node_options(name: str, node: Release) -> bool:
    """Whether NODE_OPTIONS may hold it: where not, Node.js ends at once with `is not allowed in
    NODE_OPTIONS`. No release takes --min-semi-space-size from there."""
    since = _KNOWN[name].in_node_options
    return since is not None and node.since(*since) and known(name, node)


def read(options: Iterable[tuple[str, str | None]]) -> tuple[Flags, list[str]]:
    """The flags among the (name, value) of a process that runs, later ones over earlier ones, and
    the words that were passed over. `name` is without leading dashes, with dashes or underscores
    in it, and `no-` or `no` in front of a switch. What V8 ignores (sizes that are negative or do
    not fit into 64 bits) is ignored, as it does not end the process."""
    found: dict[str, Any] = {}
    odd = []
    for written, value in options:
        name = written.replace("-", "_")
        if name in SIZES:
            size = _size(value)
            if size is None:
                odd.append(f"--{written}" + ("" if value is None else f"={value}"))
            else:
                found[name] = size
        elif name == "max_old_space_size_percentage":
            share = _share(value)
            if share is None:
                odd.append(f"--{written}={value}")
            else:
                found[name] = share
        elif name in SWITCHES:
            found[name] = True
        elif (rest := name.removeprefix("no").removeprefix("_")) in SWITCHES:
            found[rest] = False
    return Flags(**found), odd


def _size(text: str | None) -> int | None:
    match = _WHOLE.fullmatch(text or "0")
    if match is None:
        return None
    size = int(match[2])
    return 0 if match[1] == "-" or size * MIB >= 1 << 64 else size


def _share(text: str | None) -> float | None:
    try:
        share = float(text or "")
    except ValueError:
        return None
    return share if math.isfinite(share) and 0 < share <= 100 else None


def _word(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return spelled(name) if value else "--no-" + spelled(name)[2:]
    return f"{spelled(name)}={value:g}" if isinstance(value, float) else f"{spelled(name)}={value}"


def _history(name: str) -> str:
    flag = _KNOWN[name]
    since = " and ".join(f"{major}.{minor}" for major, minor in (*flag.also, flag.since))
    ended = "" if flag.until is None else f" until {flag.until[0]}"
    return f"there is one from Node.js {since} on{ended}"
