"""A click group whose verbs are imported only when called, and the options of all verbs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class LazyGroup(click.Group):
    """`verbs` maps each name to its summary and its module, which has a command `command`.

    `process` is the module of the command for a process id in place of a verb.
    """

    def __init__(
        self,
        *args: Any,
        verbs: Mapping[str, tuple[str, str]],
        process: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.verbs = verbs
        self.process = process

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.verbs:
            return None
        return self.load(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.process is not None and args[0].isdecimal():
            command: click.Command = importlib.import_module(self.process).command
            return args[0], command, args
        return super().resolve_command(ctx, args)

    def load(self, name: str) -> click.Command:
        """Import the verb `name`."""
        module = importlib.import_module(self.verbs[name][1])
        command: click.Command = module.command
        command.name = name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # click would import every verb to ask for its summary.
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (summary, _) in self.verbs.items()])


def global_options(command: Command) -> Command:
    """Options that may stand before or after the verb."""
    for option in reversed(_GLOBAL):
        command = option(command)
    return command


def setting(name: str) -> Any:
    """The value of a global option, None when it was not given."""
    return click.get_current_context().meta.get(f"nodemem.{name}")


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None and value is not False:
        ctx.meta[f"nodemem.{param.name}"] = value


def _verbosity(ctx: click.Context, param: click.Parameter, value: int) -> None:
    if value:
        import logging

        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("nodemem").setLevel(logging.DEBUG if value > 1 else logging.INFO)


_GLOBAL = (
    click.option(
        "--lang",
        type=click.Choice(["en", "ko"]),
        expose_value=False,
        callback=_remember,
        help="Language of what is printed  [default: from LANG]",
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        expose_value=False,
        callback=_remember,
        help="Colour in the terminal  [default: auto]",
    ),
    click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_verbosity,
        help="Say on stderr what is being done; twice for more",
    ),
    click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Show tracebacks of errors",
    ),
)
