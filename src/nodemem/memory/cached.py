"""Reading many small things that lie near each other."""

from __future__ import annotations

from nodemem.records import AddressSpace

_UNIT = 4096
_MOST_UNITS = 1 << 13  # 32 MiB


class Cached:
    """An address space of which what was read once is kept, in units of 4 KiB, up to a limit."""

    def __init__(self, space: AddressSpace) -> None:
        self._space = space
        self._units: dict[int, bytes | None] = {}

    def read(self, address: int, length: int) -> bytes | None:
        """`length` bytes from `address`; None unless all of them are in physical memory."""
        at = address % _UNIT
        if at + length > _UNIT:
            return self._space.read(address, length)
        unit = self._unit(address - at)
        return None if unit is None else unit[at : at + length]

    def word(self, address: int) -> int | None:
        """The eight bytes at `address` as a number."""
        data = self.read(address, 8)
        return None if data is None else int.from_bytes(data, "little")

    def _unit(self, address: int) -> bytes | None:
        if address not in self._units:
            if len(self._units) >= _MOST_UNITS:
                self._units.clear()
            self._units[address] = self._space.read(address, _UNIT)
        return self._units[address]
