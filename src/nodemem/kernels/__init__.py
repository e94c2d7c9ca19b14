"""The compiled loops. Each module is valid Python that Cython compiles; buffers in, buffers out.

An uncompiled kernel is hundreds of times slower, so it is never used by accident: the interpreted
form runs only where `NODEMEM_INTERPRETED=1` asks for it (tests compare the two).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from nodemem.errors import InternalError

INTERPRETED = os.environ.get("NODEMEM_INTERPRETED") == "1"


def load(name: str) -> ModuleType:
    """The kernel module `name`, compiled unless interpreted kernels were asked for.

    Raises:
        InternalError: the compiled module is missing from this installation.
    """
    qualified = f"{__name__}.{name}"
    if INTERPRETED:
        return _interpreted(qualified, Path(__file__).with_name(f"{name}.py"))
    module = importlib.import_module(qualified)
    if not module.COMPILED:
        raise InternalError(
            f"the compiled kernel '{name}' is missing from this installation of nodemem",
            next="pip install --force-reinstall --no-cache-dir nodemem",
        )
    return module


def names() -> list[str]:
    """All kernel modules: each has a stub."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.pyi"))


def is_compiled(name: str) -> bool:
    """Whether the kernel module `name` is here in its compiled form."""
    try:
        return bool(importlib.import_module(f"{__name__}.{name}").COMPILED)
    except ImportError:
        return False


def _interpreted(qualified: str, path: Path) -> ModuleType:
    # The compiled file would win over the source beside it, so the source is named outright.
    if qualified not in sys.modules:
        spec = importlib.util.spec_from_file_location(qualified, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[qualified] = module
        spec.loader.exec_module(module)
    return sys.modules[qualified]
