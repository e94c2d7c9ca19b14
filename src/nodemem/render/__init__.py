"""Results made readable: terminal text, CSV, Markdown, HTML. Nothing here prints or opens files."""

from nodemem.render.csv import to_csv
from nodemem.render.markdown import to_markdown
from nodemem.render.spark import sparkline
from nodemem.render.text import to_text
from nodemem.render.visible import visible

__all__ = ["sparkline", "to_csv", "to_markdown", "to_text", "visible"]
