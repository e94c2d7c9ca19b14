"""A lease on an inspector that we opened: the target closes it by itself when we are gone.

Ctrl-C and errors end in an orderly way; `kill -9` does not. So a timer in the target, which we keep
renewing, closes the inspector half a minute after our last sign of life.
"""

from __future__ import annotations

import contextlib
import threading

from nodemem.errors import TargetError
from nodemem.target import cdp, probe

SECONDS = 30.0
_GROUP = "nodemem-lease"


class Lease:
    """Renewed by a thread of its own until `end` is called or the connection is gone."""

    def __init__(self, connection: cdp.Connection, *, command_line_api: bool) -> None:
        self._connection = connection
        self._ended = threading.Event()
        self._object: str | None = None
        with contextlib.suppress(TargetError):  # without it the visit is as good as before
            answer = connection.call(
                "Runtime.evaluate",
                {
                    "expression": f"{probe.source('lease')}({SECONDS})",
                    "objectGroup": _GROUP,
                    "includeCommandLineAPI": command_line_api,
                    "silent": True,
                },
            )
            self._object = answer.get("result", {}).get("objectId")
        if self._object is not None:
            threading.Thread(target=self._renew, name="nodemem-lease", daemon=True).start()

    def end(self) -> None:
        """Stop the timer in the target and forget it."""
        self._ended.set()
        if self._object is not None:
            self._send("end")
            self._connection.post("Runtime.releaseObjectGroup", {"objectGroup": _GROUP})

    def _renew(self) -> None:
        while not self._ended.wait(SECONDS / 3) and not self._connection.ended:
            self._send("renew")

    def _send(self, method: str) -> None:
        self._connection.post(
            "Runtime.callFunctionOn",
            {
                "objectId": self._object,
                "functionDeclaration": f"function () {{ this.{method}(); }}",
                "silent": True,
                "returnByValue": True,
            },
        )
