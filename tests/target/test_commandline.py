"""What the command line and NODE_OPTIONS of a program say."""

from __future__ import annotations

import pytest

from nodemem.target.commandline import (
    InspectorOptions,
    given_options,
    inspector_options,
    script,
    title,
)


@pytest.mark.parametrize(
    ("argv", "options", "expected"),
    [
        (["node", "a.js"], "", (False, "127.0.0.1", 9229)),
        (["node", "--inspect", "a.js"], "", (True, "127.0.0.1", 9229)),
        (["node", "--inspect=9300", "a.js"], "", (True, "127.0.0.1", 9300)),
        (["node", "--inspect=0.0.0.0:9300", "a.js"], "", (True, "0.0.0.0", 9300)),
        (["node", "--inspect=[::1]:9300", "a.js"], "", (True, "::1", 9300)),
        (["node", "--inspect-brk=0", "a.js"], "", (True, "127.0.0.1", 0)),
        (["node", "--inspect-port=0", "a.js"], "", (False, "127.0.0.1", 0)),
        (["node", "--inspect-port", "9301", "a.js"], "", (False, "127.0.0.1", 9301)),
        (["node", "a.js", "--inspect=1"], "", (False, "127.0.0.1", 9229)),
        (["node", "a.js"], "--inspect-port=9400", (False, "127.0.0.1", 9400)),
        (["node", "--inspect-port=1", "a.js"], "--inspect-port=2", (False, "127.0.0.1", 1)),
        (["node", "a.js"], '--require "./a b.js" --inspect', (True, "127.0.0.1", 9229)),
        (["node", "a.js"], '--inspect "', (True, "127.0.0.1", 9229)),
    ],
)
def test_the_inspector_port(argv: list[str], options: str, expected: tuple[bool, str, int]) -> None:
    assert inspector_options(argv, options) == InspectorOptions(*expected)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["node", "a.js"], "a.js"),
        (["node", "--max-old-space-size=100", "-r", "./hook.js", "lib/a.js", "b.js"], "lib/a.js"),
        (["node", "--", "-odd.js"], "-odd.js"),
        (["node", "-e", "1"], "[eval]"),
        (["node", "-"], "[stdin]"),
        (["node"], "[stdin]"),
        ([], None),
    ],
)
def test_the_script(argv: list[str], expected: str | None) -> None:
    assert script(argv) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["npm start", "", "", ""], "npm start"),
        (["payment-serv"], "payment-serv"),  # it fills the command line
        (["node"], None),
        (["/opt/runtime/bin/node22"], None),
        (["node", ""], "node"),
        (["node", "", "a"], None),
        ([""], None),
        ([], None),
    ],
)
def test_a_title_in_place_of_the_command_line(argv: list[str], expected: str | None) -> None:
    assert title(argv) == expected
    if expected is not None:
        assert script(argv) == expected
        assert not inspector_options(argv, "--inspect-port=9400").certain


@pytest.mark.parametrize(
    ("argv", "options", "expected"),
    [
        (["node", "a.js", "--max-old-space-size=1"], "", []),
        (["node", "--max_old_space_size=5", "a.js"], "", ["--max-old-space-size=5 (argv)"]),
        (["node", "-max-old-space-size=5", "a.js"], "", ["--max-old-space-size=5 (argv)"]),
        (
            ["node", "--max-old-space-size=6", "a.js"],
            '--max-old-space-size=5  "--max-semi-space-size=4"',
            [
                "--max-old-space-size=5 (NODE_OPTIONS)",
                "--max-semi-space-size=4 (NODE_OPTIONS)",
                "--max-old-space-size=6 (argv)",
            ],
        ),
        (
            ["node", "--max-old-space-size-percentage", "50", "--expose-gc", "a.js"],
            "",
            ["--max-old-space-size-percentage=50 (argv)", "--expose-gc (argv)"],
        ),
        (["node", "--lite-mode", "-"], "-max-old-space-size=5", ["--lite-mode (argv)"]),
        (["npm start", "", ""], "--lite-mode", ["--lite-mode (NODE_OPTIONS)"]),
        ([], "", []),
    ],
)
def test_options_in_the_order_in_which_the_last_wins(
    argv: list[str], options: str, expected: list[str]
) -> None:
    assert [str(one) for one in given_options(argv, options)] == expected
