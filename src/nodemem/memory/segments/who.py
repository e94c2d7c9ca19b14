"""Which process a memory map is of, so that two maps can be told to be of one process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Who:
    """A process at one moment; None is unknown. `boot` is the id of the machine's run, `started`
    when in it the process was started, in the kernel's ticks: with `pid` they are one process's and
    no other's. `age` is for how long it had run, in seconds."""

    pid: int | None = None
    version: str | None = None
    script: str | None = None
    boot: str | None = None
    started: int | None = None
    age: float | None = None

    def to_data(self) -> dict[str, Any]:
        """The JSON form, `subject` of a map."""
        return asdict(self)

    @property
    def identity(self) -> tuple[str, int, int] | None:
        """What no other process has; None if that is unknown."""
        if self.boot is None or self.started is None or self.pid is None:
            return None
        return self.boot, self.started, self.pid


def from_data(subject: Mapping[str, Any]) -> Who:
    """From a saved one; what is missing or of another type is unknown."""
    types: dict[str, type | tuple[type, ...]] = {
        "pid": int, "version": str, "script": str, "boot": str, "started": int,
        "age": (int, float),
    }  # fmt: skip
    known = {name: subject[name] for name in types if isinstance(subject.get(name), types[name])}
    return Who(**known)
