"""Results made readable: terminal text, CSV, Markdown, HTML. Nothing here prints or opens files.

A form is imported when it is asked for: each run of the command line needs one of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodemem.render.csv import to_csv
    from nodemem.render.markdown import to_markdown
    from nodemem.render.spark import sparkline
    from nodemem.render.text import to_text
    from nodemem.render.visible import visible

__all__ = ["sparkline", "to_csv", "to_markdown", "to_text", "visible"]

_MODULES = {
    "sparkline": "spark",
    "to_csv": "csv",
    "to_markdown": "markdown",
    "to_text": "text",
    "visible": "visible",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'nodemem.render' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nodemem.render.{_MODULES[name]}"), name)
