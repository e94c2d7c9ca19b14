"""Pages that explain a concept, with the numbers of a process woven in.

A page is Markdown, `texts/explain/<topic>.<lang>.md`, with Jinja's placeholders and conditions.
`own` is true where a process's numbers are given; the values are those of `VALUES`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from nodemem import units
from nodemem.errors import UsageError
from nodemem.render.markdown import code
from nodemem.render.terminal import detect
from nodemem.render.texts import Texts
from nodemem.render.visible import visible

if TYPE_CHECKING:
    from jinja2 import Environment

SNAPSHOT_TOPICS = (
    "object-graph",
    "shallow-size",
    "dominators",
    "distance",
    "closures",
    "strings",
)
"""Those whose own numbers are of a heap snapshot, not of a process."""
GC_TOPICS = ("garbage-collection", "minor-gc", "major-gc")
"""Those for which a process is watched for some seconds."""
MAP_TOPICS = ("code-segment", "data-segment", "heap-segment", "stack-segment", "rss")
"""Those whose own numbers are of the memory map of a process, which is not touched."""
TOPICS = (
    "memory-structure",
    *MAP_TOPICS,
    "usage",
    "snapshot",
    "retained-size",
    "leaks",
    "attach",
    "inspect",
    *GC_TOPICS,
    "heap-limit",
    "flags",
    *SNAPSHOT_TOPICS,
)
VALUES = (
    "parts",
    "segment_size",
    "pss",
    "uss",
    "isolates",
    "malloc_free",
    "swap",
    "reserved",
    "gc_seconds",
    "gc_minor",
    "gc_major",
    "gc_share",
    "gc_longest",
    "gc_rate",
    "gc_promotion",
    "gc_minor_p50",
    "gc_minor_longest",
    "gc_major_longest",
    "gc_new_capacity",
    "gc_survival",
    "gc_live",
    "old_limit",
    "semi_limit",
    "semi_least",
    "young_limit",
    "told_memory",
    "options",
    "recommended",
    "ends",
    "pid",
    "version",
    "script",
    "rss",
    "heap_total",
    "heap_used",
    "external",
    "array_buffers",
    "heap_limit",
    "container_limit",
    "workers",
    "rest",
    "pause_low",
    "pause_high",
    "extra_low",
    "extra_high",
    "code",
    "data",
    "v8",
    "c_heap",
    "stacks",
    "shared",
    "other",
    "threads",
    "page_tables",
    "user",
    "readable",
    "inspector",
    "address",
    "port",
    "taken",
    "owner",
    "sigusr1",
    "clients",
    "left",
    "file",
    "nodes",
    "edges",
    "total",
    "largest",
    "largest_retained",
    "largest_share",
    "string_bytes",
    "string_count",
    "array_bytes",
    "code_bytes",
    "native_bytes",
    "farthest",
    "unreached",
    "variables",
    "unused",
    "unused_bytes",
    "wasted_certain",
    "wasted_possible",
)
_THEME = {
    "markdown.h2": "bold",
    "markdown.code": "cyan",
    "markdown.table.header": "bold",
    "markdown.table.border": "dim",
}


@dataclass(frozen=True)
class Page:
    """`body` is Markdown and begins with the title as its heading."""

    topic: str
    title: str
    body: str


def explain(topic: str, texts: Texts, values: Mapping[str, Any] | None = None) -> Page:
    """The page on `topic`, with a process's own `values` (keys of `VALUES`, bytes and seconds).

    Raises:
        UsageError: there is no such topic.
    """
    if topic not in TOPICS:
        raise UsageError(f"there is no topic '{topic}'", next=f"choose one of {', '.join(TOPICS)}")
    template = _environment(texts).from_string(_source(topic, texts.lang))
    body = template.render(dict.fromkeys(VALUES) | dict(values or {}), own=values is not None)
    title = body.split("\n", 1)[0].removeprefix("# ")
    return Page(topic, title, body)


def page_to_text(page: Page, *, color: str = "auto", width: int | None = None) -> str:
    """The page laid out for a terminal where there is one, else its Markdown."""
    terminal = detect(color, width=width)
    if not terminal.laid_out:
        return page.body
    import io

    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    console = Console(
        file=io.StringIO(),
        width=terminal.prose,
        force_terminal=terminal.color,
        no_color=not terminal.color,
        color_system="standard" if terminal.color else None,
        legacy_windows=False,
        theme=Theme(_THEME),
    )
    prose = page.body.removeprefix(f"# {page.title}\n")
    with console.capture() as capture:
        console.print(Markdown(prose, hyperlinks=False, code_theme="ansi_dark"))
    lines = (line.rstrip() for line in capture.get().splitlines())
    title = terminal.style(page.title, "bold")
    return terminal.encodable("\n".join([title, "", *lines]) + "\n")


@functools.cache
def _environment(texts: Texts) -> Environment:
    from jinja2 import Environment, StrictUndefined

    def known(write: Any) -> Any:
        return lambda value: texts("unknown") if value is None else write(value)

    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML; `code` makes text from outside harmless
        finalize=lambda value: texts("unknown") if value is None else value,
    )
    environment.filters |= {
        "bytes": known(units.format_bytes),
        "binary": known(lambda n: units.format_bytes(n, binary=True)),
        "count": known(units.format_count),
        "share": known(units.format_share),
        "duration": known(units.format_duration),
        "code": known(lambda text: code(visible(str(text)))),
    }
    return environment


@functools.cache
def _source(topic: str, lang: str) -> str:
    folder = resources.files("nodemem.render.texts").joinpath("explain")
    return folder.joinpath(f"{topic}.{lang}.md").read_text(encoding="utf-8")
