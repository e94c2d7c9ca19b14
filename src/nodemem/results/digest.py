"""Digest: what snapshots hold, small enough to keep of thousands of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from nodemem.errors import InputError

VERSION = 1
MARK = b'{"nodemem-digest":'
"""How the file of a digest begins."""
MOST_BYTES = 1_000_000
"""No digest is larger as a file, whatever it is of."""

_CLASS_BYTES, _HOLDER_BYTES = 350_000, 550_000
_MOST_NAMED = 100
_OTHERS = "(others)"
_LONGEST_FILE = 4 * MOST_BYTES


class Held(msgspec.Struct, frozen=True):
    """A class or a holder, summed over the `snapshots` that have it: objects, shallow and retained
    bytes; `most_retained` is the most in one of them."""

    name: str
    snapshots: int
    count: int
    shallow: int
    retained: int
    most_retained: int


class Rest(msgspec.Struct, frozen=True):
    """The sums of the entries that were left out for want of room: as far as sums go, nothing is
    lost. What is told of one name falls short by at most these."""

    entries: int = 0
    count: int = 0
    shallow: int = 0
    retained: int = 0


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What one or more snapshots hold. `totals` are sums over all of them, `most` the greatest of
    one: nodes, edges, strings, and bytes by kind as `heap statistics` tells them. `node_versions`
    and `scripts` say of how many snapshots.

    `holders` are told by a signature that is the same in every capture: `Store.items`,
    `variable cache`, `Map[…]`. Entries stand with the largest retained size first.
    """

    version: int = msgspec.field(name="nodemem-digest", default=VERSION)
    snapshots: int = 1
    node_versions: dict[str, int] = {}
    scripts: dict[str, int] = {}
    totals: dict[str, int] = {}
    most: dict[str, int] = {}
    classes: tuple[Held, ...] = ()
    other_classes: Rest = Rest()
    holders: tuple[Held, ...] = ()
    other_holders: Rest = Rest()


def trimmed(digest: Digest) -> Digest:
    """The same in its one order, and not larger than MOST_BYTES."""
    classes, other_classes = _fitting(digest.classes, digest.other_classes, _CLASS_BYTES)
    holders, other_holders = _fitting(digest.holders, digest.other_holders, _HOLDER_BYTES)
    return msgspec.structs.replace(
        digest,
        node_versions=_named(digest.node_versions),
        scripts=_named(digest.scripts),
        totals=dict(sorted(digest.totals.items())),
        most=dict(sorted(digest.most.items())),
        classes=classes,
        other_classes=other_classes,
        holders=holders,
        other_holders=other_holders,
    )


def merge(digests: Iterable[Digest]) -> Digest:
    """One digest of all that the given ones are of.

    In whatever order and grouping digests are merged, sums and maxima are the same, and so is the
    whole result as long as no entry had to be left out for want of room. Where some were, each
    entry's figures fall short by at most what `other_classes` or `other_holders` have.

    Raises:
        InputError: there is none.
    """
    several = list(digests)
    if not several:
        raise InputError("there is no digest to merge")
    return trimmed(
        Digest(
            snapshots=sum(digest.snapshots for digest in several),
            node_versions=_summed(digest.node_versions for digest in several),
            scripts=_summed(digest.scripts for digest in several),
            totals=_summed(digest.totals for digest in several),
            most=_greatest(digest.most for digest in several),
            classes=_joined(digest.classes for digest in several),
            other_classes=_rest(digest.other_classes for digest in several),
            holders=_joined(digest.holders for digest in several),
            other_holders=_rest(digest.other_holders for digest in several),
        )
    )


def to_bytes(digest: Digest) -> bytes:
    """The file of a digest; the same digest gives the same bytes."""
    return msgspec.json.encode(digest) + b"\n"


def from_bytes(data: bytes, name: str) -> Digest:
    """The digest in a file, which errors call `name`.

    Raises:
        InputError: it is none, or one of another version.
    """
    try:
        if len(data) > _LONGEST_FILE:
            raise msgspec.ValidationError(f"{len(data):,} bytes are more than any digest has")
        digest = msgspec.json.decode(data, type=Digest)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{name} is no digest", why=str(error), next="make it again: nodemem heap digest FILE"
        ) from error
    if digest.version != VERSION:
        raise InputError(
            f"{name} is a digest of version {digest.version}, this nodemem reads {VERSION}",
            next="pip install --upgrade nodemem",
        )
    return digest


def _fitting(entries: Iterable[Held], rest: Rest, room: int) -> tuple[tuple[Held, ...], Rest]:
    ordered = sorted(entries, key=lambda entry: (-entry.retained, entry.name))
    for at, entry in enumerate(ordered):
        room -= len(msgspec.json.encode(entry)) + 1
        if room < 0:
            left = ordered[at:]
            more = Rest(
                len(left),
                sum(entry.count for entry in left),
                sum(entry.shallow for entry in left),
                sum(entry.retained for entry in left),
            )
            return tuple(ordered[:at]), _rest([rest, more])
    return tuple(ordered), rest


def _joined(parts: Iterable[Iterable[Held]]) -> tuple[Held, ...]:
    found: dict[str, Held] = {}
    for entry in (entry for part in parts for entry in part):
        known = found.get(entry.name)
        found[entry.name] = (
            entry
            if known is None
            else Held(
                entry.name,
                known.snapshots + entry.snapshots,
                known.count + entry.count,
                known.shallow + entry.shallow,
                known.retained + entry.retained,
                max(known.most_retained, entry.most_retained),
            )
        )
    return tuple(found.values())


def _rest(parts: Iterable[Rest]) -> Rest:
    several = list(parts)
    return Rest(
        sum(part.entries for part in several),
        sum(part.count for part in several),
        sum(part.shallow for part in several),
        sum(part.retained for part in several),
    )


def _named(counts: Mapping[str, int]) -> dict[str, int]:
    """By name; of many the most frequent, the others summed up."""
    others = counts.get(_OTHERS, 0)
    ordered = sorted(
        ((name, n) for name, n in counts.items() if name != _OTHERS),
        key=lambda item: (-item[1], item[0]),
    )
    others += sum(n for _, n in ordered[_MOST_NAMED:])
    kept = dict(sorted(ordered[:_MOST_NAMED]))
    return {**kept, _OTHERS: others} if others else kept


def _summed(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in (item for part in parts for item in part.items()):
        found[key] = found.get(key, 0) + value
    return found


def _greatest(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in (item for part in parts for item in part.items()):
        found[key] = max(found.get(key, value), value)
    return found
