"""What the command line and NODE_OPTIONS of a Node.js process say."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9229
_OPENING = ("--inspect", "--inspect-brk", "--inspect-wait")
_PORT_ONLY = ("--inspect-port", "--debug-port")
# Options whose value may stand in the next word; all others carry it after an equals sign.
_WITH_VALUE = frozenset(
    {
        "-r",
        "--require",
        "--import",
        "--loader",
        "--experimental-loader",
        "-C",
        "--conditions",
        "--env-file",
        "--env-file-if-exists",
        "--input-type",
        "--icu-data-dir",
        "--openssl-config",
        "--title",
        "--stack-trace-limit",
        "--test-name-pattern",
        "--watch-path",
        "--max-old-space-size-percentage",
        "--inspect-port",
        "--debug-port",
        "--redirect-warnings",
        "--diagnostic-dir",
        "--dns-result-order",
        "--unhandled-rejections",
    }
)
_EVALUATING = ("-e", "--eval", "-p", "--print", "-pe")


class InspectorOptions(msgspec.Struct, frozen=True):
    """Where the inspector is or would be: `port` 0 is "any free one". `opened` says that the
    program was started with it open. Without `certain` the command line, which would decide, is
    gone (see `title`): then this is what else is known."""

    opened: bool = False
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    certain: bool = True


class Option(msgspec.Struct, frozen=True):
    """A word that begins with a dash: its `name` without dashes in front and with dashes for
    underscores in it, its `value` (None if it has none), and `source`, where it stands: `argv` or
    `NODE_OPTIONS`."""

    name: str
    value: str | None
    source: str

    def __str__(self) -> str:
        value = "" if self.value is None else f"={self.value}"
        return f"--{self.name}{value} ({self.source})"


def node_options(text: str) -> list[str]:
    """The words of a NODE_OPTIONS value; a value with unbalanced quotes is cut at white space."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def inspector_options(argv: Sequence[str], options: str = "") -> InspectorOptions:
    """Read the inspector's address from NODE_OPTIONS, then from the command line, which wins."""
    opened, host, port = False, DEFAULT_HOST, DEFAULT_PORT
    words = [*node_options(options), *own_options(argv)]
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in _OPENING:
            opened = True
        elif name in _PORT_ONLY and not equals and index + 1 < len(words):
            value = words[index + 1]
        elif name not in _PORT_ONLY:
            continue
        if value:
            host, port = _address(value, host, port)
    return InspectorOptions(opened, host, port, certain=title(argv) is None)


def given_options(argv: Sequence[str], options: str = "") -> list[Option]:
    """What stands in NODE_OPTIONS and then on the command line, in the order in which later words
    win over earlier ones. V8 takes one dash or two, dashes or underscores, and a value after an
    equals sign only; NODE_OPTIONS wants two."""
    found = []
    for source, words in (("NODE_OPTIONS", node_options(options)), ("argv", own_options(argv))):
        for index, word in enumerate(words):
            written, equals, value = word.partition("=")
            if (
                not written.startswith("-" if source == "argv" else "--")
                or written.strip("-") == ""
            ):
                continue
            name = written.lstrip("-").replace("_", "-")
            if not equals and word in _WITH_VALUE and index + 1 < len(words):
                found.append(Option(name, words[index + 1], source))
            else:
                found.append(Option(name, value if equals else None, source))
    return found


def own_options(argv: Sequence[str]) -> list[str]:
    """The words between the program's name and the script: those that Node.js itself takes."""
    return list(argv[1 : _script_index(argv)])


def script(argv: Sequence[str]) -> str | None:
    """The script as it was written on the command line, `[eval]`, `[stdin]`; the program's title
    where that was written over it; None when there is no command line."""
    if not argv:
        return None
    if (written := title(argv)) is not None:
        return written
    if any(word.partition("=")[0] in _EVALUATING for word in own_options(argv)):
        return "[eval]"
    index = _script_index(argv)
    return argv[index] if index < len(argv) and argv[index] != "-" else "[stdin]"


def title(argv: Sequence[str]) -> str | None:
    """What the program has written over its command line (`process.title`, as `npm start`, Next.js
    and PM2 do), None where that is still there.

    The title takes the place of the first word, and the rest becomes empty. One that fills all of
    it is a single word, as is the command line of `node` alone or with its path.
    """
    if not argv or not argv[0] or any(argv[1:]):
        return None
    alone = "/" in argv[0] or "node" in argv[0].lower()
    return None if len(argv) == 1 and alone else argv[0]


def _script_index(argv: Sequence[str]) -> int:
    index = 1
    while index < len(argv):
        word = argv[index]
        if word == "--":
            return index + 1
        if word in _WITH_VALUE or word in _EVALUATING:
            index += 2
        elif word.startswith("-") and word != "-":
            index += 1
        else:
            break
    return index


def _address(text: str, host: str, port: int) -> tuple[str, int]:
    """`9230`, `host`, `host:9230`, `[::1]:9230`; what is not given stays as it was."""
    if text.isdecimal():
        return host, int(text)
    name, colon, number = text.rpartition(":")
    if colon and number.isdecimal() and (":" not in name or name.startswith("[")):
        return name.strip("[]") or host, int(number)
    return text.strip("[]"), port
