"""The command line: one thin module a verb, loaded only when it is asked for.

This module is the one place where errors are printed and turned into exit codes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from nodemem import __version__
from nodemem.cli._group import LazyGroup, global_options
from nodemem.cli._verbs import PROCESS, VERBS
from nodemem.errors import NodememError, UsageError

COMPLETE = "_NODEMEM_COMPLETE"
ISSUES = "report it with the command you ran and the output of the same command with --debug"


@click.group(
    cls=LazyGroup,
    verbs=VERBS,
    process=PROCESS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="nodemem")
@global_options
def cli() -> None:
    """The memory of Node.js processes, from outside.

    Where the memory is, what grows, who holds it, and on which source line. Nothing is installed
    in the target, and it is left as it was found.

    \b
    Examples:
      nodemem ps                              all Node.js processes here
      nodemem 4242                            its memory and limits at a glance, untouched
      nodemem usage 4242 --watch 1s           process.memoryUsage() from outside
      nodemem snapshot 4242 -o a.heapsnapshot
      nodemem heap suspects a.heapsnapshot    what holds the memory

    \b
    Exit codes: 0 fine, 1 a check failed, 2 usage, 3 target, 4 unreadable input,
    5 insufficient evidence, 6 result not written, 70 a bug of nodemem, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. `arguments` default to those of the process."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error ends here."""
    debug = "--debug" in arguments
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "nodemem", COMPLETE, instruction)
    try:
        with cli.make_context("nodemem", list(arguments)) as context:
            code = cli.invoke(context)
            sys.stdout.flush()
            return code if isinstance(code, int) else 0
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.ClickException as error:
        error.show()
        return UsageError.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output (head, a pager) has seen enough. Python would complain again
        # when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except NodememError as error:
        if debug:
            _print_traceback()
        _print_error(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if debug:
            _print_traceback()
        why = f"{type(error).__name__}: {error}"
        _print_error(NodememError("nodemem failed, and it is our fault", why=why, next=ISSUES))
        return NodememError.exit_code


def _print_error(error: NodememError) -> None:
    click.echo(f"nodemem: {_visible(error.what)}", err=True)
    if error.why:
        click.echo(f"  why:  {_visible(error.why)}", err=True)
    if error.next:
        click.echo(f"  next: {_visible(error.next)}", err=True)


def _visible(text: str) -> str:
    """Text from files and processes may carry terminal escapes; show them instead of obeying."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
