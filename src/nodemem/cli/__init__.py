"""The command line: one thin module a verb, loaded only when it is asked for.

This module is the one place where errors are printed and turned into exit codes.
"""

from __future__ import annotations

import errno
import gc as garbage  # `gc` is a verb: a module of this package takes that name here
import io
import os
import sys
from collections.abc import Sequence

import click

from nodemem import __version__
from nodemem.cli._group import LazyGroup, global_options
from nodemem.cli._verbs import PROCESS, VERBS
from nodemem.errors import NodememError, OutputError, UsageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_GC_THRESHOLD = 50_000, 20, 20
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
    # Modules and commands are there to stay: looking through them for garbage again and again, and
    # once more at the end, takes a tenth of a short command's time.
    garbage.set_threshold(*_GC_THRESHOLD)
    code = run(sys.argv[1:] if arguments is None else arguments)
    garbage.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error ends here."""
    debug = "--debug" in arguments
    _prepare_streams()
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
        # The reader of our output (head, a pager) has seen enough.
        _abandon_stdout()
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if debug:
            _print_traceback()
        ours = _as_ours(error)
        _print_error(ours)
        return ours.exit_code


def _prepare_streams() -> None:
    """Let nothing that we print fail for want of a stream, or of a character in its encoding."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller, `>&-`
            setattr(sys, name, open(os.devnull, "w"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _as_ours(error: Exception) -> NodememError:
    if isinstance(error, NodememError):
        return error
    if isinstance(error, OSError) and error.errno in _FULL:
        # Files report this themselves (see paths.py), so it is what we print to.
        _abandon_stdout()
        return OutputError(
            "cannot write the result to stdout",
            why=error.strerror,
            next="check the free space where it goes (df -h), or write a file elsewhere with -o",
        )
    why = f"{type(error).__name__}: {error}"
    return NodememError("nodemem failed, and it is our fault", why=why, next=ISSUES)


def _abandon_stdout() -> None:
    """Python would complain again when it flushes stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(error: NodememError) -> None:
    # What a file or a process says may not act on the terminal, nor pose as a line of ours.
    from nodemem.render.visible import visible

    click.echo(f"nodemem: {visible(error.what)}", err=True)
    if error.why:
        click.echo(f"  why:  {visible(error.why)}", err=True)
    if error.next:
        click.echo(f"  next: {visible(error.next)}", err=True)


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
