"""Every verb has help with examples and a docs page that knows all its options."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nodemem.cli import cli

ROOT = Path(__file__).parents[2]


def walk(
    command: click.Command, path: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(path, command)] if path else []
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            found += walk(inner, (*path, name))
    return found


COMMANDS = walk(cli)
IDS = [" ".join(path) for path, _ in COMMANDS]


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_help_ends_with_examples(path: tuple[str, ...], command: click.Command) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0, result.output
    assert re.search(r"Examples:\n +nodemem " + path[0], result.output)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} of {' '.join(path)} has no help"


def pages(name: str) -> str:
    """The page of a verb, and those that go on with it: heap.md, heap-object.md."""
    folder = ROOT / "docs" / "commands"
    files = [folder / f"{name}.md", *sorted(folder.glob(f"{name}-*.md"))]
    return "\n".join(file.read_text() for file in files)


@pytest.mark.parametrize("name", list(dict.fromkeys(path[0] for path, _ in COMMANDS)))
def test_the_docs_page_knows_every_option(name: str) -> None:
    page = pages(name)
    common = {"--help", "--lang", "--color", "--verbose", "--debug", "--json", "--format"}
    for path, command in COMMANDS:
        if path[0] != name:
            continue
        if len(path) > 1:
            assert f"nodemem {' '.join(path)}" in page
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not common & set(parameter.opts):
                assert any(option in page for option in parameter.opts), (path, parameter.name)


@pytest.mark.parametrize("name", list(dict.fromkeys(path[0] for path, _ in COMMANDS)))
def test_the_docs_page_invents_no_option(name: str) -> None:
    page = pages(name)
    known = {"--help", "--version"}
    for path, command in COMMANDS:
        if path[0] == name:
            for parameter in command.params:
                known.update(parameter.opts, parameter.secondary_opts)
    for block in re.findall(r"nodemem " + name + r"[^\n`]*", page):
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", block):
            assert option in known, f"{option} in docs/commands/{name}*.md"


def test_unknown_verbs_and_options_are_usage_errors() -> None:
    from nodemem.cli import run

    assert run(["frobnicate"]) == 2
    assert run(["ps", "--frobnicate"]) == 2
