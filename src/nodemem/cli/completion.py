"""nodemem completion: the script that teaches a shell our verbs and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(
    help="""Print the completion script of a shell.

\b
Examples:
  nodemem completion bash >> ~/.bashrc
  nodemem completion zsh  >> ~/.zshrc
  nodemem completion fish > ~/.config/fish/completions/nodemem.fish"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    from nodemem.cli import COMPLETE, cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "nodemem", COMPLETE).source())
