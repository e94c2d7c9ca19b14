"""SQL over snapshots: DuckDB reads the columns where they lie; see docs/commands/heap-sql.md."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodemem.heap.sql.database import Database
    from nodemem.heap.sql.parquet import write_parquet
    from nodemem.heap.sql.views import VIEWS, schema_table

_MODULES = {
    "Database": "database",
    "VIEWS": "views",
    "schema_table": "views",
    "write_parquet": "parquet",
}
__all__ = ["VIEWS", "Database", "schema_table", "write_parquet"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'nodemem.heap.sql' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nodemem.heap.sql.{_MODULES[name]}"), name)
