"""What all verbs share: where results go and in which form.

A verb is declared as

    @verb("ps", example="nodemem ps --json")
    @click.argument(...)
    def command(out: Output, ...) -> int | None: ...

and hands its result to `out.emit`. stdout is the result only; the rest goes to stderr.
"""

from __future__ import annotations

import functools
import inspect
import io
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._group import global_options, setting
from nodemem.errors import UsageError

if TYPE_CHECKING:
    from nodemem.cli._progress import StderrProgress
    from nodemem.config import Config
    from nodemem.render.texts import Texts
    from nodemem.results import Table

FORMATS = ("text", "json", "csv", "md", "parquet")


class Output:
    """The form and the destination of a verb's result, as the user asked for them."""

    def __init__(self, command: str, format: str, path: Path | None, *, force: bool) -> None:
        self.command = command
        self.format = format
        self.path = path
        self.force = force
        if self.json and isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # JSON is, whatever the locale
        if path is None and format == "parquet":
            raise UsageError("Parquet goes into a file", next="add -o FILE.parquet")
        if path is not None:
            from nodemem import paths

            paths.refuse_existing(path, force=force)

    @property
    def json(self) -> bool:
        return self.format == "json"

    @functools.cached_property
    def config(self) -> Config:
        from nodemem.config import load_config

        return load_config()

    @functools.cached_property
    def texts(self) -> Texts:
        from nodemem.render.texts import load_texts

        return load_texts(setting("lang") or self.config.lang)

    @functools.cached_property
    def progress(self) -> StderrProgress:
        from nodemem.cli._progress import StderrProgress

        return StderrProgress()

    def emit(self, table: Table, *, subject: dict[str, Any], data: Any = None) -> None:
        """Print `table`, or write it to `-o FILE`. `data` replaces the table in JSON."""
        if self.format == "json":
            self.write(self.envelope(table.to_data() if data is None else data, subject, table))
        elif self.format == "csv":
            from nodemem.render import to_csv

            self.write(to_csv(table))
        elif self.format == "md":
            from nodemem.render import to_markdown

            self.write(to_markdown(table, self.texts))
        elif self.format == "parquet" and self.path is not None:
            self._write_parquet(table, self.path)
        else:
            self.write(self.text(table))

    def text(self, result: Any) -> str:
        """`result` (Table, Finding, Series) as it looks in the user's terminal, or in a file."""
        from nodemem.render import to_text

        return to_text(result, self.texts, color=self.color)

    def line(self, text: str) -> None:
        """One line of a running display on stdout, at once."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def envelope(
        self,
        data: Any,
        subject: dict[str, Any],
        table: Table | None = None,
        warnings: tuple[str, ...] = (),
    ) -> str:
        """The JSON line for `data`; truncation and further warnings are those of `table`."""
        from nodemem.results import envelope, to_json

        framed = envelope(
            self.command,
            subject=subject,
            data=data,
            warnings=warnings + (() if table is None else table.warnings),
            truncated=None if table is None else table.truncated,
        )
        return to_json(framed).decode() + "\n"

    def note(self, text: str) -> None:
        """A remark on stderr, beside the result; what it names may hold terminal escapes."""
        from nodemem.render.visible import visible

        click.echo("\n".join(map(visible, text.split("\n"))), err=True)

    @property
    def color(self) -> str:
        """`auto`, `always` or `never`, as the user wants it; files stay plain unless asked."""
        chosen = str(setting("color") or self.config.color)
        return "never" if self.path is not None and chosen == "auto" else chosen

    def write(self, text: str) -> None:
        """Put `text`, the whole result, where the user wants it.

        Raises:
            UsageError: it should be Parquet, which only tables can be.
        """
        if self.format == "parquet":
            raise UsageError(f"{self.command} does not answer with a table", next="add --json")
        text = text if text.endswith("\n") else text + "\n"
        if self.path is None:
            sys.stdout.write(text)
            return
        from nodemem import paths

        with paths.whole_file(self.path, force=self.force) as file:
            file.write(text.encode())
        self.note(f"wrote {self.path}")

    def _write_parquet(self, table: Table, path: Path) -> None:
        from nodemem import paths
        from nodemem.heap.sql import write_parquet

        with paths.whole_file(path, force=self.force):
            write_parquet(table, paths.partial_of(path))
        self.note(f"wrote {path}")


def verb(
    name: str, *, example: str | Iterable[str], output: bool = True
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function `(out: Output, ...)`; its docstring is the help.

    `output=False` for verbs that use `-o` for something other than their printed result.
    """

    examples = [example] if isinstance(example, str) else list(example)

    def decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            path = options.pop("output_path") if output else None
            chosen = options.pop("format_name")
            if options.pop("as_json"):
                chosen = "json"
            force = options.pop("force") if output else False
            out = Output(name, chosen or _format_of(path), path, force=force)
            return function(out, *args, **options)

        wrapped: Any = global_options(call)
        for option in reversed(_OUTPUT if output else _FORMAT):
            wrapped = option(wrapped)
        usage = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples)
        text = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{usage}"
        command: click.Command = click.command(name, help=text)(wrapped)
        return command

    return decorate


def _format_of(path: Path | None) -> str:
    suffix = path.suffix.lstrip(".") if path else ""
    return suffix if suffix in FORMATS else "text"


_FORMAT = (
    click.option("--json", "as_json", is_flag=True, help="Same as --format json"),
    click.option(
        "--format",
        "format_name",
        type=click.Choice(FORMATS),
        help="Form of the result  [default: text]",
    ),
)
_OUTPUT = (
    *_FORMAT,
    click.option(
        "-o",
        "--output",
        "output_path",
        type=click.Path(path_type=Path),
        help="Write the result to this file",
    ),
    click.option("--force", is_flag=True, help="Replace an existing file"),
)
