"""Work side by side: kernels run without the interpreter's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Aside:
    """Work that is done in a thread of its own, from now on."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._error: BaseException | None = None
        # What the work holds on to is not ours to keep, so it is the thread's alone.
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (raised again by join)
            self._error = error

    def join(self) -> None:
        """Wait until it is done; raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
