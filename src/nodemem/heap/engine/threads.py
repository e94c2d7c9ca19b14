"""Work side by side: kernels run without the interpreter's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Aside:
    """Work that is done in a thread of its own, from now on."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 (raised again by join)
            self._error = error

    def join(self) -> None:
        """Wait until it is done; raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error


def side_by_side(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Do both, at once; raises what one of them raises, the first rather than the second."""
    aside = Aside(second)
    try:
        first()
    finally:
        aside.join()
