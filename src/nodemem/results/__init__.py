"""What was concluded: data with units and roles, free of prose, colour and process."""

from nodemem.results.envelope import Envelope, envelope, to_json
from nodemem.results.finding import Evidence, Finding, Where
from nodemem.results.progress import SILENT, Progress
from nodemem.results.query import AtLeastOne, Cost, NotNegative, Option, Params, Query, Share, about
from nodemem.results.series import Series
from nodemem.results.table import Column, Role, Table, Truncated, Unit

__all__ = [
    "SILENT",
    "AtLeastOne",
    "Column",
    "Cost",
    "Envelope",
    "Evidence",
    "Finding",
    "NotNegative",
    "Option",
    "Params",
    "Progress",
    "Query",
    "Role",
    "Series",
    "Share",
    "Table",
    "Truncated",
    "Unit",
    "Where",
    "about",
    "envelope",
    "to_json",
]
