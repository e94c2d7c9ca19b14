"""What a start costs: nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {"numpy", "rich", "jinja2", "msgspec", "psutil", "websockets", "backports"}
PRINT_MODULES = "; import json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code + PRINT_MODULES], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def third_party(modules: set[str]) -> set[str]:
    baseline = modules_after("pass")
    tops = {name.partition(".")[0] for name in modules - baseline}
    return {top for top in tops if top not in sys.stdlib_module_names and top != "nodemem"}


def kernels(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("nodemem.kernels.")}


def test_importing_the_library_loads_nothing_else() -> None:
    modules = modules_after("import nodemem")
    assert third_party(modules) == set()
    assert kernels(modules) == set()
    assert {name for name in modules if name.startswith("nodemem")} == {"nodemem"}


def test_help_loads_click_only() -> None:
    modules = modules_after(
        "import contextlib, nodemem.cli\nwith contextlib.suppress(SystemExit): "
        "nodemem.cli.main(['--help'])\n0"
    )
    assert third_party(modules) == {"click"}
    assert kernels(modules) == set()


def test_the_list_of_heap_queries_loads_no_query() -> None:
    modules = modules_after(
        "import contextlib, nodemem.cli\nwith contextlib.suppress(SystemExit): "
        "nodemem.cli.main(['heap', '--help'])\n0"
    )
    assert kernels(modules) == set()
    # msgspec takes typing_extensions where it is installed.
    assert third_party(modules) <= {"click", "msgspec", "typing_extensions"}
    assert not {name for name in modules if name.startswith("nodemem.heap.queries.")}
