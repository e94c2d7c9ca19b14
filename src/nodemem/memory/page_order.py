"""The lists in which V8 keeps the pages of its spaces, found without knowing where the links are.

The pages of a space are linked in the order in which the space got them. Where in a page's header
the two links are differs between releases, but they are neighbours, next and previous, and agree
with each other on all pages of all spaces.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

_FIRST, _LAST = 24, 44  # the words of a header that are looked at; 29 to 33 in all known releases
_FEW = 256  # headers, at most, from which it is told which of them are the links
_WORD = struct.Struct("<Q")

Links = dict[int, int]
"""The address of a header -> that of the next page's header, in the same list."""


def links(headers: dict[int, bytes]) -> Links:
    """The links between headers, which are bytes by address; none where they cannot be told.

    Where both links of a pair of pages were read while the list changed, they may not agree; such
    are left out.
    """
    whole = {address: data for address, data in headers.items() if len(data) >= 8 * _LAST}
    few = list(whole)[:: len(whole) // _FEW + 1]
    place = max(range(_FIRST, _LAST - 1), key=lambda word: len(_linked(few, whole, word)))
    return _linked(whole, whole, place)


def _linked(some: Iterable[int], headers: Mapping[int, bytes], place: int) -> Links:
    """The links of some headers, if they are the word `place` of each and the one after it."""
    found: Links = {}
    for address in some:
        (following,) = _WORD.unpack_from(headers[address], 8 * place)
        other = headers.get(following)
        if other is not None and following != address:
            (back,) = _WORD.unpack_from(other, 8 * place + 8)
            if back == address:
                found[address] = following
    return found


def follow(headers: Iterable[int], next: Links) -> list[int]:
    """Headers in the order of their list, or lists; those that no list has come last."""
    known = set(headers)
    follows = set(next.values())
    starts = sorted(known - follows, key=lambda address: (address not in next, address))
    order: dict[int, None] = {}
    for start in (*starts, *sorted(known)):
        at: int | None = start
        while at in known and at not in order:
            order[at] = None
            at = next.get(at)
    return list(order)
