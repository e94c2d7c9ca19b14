"""What the terminal can show: width, colour, characters. And how text fits into it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import NamedTuple, TextIO

DEFAULT_WIDTH = 160  # off a terminal: enough for names to be found whole by grep
PROSE_WIDTH = 100  # longer lines are hard to read
_MIN_WIDTH = 40
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_STAND_INS = {ord("µ"): "u", ord("–"): "-", ord("→"): "->", ord("±"): "+-", ord("…"): ".."}
# Marks of our own that take one cell: most text has no other characters beyond ASCII.
_NARROW = dict.fromkeys(map(ord, "µ–→±…·●"), " ")


class Terminal(NamedTuple):
    """`width` in character cells; `encoding` is what its text is written in.

    `laid_out` where somebody looks at it: pages are set, not handed on as Markdown.
    """

    width: int = DEFAULT_WIDTH
    color: bool = False
    encoding: str = "utf-8"
    laid_out: bool = False

    @property
    def prose(self) -> int:
        """Cells that a line of running text takes."""
        return min(self.width, PROSE_WIDTH)

    @property
    def unicode(self) -> bool:
        """Whether lines, blocks and arrows can be drawn; else only ASCII is drawn with."""
        return self.encoding.lower().replace("-", "").startswith("utf")

    def encodable(self, text: str) -> str:
        """`text` with whatever the encoding cannot write as escapes."""
        if not self.unicode:
            text = text.translate(_STAND_INS)
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def style(self, text: str, *names: str) -> str:
        """`text` in the styles named (`bold`, `dim`, `red`, ...), plain without colour."""
        if not self.color or not names or not text:
            return text
        return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"

    def code(self, text: str) -> str:
        """`text` with its `quoted` parts coloured instead of quoted, as it is without colour."""
        parts = text.split("`")
        if not self.color or len(parts) % 2 == 0:
            return text
        return "".join(self.style(part, "cyan") if i % 2 else part for i, part in enumerate(parts))


def detect(
    color: str = "auto",
    *,
    width: int | None = None,
    unicode: bool | None = None,
    stream: TextIO | None = None,
) -> Terminal:
    """The terminal behind `stream` (stdout). `color` is `auto`, `always` or `never`.

    `auto` looks at NO_COLOR, FORCE_COLOR, TERM=dumb, then whether there is a terminal at all.
    The width is that of COLUMNS, else of the terminal, else 160.
    """
    stream = sys.stdout if stream is None else stream
    on_terminal = stream.isatty()
    if width is None and (on_terminal or os.environ.get("COLUMNS", "").isdigit()):
        import shutil

        width = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
    encoding = stream.encoding or "ascii"
    if unicode is not None:
        encoding = "utf-8" if unicode else "ascii"
    return Terminal(
        width=max(width or DEFAULT_WIDTH, _MIN_WIDTH),
        color=_wants_color(color, on_terminal),
        encoding=encoding,
        laid_out=on_terminal or color == "always",
    )


def _wants_color(color: str, on_terminal: bool) -> bool:
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return on_terminal and os.environ.get("TERM") != "dumb"


def cells(text: str) -> int:
    """How many character cells `text` takes: Korean characters take two."""
    if text.translate(_NARROW).isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shorten(text: str, width: int, terminal: Terminal, *, keep_end: bool = False) -> str:
    """`text` in at most `width` cells, cut in the middle: both ends of a name tell.

    With `keep_end` it is cut at the beginning: of a file and line the end tells.
    """
    if cells(text) <= width:
        return text
    mark = "…" if terminal.unicode else ".."
    keep = max(width - len(mark), 0)
    tail_room = keep if keep_end else keep // 2
    head, tail = text[: keep - tail_room], text[len(text) - tail_room :]
    while cells(head) + cells(tail) > keep:
        head, tail = (head[:-1], tail) if cells(head) >= cells(tail) else (head, tail[1:])
    return (head + mark + tail) if width >= len(mark) else ""


def wrap(text: str, width: int, terminal: Terminal) -> list[str]:
    """`text` in lines of at most `width` cells, broken at spaces; a longer word is shortened.

    Numbers stay with their unit: units.py writes them with one space, `310 MB`.
    """
    return fill(_words(text), " ", width, terminal)


def fill(items: Iterable[str], between: str, width: int, terminal: Terminal) -> list[str]:
    """`items` in lines of at most `width` cells, none broken; a longer one is shortened."""
    lines: list[str] = []
    for item in items:
        fitted = shorten(item, width, terminal)
        if lines and cells(lines[-1]) + cells(between) + cells(fitted) <= width:
            lines[-1] += between + fitted
        else:
            lines.append(fitted)
    return lines


def _words(text: str) -> list[str]:
    words: list[str] = []
    for word in text.split():
        if words and words[-1][-1].isdigit() and word.rstrip(".,;:)") in _UNITS:
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


_UNITS = {
    "B",
    "kB",
    "MB",
    "GB",
    "TB",
    "PB",
    "KiB",
    "MiB",
    "GiB",
    "TiB",
    "PiB",
    "%",
    "ms",
    "s",
    "µs",
}
