"""What recording costs, on both sides, in per cent of a core.

    python bench/record/run.py NODE [--seconds 60]

Three equal programs run side by side: one that nobody looks at, one that is recorded every second,
one that is recorded with --attach. Processor time is that of all threads, in nanoseconds, from
/proc/PID/task/*/schedstat; the start of both sides is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = """
globalThis.kept = Array.from({ length: 5e5 }, (_, i) => ({ i }));
setInterval(() => {}, 1e6);
console.log('ready');
"""
SETTLING = 5.0
KINDS = {"nobody looks": None, "record": [], "record --attach": ["--attach"]}


def cpu_seconds(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("node", help="the Node.js binary to run")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides: dict[str, list[int]] = {}
        for number, (kind, extra) in enumerate(KINDS.items()):
            program = subprocess.Popen(
                [options.node, "--inspect-port=0", "-e", PROGRAM],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(program.kill)
            assert program.stdout is not None
            program.stdout.readline()
            sides[kind] = [program.pid]
            if extra is not None:
                file = folder / f"{number}.ndjson.zst"
                command = [sys.executable, "-m", "nodemem", "record", str(program.pid)]
                recorder = subprocess.Popen(
                    [*command, "-o", str(file), *extra], stderr=subprocess.DEVNULL
                )
                stack.callback(recorder.wait)
                stack.callback(recorder.send_signal, signal.SIGINT)
                sides[kind].append(recorder.pid)
        time.sleep(SETTLING)
        before = {pid: cpu_seconds(pid) for pids in sides.values() for pid in pids}
        begun = time.monotonic()
        time.sleep(options.seconds)
        seconds = time.monotonic() - begun
        for kind, pids in sides.items():
            shares = [100 * (cpu_seconds(pid) - before[pid]) / seconds for pid in pids]
            ours = f", nodemem {shares[1]:.2f} %" if len(shares) > 1 else ""
            print(f"{kind:16}  program {shares[0]:.2f} %{ours}")


if __name__ == "__main__":
    main()
