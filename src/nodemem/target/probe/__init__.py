"""The small programs that run inside the target: each a function that never throws and leaves
nothing behind."""

from __future__ import annotations

import functools
import importlib.resources


@functools.cache
def source(name: str) -> str:
    """The text of one probe, a function expression."""
    return importlib.resources.files(__name__).joinpath(f"{name}.js").read_text("utf-8").strip()
