"""Use the installed wheel from an empty directory, as a new user would.

    python tests/smoke.py /path/to/node

Only the standard library is imported here; every line below runs the installed command.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

NODEMEM = str(Path(sys.executable).with_name("nodemem"))
PROGRAM = """
class Held {}
globalThis.kept = Array.from({ length: 5000 }, () => new Held());
console.log('ready');
setInterval(() => {}, 1000);
"""


def run(*arguments: str) -> str:
    done = subprocess.run(
        [NODEMEM, *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode != 0:
        sys.exit(f"nodemem {' '.join(arguments)} exited {done.returncode}\n{done.stderr}")
    return done.stdout


def main(node: str) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import nodemem; print(nodemem.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert "site-packages" in where, f"the checkout is used instead of the wheel: {where}"
    package = Path(where).parent
    assert list((package / "kernels").glob("*.so")), "the wheel has no compiled kernels"
    assert (package / "py.typed").exists()

    run("--version")
    run("--help")
    run("completion", "bash")
    process = subprocess.Popen(
        [node, "--inspect-port=0", "-e", PROGRAM], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        pid = str(process.pid)
        listed = json.loads(run("ps", "--json"))
        assert process.pid in [row["pid"] for row in listed["data"]["rows"]], listed
        usage = json.loads(run("usage", pid, "--json"))
        assert usage["data"]["heapUsed"] > 0
        run("snapshot", pid, "-o", "a.heapsnapshot")
        classes = json.loads(run("heap", "classes", "a.heapsnapshot", "--json"))
        counts = {row["class"]: row["count"] for row in classes["data"]["rows"]}
        assert counts.get("Held", 0) >= 5000, counts
        run("heap", "suspects", "a.heapsnapshot")
        run("explain", "usage", pid, "--lang", "ko")
        assert process.poll() is None, "the target did not survive"
    finally:
        process.kill()
    print("smoke: the installed wheel works outside the checkout")


if __name__ == "__main__":
    target = str(Path(sys.argv[1]).absolute())
    with tempfile.TemporaryDirectory() as folder:
        import os

        os.chdir(folder)
        main(target)
