"""A second process that holds the connection while the target sends a lot.

When a client hangs up while Node.js is writing to it, the thread of the inspector may meet a socket
that it has just given up, and the whole program dies of a segmentation fault
(https://github.com/nodejs/node/issues/34833). While a heap snapshot is on its way that happened in
one of six trials of `kill -9`. So somebody must be there who reads to the end.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

_PROGRAM = Path(__file__).with_name("drain.py")


class Keeper:
    """Holds the connection `socket` (a file descriptor), and reads on from the moment when this
    process is gone. `dismiss` ends it; without, it stays until then, or until the target hangs up.

    Where no second process can be started there is none, and nothing else changes.
    """

    def __init__(self, socket: int) -> None:
        self._pipe: io.FileIO | None = None
        if sys.platform != "linux":  # only there can it be seen that the other side has hung up
            return
        theirs, ours = os.pipe()
        self._pipe = io.FileIO(ours, "wb")
        try:
            process = subprocess.Popen(
                # No site packages, no environment: up in some 15 ms, and 9 MB large.
                [sys.executable, "-I", "-S", str(_PROGRAM), str(socket), str(theirs)],
                pass_fds=(socket, theirs),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # or Ctrl-C in a terminal would end it as well
            )
        except (OSError, ValueError):
            return
        finally:
            os.close(theirs)
        threading.Thread(target=process.wait, name="nodemem-keeper", daemon=True).start()

    def dismiss(self) -> None:
        """All has arrived: it may go."""
        if self._pipe is not None:
            with contextlib.suppress(OSError), self._pipe:  # it may be gone, as the target is
                self._pipe.write(b".")
