"""Where the functions of a profile are: in the sources, where source maps lead there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nodemem.heap.naming.locations import file_of_url
from nodemem.heap.naming.scripts import Place, Script, is_builtin, problems
from nodemem.heap.profile.reading import Frame
from nodemem.source.files import SourceRoots


class Function(NamedTuple):
    """`place` is where it is written; None for what V8 does itself, as `(V8 API)`, and for
    functions of a script that had gone when the profile ended: `gone` is V8's number of that."""

    name: str
    place: Place | None
    gone: str | None = None

    @property
    def builtin(self) -> bool:
        """Whether it came with Node.js, or is V8 itself."""
        return self.gone is None and (self.place is None or not self.place.user)


class Functions:
    """The functions behind the frames of one profile; `roots` says where its scripts are here."""

    def __init__(self, frames: Iterable[Frame], roots: SourceRoots) -> None:
        places: dict[str, dict[tuple[int, int], None]] = {}
        for frame in frames:
            if frame.line:
                places.setdefault(frame.url, {})[frame.line, frame.column] = None
        self._scripts = {
            url: Script(file_of_url(url), None, roots, whole=False, functions=found)
            for url, found in places.items()
        }

    def of(self, frame: Frame) -> Function:
        """The function of a frame, in the names and lines of its source."""
        script = self._scripts.get(frame.url)
        if script is None or not frame.line:
            return Function(frame.function, None, None if frame.script == "0" else frame.script)
        name = script.function_name(frame.function, frame.line, frame.column)
        return Function(name, script.original(Place(script.file, frame.line, frame.column)))

    def warnings(self) -> tuple[str, ...]:
        """What kept places of the program from being exact."""
        return problems(one for one in self._scripts.values() if not is_builtin(one.file))
