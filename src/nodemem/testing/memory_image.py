"""Memory as bytes at addresses: a program's memory that was copied, or one that was made up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping as Parts
from collections.abc import Sequence

from nodemem.records import AddressSpace, Mapping


class MemoryImage:
    """An `AddressSpace` over `parts`, bytes by their address. All of it is present, and it may be
    changed: `parts` are bytearrays."""

    def __init__(self, parts: Parts[int, bytes], mappings: Sequence[Mapping] | None = None) -> None:
        self.parts = {start: bytearray(data) for start, data in sorted(parts.items())}
        self._starts = list(self.parts)
        self._mappings = (
            [Mapping(start, start + len(data), "rw-p") for start, data in self.parts.items()]
            if mappings is None
            else list(mappings)
        )

    @classmethod
    def copy_of(cls, space: AddressSpace) -> MemoryImage:
        """What is present now of the anonymous memory of `space`, as far as it is at most 64 MiB a
        mapping; holes are zeros."""
        mappings = list(space.mappings())
        parts = {}
        for one in mappings:
            small = one.end - one.start <= 64 << 20
            if small and one.access[0] == "r" and (not one.file or one.file == "[heap]"):
                data = space.read_sparse(one.start, one.end - one.start)
                if data is not None:
                    parts[one.start] = data
        return cls(parts, mappings)

    def mappings(self) -> Sequence[Mapping]:
        return self._mappings

    def read(self, address: int, length: int) -> bytes | None:
        place = bisect_right(self._starts, address) - 1
        if place < 0 or length <= 0:
            return None
        start = self._starts[place]
        data = self.parts[start]
        if address + length > start + len(data):
            return None
        return bytes(data[address - start : address - start + length])

    def read_sparse(self, address: int, length: int) -> bytes | None:
        return self.read(address, length)

    def resident(self, address: int, length: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for start, data in self.parts.items():
            low, high = max(address, start), min(address + length, start + len(data))
            if low < high:
                if found and sum(found[-1]) == low:
                    low, _ = found.pop()
                found.append((low, high - low))
        return found
