"""The lists in which V8 keeps the pages of its spaces, found without knowing where the links are.

The pages of a space are linked in the order in which the space got them. Where in a page's header
the two links are differs between releases, but they are neighbours, next and previous, and agree
with each other on all pages of all spaces.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

_FIRST, _LAST = 24, 44  # the words of a header that are looked at; 29 to 33 in all known releases

Links = dict[int, int]
"""The address of a header -> that of the next page's header, in the same list."""


def links(headers: dict[int, bytes]) -> Links:
    """The links between headers, which are bytes by address; none where they cannot be told.

    Where both links of a pair of pages were read while the list changed, they may not agree; such
    are left out.
    """
    words = {
        address: struct.unpack_from(f"<{_LAST - _FIRST}Q", data, 8 * _FIRST)
        for address, data in headers.items()
        if len(data) >= 8 * _LAST
    }
    best: Links = {}
    for at in range(_LAST - _FIRST - 1):
        found = {
            address: w[at]
            for address, w in words.items()
            if w[at] in words and w[at] != address and words[w[at]][at + 1] == address
        }
        if len(found) > len(best):
            best = found
    return best


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
