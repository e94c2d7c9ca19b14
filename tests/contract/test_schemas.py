"""The schema files say what the types say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("schemas", ROOT / "tools" / "schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where msgspec looks the annotations up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", list(tool().SCHEMAS))
def test_schema_files_are_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / "schemas" / f"{name}.json").read_bytes()
    assert written == tool().schema(name), "run: python tools/schemas.py"
