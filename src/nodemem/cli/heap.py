"""nodemem heap QUERY FILE...: one sub-command for each query that the heap room declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._group import LazyGroup
from nodemem.cli._snapshots import left_of, opened, source_root
from nodemem.errors import InputError
from nodemem.heap.queries import QUERIES, find_query
from nodemem.results import Option, Query

_RANGES: dict[type, Any] = {int: click.IntRange, float: click.FloatRange}


VERBS = {
    "partial": (
        "what is left of a snapshot that is cut short or does not add up",
        "nodemem.cli.heap_verbs.partial",
    ),
    "profile": (
        "which functions allocated what is alive, from a sampling profile",
        "nodemem.cli.heap_verbs.profile",
    ),
    "sql": ("any question, in SQL", "nodemem.cli.heap_verbs.sql"),
    "digest": (
        "a small summary to keep, of one snapshot or of many",
        "nodemem.cli.heap_verbs.digest",
    ),
    "redact": (
        "a copy to give away: without texts, with the same numbers",
        "nodemem.cli.heap_verbs.redact",
    ),
}
"""What is done with snapshots and is no query: (summary, module)."""


class QueryGroup(LazyGroup):
    """Makes a command of a declared query: its options from the query's parameters."""

    def load(self, name: str) -> click.Command:
        if name in VERBS:
            return super().load(name)
        return _command(find_query(name))


def _command(query: Query) -> click.Command:
    def ask(
        out: Output,
        files: tuple[Path, ...],
        source_roots: tuple[str, ...],
        partial: bool = False,
        **options: Any,
    ) -> None:
        query.check_count(len(files))
        if "top" in options and options["top"] is None:
            options["top"] = out.config.top
        given = {key: value for key, value in options.items() if value not in (None, ())}
        try:
            with opened(out, files, source_roots) as snapshots:
                table = query.run(snapshots, given, out.progress)
        except InputError:
            if not partial:
                raise
            table = left_of(out, files[0])
        subject = {"files": [str(path) for path in files], "query": query.name, "options": given}
        out.emit(table, subject=subject)

    ask.__doc__ = f"{query.summary[0].upper()}{query.summary[1:]}."
    sample = " ".join(_SAMPLE[: query.files[0]])
    example = f"nodemem heap {query.name} {sample} {query.example}".rstrip()
    examples = [example, f"{example} --json"]
    ask = source_root(ask)
    if query.files == (1, 1):
        ask = _partial(ask)
    for option in reversed(query.options()):
        ask = _click_option(option)(ask)
    argument = click.argument(
        "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
    )
    return verb(f"heap-{query.name}", example=examples)(argument(ask))


_partial = click.option(
    "--partial", is_flag=True, help="Of a file that is cut short, show what is left of it"
)
_SAMPLE = ("a.heapsnapshot", "b.heapsnapshot", "c.heapsnapshot")


def _click_option(option: Option) -> Any:
    # A field whose name Python keeps for itself ends with an underscore.
    flag = f"--{option.name.rstrip('_').replace('_', '-')}"
    if option.type is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", default=None, help=option.description)
    shown = "" if option.default is None else f"  [default: {option.default}]"
    text = option.description + shown
    return click.option(flag, option.name, type=_kind(option), multiple=option.multiple, help=text)


def _kind(option: Option) -> Any:
    if option.choices:
        return click.Choice(option.choices)
    if option.least is None and option.most is None:
        return option.type
    return _RANGES[option.type](option.least, option.most)


command = QueryGroup(
    "heap",
    verbs={query.name: (query.summary, query.module) for query in QUERIES} | VERBS,
    help="""Ask what a heap snapshot holds, and who holds it.

FILE is a .heapsnapshot of any Node.js or Chrome, plain or compressed (.gz, .zst).

\b
Examples:
  nodemem heap summary a.heapsnapshot
  nodemem heap suspects a.heapsnapshot
  nodemem heap path a.heapsnapshot --id 12345
  nodemem heap diff before.heapsnapshot after.heapsnapshot""",
)
