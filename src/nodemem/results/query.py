"""A question asked of heap snapshots, declared once and shown in every face.

A room lists its queries as literal `Query` entries; the module behind one is imported only when
it is asked. Such a module holds

    class Params(results.Params): ...        the options, each with a default and `about(...)`
    def run(snapshots, params, progress) -> Table
"""

from __future__ import annotations

import importlib
import sys
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal

import msgspec

from nodemem.errors import UsageError
from nodemem.results.progress import SILENT, Progress
from nodemem.results.table import Table

Cost = Literal["header", "columns", "graph", "dominators"]
"""How much of a snapshot must be worked out first, cheapest first: nothing; its records; sizes with
helpers, distances, references backwards; retained sizes. Where an index is kept, all is worked out
with the first question that takes more than the records."""

_LARGEST = sys.maxsize

about = msgspec.Meta  # Annotated[int, about(description="rows to show", ge=1)]

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
"""Options with bounds: rows, levels or bytes, parts of a whole."""


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the options of a query."""


class Option(msgspec.Struct, frozen=True):
    """One field of a `Params` struct as a face sees it. `choices` is set for literals; `multiple`
    for tuples, whose items are of `type`: the option may be given several times. `least` and `most`
    are the bounds of a number, None where there is none."""

    name: str
    type: Any
    default: Any
    description: str
    choices: tuple[str, ...] | None
    optional: bool
    multiple: bool = False
    least: float | None = None
    most: float | None = None


class Query(msgspec.Struct, frozen=True):
    """`files` is how many snapshots it takes: (1, 1) for most, (2, 2) where it compares. `example`
    are options that show it at work, where it needs some."""

    name: str
    summary: str
    cost: Cost
    module: str
    files: tuple[int, int] = (1, 1)
    example: str = ""

    def options(self) -> list[Option]:
        """The options of this query, in the order of their declaration."""
        return [_option(field) for field in msgspec.structs.fields(self._module.Params)]

    def check_count(self, count: int) -> None:
        """Raises UsageError when it does not take so many snapshots."""
        least, most = self.files
        if not least <= count <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            several = "snapshots" if most > 1 else "snapshot"
            raise UsageError(f"heap {self.name} takes {wanted} {several}, not {count}")

    def run(
        self, snapshots: Sequence[Any], options: dict[str, Any], progress: Progress = SILENT
    ) -> Table:
        """Ask. Raises UsageError for an unknown option, or a value of the wrong type or out
        of bounds."""
        try:
            params = msgspec.convert(options, self._module.Params, strict=False)
        except msgspec.ValidationError as error:
            raise UsageError(f"heap {self.name}: {_told(error)}") from error
        if unknown := set(options) - {option.name for option in self.options()}:
            raise UsageError(f"heap {self.name} has no option {', '.join(sorted(unknown))}")
        for name, value in msgspec.structs.asdict(params).items():
            if isinstance(value, int) and abs(value) > _LARGEST:
                raise UsageError(f"heap {self.name}: --{name} is beyond any number of rows")
        answer: Callable[..., Table] = self._module.run
        return answer(snapshots, params, progress)

    @property
    def _module(self) -> Any:
        return importlib.import_module(self.module)


def _option(field: msgspec.structs.FieldInfo) -> Option:
    declared, notes = _bare(field.type)
    optional = False
    if typing.get_origin(declared) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(declared) if member is not type(None)]
        declared, more = _bare(members[0])
        optional, notes = True, notes + more
    multiple = typing.get_origin(declared) is tuple
    if multiple:
        declared = typing.get_args(declared)[0]
    choices = None
    if typing.get_origin(declared) is Literal:
        choices, declared = typing.get_args(declared), str
    return Option(
        name=field.name,
        type=declared,
        default=None if multiple or field.default is msgspec.NODEFAULT else field.default,
        description=_first(note.description for note in notes) or "",
        choices=choices,
        optional=optional,
        multiple=multiple,
        least=_first(note.ge for note in notes),
        most=_first(note.le for note in notes),
    )


def _bare(declared: Any) -> tuple[Any, list[msgspec.Meta]]:
    """A type without its notes, and these."""
    if typing.get_origin(declared) is not Annotated:
        return declared, []
    bare, *notes = typing.get_args(declared)
    return bare, [note for note in notes if isinstance(note, msgspec.Meta)]


def _first(values: Iterable[Any]) -> Any:
    """The first that is not None; None without."""
    return next((value for value in values if value is not None), None)


def _told(error: msgspec.ValidationError) -> str:
    """What msgspec says, with the option in place of its path."""
    what, _, path = str(error).partition(" - at `$.")
    name = path.rstrip("`").partition("[")[0].rstrip("_").replace("_", "-")
    return f"--{name}: {what}" if name else what
