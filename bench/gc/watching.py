"""What watching costs a program that allocates heavily, and how well it agrees with V8's own log.

    python bench/gc/watching.py NODE [--rounds 9] [--seconds 6] [--flag=--max-semi-space-size=4]

Cost: the same work, a fixed number of requests, is done by two programs in turn, one watched and
one not; told is the median of the ratios of their processor time, all threads. Agreement: pauses
and number of collections against --trace-gc-nvp of the same run, written to a file.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from nodemem.api.gc import watch_gc
from nodemem.api.node import attach
from nodemem.gc.log import GcLog
from nodemem.records import GcEvent

# Waits for a line, works, and tells the processor time of the work.
WORK = """
const cache = new Map();
let n = 0;
function request() {
  const items = Array.from({ length: 20 }, (_, i) => ({ i, text: `item ${i} of ${n}` }));
  cache.set(n++, JSON.stringify({ id: n, items }));
  if (cache.size > 20000) cache.delete(n - 20001);
}
for (let i = 0; i < 100000; i++) request();
process.stdin.once('data', () => {
  const begun = process.cpuUsage(), until = n + COUNT;
  const timer = setInterval(() => {
    for (let i = 0; i < 400; i++) request();
    if (n < until) return;
    clearInterval(timer);
    const { user, system } = process.cpuUsage(begun);
    console.log('used', user + system);
    process.stdin.once('data', () => process.exit());
  }, 1);
});
console.log('ready');
"""


def once(node: str, flags: list[str], count: int, *, watched: bool) -> tuple[int, int]:
    """Microseconds of processor time, and collections seen."""
    program = subprocess.Popen(
        [
            node,
            "--inspect-port=0",
            *flags,
            "-e",
            WORK.replace("COUNT", str(count)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    try:
        program.stdout.readline()
        seen = 0
        if not watched:
            program.stdin.write("go\n")
            program.stdin.flush()
            return int(program.stdout.readline().split()[1]), 0
        with attach(program.pid) as one:
            stream = one.watch_gc(None)
            began = False
            for some in stream:
                seen += len(some)
                if not began:
                    began = True
                    program.stdin.write("go\n")
                    program.stdin.flush()
                    until = time.monotonic() + 3600
                done = select_line(program)
                if done is not None or time.monotonic() > until:
                    stream.close()
                    assert done is not None
                    return int(done.split()[1]), seen
        raise AssertionError("the program ended")
    finally:
        program.kill()


def select_line(program: subprocess.Popen[str]) -> str | None:
    import select

    assert program.stdout is not None
    return program.stdout.readline() if select.select([program.stdout], [], [], 0)[0] else None


def cost(node: str, flags: list[str], rounds: int, count: int) -> None:
    ratios, seen = [], 0
    for _ in range(rounds):
        plain, _ = once(node, flags, count, watched=False)
        watched, seen = once(node, flags, count, watched=True)
        ratios.append(watched / plain - 1)
    ratios.sort()
    print(
        f"cost: {statistics.median(ratios) * 100:+.2f} % of its processor time (quartiles "
        f"{ratios[len(ratios) // 4] * 100:+.2f} to {ratios[-1 - len(ratios) // 4] * 100:+.2f}), "
        f"{seen} collections a run"
    )


def agreement(node: str, flags: list[str], seconds: float) -> None:
    endless = WORK.replace("COUNT", "1e9")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "gc.log"
        with log.open("wb") as file:
            program = subprocess.Popen(
                [
                    node,
                    "--inspect-port=0",
                    *flags,
                    "--trace-gc-nvp",
                    "-e",
                    endless,
                ],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
            assert program.stdin is not None
            while b"ready" not in log.read_bytes():
                time.sleep(0.05)
            program.stdin.write(b"go\n")
            program.stdin.flush()
            found: list[object] = []
            with attach(program.pid) as one:
                watch_gc(one, seconds, keep=found.append)
            time.sleep(1.0)  # the rest of V8's buffer
            program.kill()
        with GcLog(log) as source:
            told = [e for e in source if isinstance(e, GcEvent) and e.kind in ("minor", "major")]
    seen = [e for e in found if isinstance(e, GcEvent) and e.kind in ("minor", "major")]

    def spread(at: int) -> float:
        pairs = zip(seen, told[at : at + len(seen)], strict=True)
        shifts = [(a.time or 0) - (b.time or 0) for a, b in pairs]
        return max(shifts) - min(shifts)

    at = min(range(len(told) - len(seen) + 1), key=spread)
    same = told[at : at + len(seen)]
    apart = sorted(
        abs((a.pause or 0) - (b.pause or 0)) * 1000 for a, b in zip(seen, same, strict=True)
    )
    kinds = [e.kind for e in seen] == [e.kind for e in same]
    print(
        f"agreement: {len(seen)} collections, kinds and order {'equal' if kinds else 'DIFFER'}, "
        f"times within {spread(at) * 1000:.1f} ms; pauses apart: median "
        f"{statistics.median(apart):.3f} ms, 99 % {apart[int(0.99 * (len(apart) - 1))]:.3f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("node", help="the Node.js binary to run")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=400_000)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--flag", action="append", default=[], help="of Node.js; may be repeated")
    options = parser.parse_args()
    agreement(options.node, options.flag, options.seconds)
    cost(options.node, options.flag, options.rounds, options.requests)


if __name__ == "__main__":
    main()
