"""What the verbs that visit a live process share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nodemem.cli._frame import Output

if TYPE_CHECKING:
    from nodemem.api.node import Node


@contextlib.contextmanager
def attached(out: Output, target: str) -> Iterator[Node]:
    """Attach; afterwards say on stderr what could not be left as it was found."""
    from nodemem.api.node import attach

    node = attach(target)
    try:
        with node:
            yield node
    finally:
        for warning in node.warnings:
            out.note(out.texts(warning, name=node.name))


def subject_of(node: Node) -> dict[str, Any]:
    """Who was looked at, for the JSON envelope."""
    facts = node.facts()
    return {"pid": facts.pid, "version": facts.version, "script": facts.script}
