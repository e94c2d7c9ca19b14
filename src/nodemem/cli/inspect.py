"""nodemem inspect TARGET"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._live import attached, subject_of

if TYPE_CHECKING:
    from nodemem.api.node import Node

# What Node.js itself names in /json/list (devtoolsFrontendUrl).
_DEVTOOLS = "devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws="


@verb("inspect", output=False, example=["nodemem inspect 4242", "nodemem inspect 4242 --json"])
@click.argument("target", metavar="PID|HOST:PORT|URL")
def command(out: Output, target: str) -> None:
    """Open the inspector of a running Node.js process for Chrome DevTools or VS Code, and close it
    again on Ctrl-C.

    It is opened only where that is safe. An inspector that was open before stays open. With --json
    one envelope is printed before it is held.
    """
    with contextlib.suppress(KeyboardInterrupt), attached(out, target) as node:
        data = _data(node)
        out.note(out.texts("inspect.hold" if node.opened_inspector else "inspect.hold_open"))
        out.line(
            _told(out, node, data) if out.format == "text" else _framed(out, node, data).rstrip()
        )
        node.hold()


def _data(node: Node) -> dict[str, Any]:
    socket = node.inspector_url
    host, _, port = socket.removeprefix("ws://").partition("/")[0].rpartition(":")
    return {
        "address": f"{host}:{port}",
        "devtools": _DEVTOOLS + socket.removeprefix("ws://"),
        "websocket": socket,
        "vscode": {
            "name": f"Attach to {node.name}",
            "type": "node",
            "request": "attach",
            "address": host.strip("[]"),
            "port": int(port),
        },
        "opened": node.opened_inspector,
    }


def _told(out: Output, node: Node, data: dict[str, Any]) -> str:
    texts, address = out.texts, data["address"]
    entry = json.dumps(data["vscode"], indent=2, ensure_ascii=False)
    return "\n\n".join(
        (
            texts("inspect.title", name=node.name, version=node.version, address=address),
            f"{texts('inspect.devtools')}\n  {data['devtools']}\n"
            + texts("inspect.chrome_inspect", address=address),
            f"{texts('inspect.vscode')}\n" + "\n".join(f"  {line}" for line in entry.splitlines()),
            f"{texts('inspect.websocket')}\n  {data['websocket']}\n",
        )
    )


def _framed(out: Output, node: Node, data: dict[str, Any]) -> str:
    """The same for programs, in the form that was asked for."""
    if out.json:
        return out.envelope(data, subject_of(node))
    from nodemem.render import to_csv, to_markdown
    from nodemem.results import Column, Table

    table = Table(
        columns=(Column("name", role="name"), Column("content")),
        records=[(key, data[key]) for key in ("address", "devtools", "websocket")],
    )
    return to_csv(table) if out.format == "csv" else to_markdown(table, out.texts)
