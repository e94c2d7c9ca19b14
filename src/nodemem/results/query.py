"""A question asked of heap snapshots, declared once and shown in every face.

A room lists its queries as literal `Query` entries; the module behind one is imported only when
it is asked. Such a module holds

    class Params(results.Params): ...        the options, each with a default and `about(...)`
    def run(snapshots, params, progress) -> Table
"""

from __future__ import annotations

import importlib
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from nodemem.errors import UsageError
from nodemem.results.progress import SILENT, Progress
from nodemem.results.table import Table

Cost = Literal["header", "columns", "graph", "dominators"]
"""How much of a snapshot must be worked out first, cheapest first."""

about = msgspec.Meta  # Annotated[int, about(description="rows to show")]


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the options of a query."""


class Option(msgspec.Struct, frozen=True):
    """One field of a `Params` struct as a face sees it. `choices` is set for literals; `multiple`
    for tuples, whose items are of `type`: the option may be given several times."""

    name: str
    type: Any
    default: Any
    description: str
    choices: tuple[str, ...] | None
    optional: bool
    multiple: bool = False


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

    def run(
        self, snapshots: Sequence[Any], options: dict[str, Any], progress: Progress = SILENT
    ) -> Table:
        """Ask. Raises UsageError for an unknown option or a value of the wrong type."""
        try:
            params = msgspec.convert(options, self._module.Params, strict=False)
        except msgspec.ValidationError as error:
            raise UsageError(f"heap {self.name}: {error}") from error
        if unknown := set(options) - {option.name for option in self.options()}:
            raise UsageError(f"heap {self.name} has no option {', '.join(sorted(unknown))}")
        answer: Callable[..., Table] = self._module.run
        return answer(snapshots, params, progress)

    @property
    def _module(self) -> Any:
        return importlib.import_module(self.module)


def _option(field: msgspec.structs.FieldInfo) -> Option:
    declared, description = field.type, ""
    if typing.get_origin(declared) is typing.Annotated:
        declared, *notes = typing.get_args(declared)
        description = next((n.description for n in notes if isinstance(n, msgspec.Meta)), "") or ""
    optional = False
    if typing.get_origin(declared) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(declared) if member is not type(None)]
        optional, declared = True, members[0]
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
        description=description,
        choices=choices,
        optional=optional,
        multiple=multiple,
    )
