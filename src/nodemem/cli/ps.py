"""nodemem ps"""

from __future__ import annotations

import click

from nodemem.cli._frame import Output, verb


@verb("ps", example=["nodemem ps", "nodemem ps --tree", "nodemem ps --json"])
@click.option("--tree", is_flag=True, help="Each followed by the processes that it has started")
def command(out: Output, tree: bool) -> None:
    """List the Node.js processes of this host, without touching them.

    They are told by what is in their executable, so renamed and statically linked ones are found
    too. Of other users' processes only what the system shows is listed.

    INSPECTOR is where the inspector listens, or "closed". SIGUSR1 says what that signal, which
    opens the inspector, would do: "safe" opens it, "blocked" does nothing, "uncaught" would kill
    the process; macOS does not tell ("unknown"), and Windows has no such signal ("absent").
    """
    from nodemem.api.processes import ps

    out.emit(ps(tree=tree), subject={})
