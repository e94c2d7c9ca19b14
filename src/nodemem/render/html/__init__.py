"""Reports: a model that rooms fill, a handful of charts, one page."""

from nodemem.render.html.gc import gc_report
from nodemem.render.html.leak import leak_report
from nodemem.render.html.memory import map_report, map_section
from nodemem.render.html.model import (
    Bars,
    Block,
    Facts,
    Lines,
    Path,
    Report,
    Said,
    Section,
    Treemap,
)
from nodemem.render.html.report import to_html

__all__ = [
    "Bars",
    "Block",
    "Facts",
    "Lines",
    "Path",
    "Report",
    "Said",
    "Section",
    "Treemap",
    "gc_report",
    "leak_report",
    "map_report",
    "map_section",
    "to_html",
]
