"""The order of a space's pages: the list that links them, found without knowing where it is.

V8 links the pages of a space in the order in which the space got them. Where in a page's header the
two links are differs between releases, but they are neighbours, next and previous, and agree on all
pages.
"""

from __future__ import annotations

import struct

_FIRST, _LAST = 24, 44  # the words of a header that are looked at; 29 to 33 in all known releases


def of(headers: dict[int, bytes]) -> list[int]:
    """The addresses of headers in the order of their list; `headers` are bytes by address.

    What no list links comes last, by address; all of them where no links are found.
    """
    words = {
        address: struct.unpack_from(f"<{_LAST - _FIRST}Q", data, 8 * _FIRST)
        for address, data in headers.items()
        if len(data) >= 8 * _LAST
    }
    for at in range(_LAST - _FIRST - 1):
        links = {a: w[at] for a, w in words.items() if w[at] in words and w[at] != a}
        # All but the last of a list have a next one; it may have grown while it was read.
        linked = bool(links) and len(links) >= len(words) - 2
        if linked and all(words[b][at + 1] == a for a, b in links.items()):
            return _follow(links, headers)
    return sorted(headers)


def _follow(links: dict[int, int], headers: dict[int, bytes]) -> list[int]:
    order: dict[int, None] = {}
    for first in sorted(set(headers) - set(links.values())):
        at: int | None = first
        while at is not None and at not in order:
            order[at] = None
            at = links.get(at)
    order.update(dict.fromkeys(sorted(headers)))
    return list(order)
