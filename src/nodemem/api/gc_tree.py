"""The collections of a process and of those that it has started, at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from nodemem.api.family import Member, Visit
from nodemem.api.gc import GcReport, Intake
from nodemem.api.node import Node
from nodemem.errors import TargetError, TargetLost
from nodemem.records import GcEvent, GcWatch

_LOOK_EVERY = 0.2


def watch_gc_tree(
    members: Sequence[Member],
    seconds: float | None,
    *,
    enter: Callable[[Member], AbstractContextManager[Node]],
    keep: Callable[[GcEvent | GcWatch], object] = lambda event: None,
    ready: Callable[[], object] = lambda: None,
) -> tuple[GcReport, list[Visit[Node]]]:
    """Watch all `members` at the same time, for `seconds` or until Ctrl-C: one report, each isolate
    by itself, and who could not be watched. `enter` attaches to one; `ready` is called when all
    are attached to. One that ends meanwhile has its figures until then.
    """
    intake = Intake(keep)
    visits: list[Visit[Node]] = []
    with contextlib.ExitStack() as stack:
        # A cluster's primary has its workers open inspectors when its own opens: they come first.
        for member in reversed(members):
            try:
                node = stack.enter_context(enter(member))
                if member is not members[0]:  # processes of one program mostly have the same port
                    node.step_aside()
                visits.append(Visit(member, answer=node))
            except TargetError as error:
                visits.append(Visit(member, refusal=error))
        visits.reverse()
        ready()
        watching = _Together(intake)
        nodes = [visit.answer for visit in visits if visit.answer is not None]
        watching.run(nodes, seconds)
    if watching.lost:
        intake.report.notes["gc.note.ended"] = watching.lost
    versions = {node.version for node in nodes}
    return intake.concluded(versions.pop() if len(versions) == 1 else None), visits


class _Together:
    """A thread for each process; what they see comes together in one report."""

    def __init__(self, intake: Intake) -> None:
        self.lost = 0
        self._intake = intake
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._errors: list[TargetError] = []

    def run(self, nodes: Sequence[Node], seconds: float | None) -> None:
        threads = [threading.Thread(target=self._watch, args=(node, seconds)) for node in nodes]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():  # Ctrl-C comes between two waits
                    thread.join(_LOOK_EVERY)
        except KeyboardInterrupt:
            pass  # the ordinary way to end watching
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        if self._errors and len(self._errors) == len(nodes):
            raise self._errors[0]

    def _watch(self, node: Node, seconds: float | None) -> None:
        try:
            for some in node.watch_gc(seconds, stop=self._stop):
                with self._lock:
                    self._intake.add(some)
        except TargetLost:
            with self._lock:
                self.lost += 1
        except TargetError as error:
            self._errors.append(error)
