"""What watching costs a program that allocates heavily, and how well it agrees with V8's own log.

    python bench/gc/watching.py NODE [--rounds 9] [--seconds 6] [--flag=--max-semi-space-size=4]

Cost: a program does the same work, a fixed number of requests, again and again, in turn watched and
not; told are mean and median of the ratios of its processor time, all threads. Agreement: pauses
and number of collections against --trace-gc-nvp of the same run, written to a file.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from nodemem.api.gc import watch_gc
from nodemem.api.node import attach
from nodemem.gc.log import GcLog
from nodemem.records import GcEvent, GcWatch

# Does so many requests for each number that it is told, and tells the processor time of that.
WORK = """
const cache = new Map();
let n = 0;
function request() {
  const items = Array.from({ length: 20 }, (_, i) => ({ i, text: `item ${i} of ${n}` }));
  cache.set(n++, JSON.stringify({ id: n, items }));
  if (cache.size > 20000) cache.delete(n - 20001);
}
for (let i = 0; i < 100000; i++) request();
process.stdin.on('data', (count) => {
  const begun = process.cpuUsage(), until = n + Number(count);
  const timer = setInterval(() => {
    for (let i = 0; i < 400; i++) request();
    if (n < until) return;
    clearInterval(timer);
    const { user, system } = process.cpuUsage(begun);
    console.log('used', user + system);
  }, 1);
});
console.log('ready');
"""


def work(program: subprocess.Popen[str], count: int, *, watched: bool) -> tuple[int, int, float]:
    """Microseconds of processor time, collections seen, and seconds that watching took by its own
    account."""
    assert program.stdin is not None
    assert program.stdout is not None

    def go() -> None:
        program.stdin.write(f"{count}\n")
        program.stdin.flush()

    if not watched:
        go()
        return int(program.stdout.readline().split()[1]), 0, 0.0
    seen, own = 0, 0.0
    with attach(program.pid) as one:
        stop = threading.Event()
        stream = one.watch_gc(None)
        told: list[str] = []
        reader = threading.Thread(
            target=lambda: (told.append(program.stdout.readline()), stop.set())
        )
        for number, some in enumerate(stream):
            seen += sum(isinstance(event, GcEvent) for event in some)
            if number == 0:  # the probe is there
                seen = 0
                go()
                reader.start()
            elif stop.is_set():
                break
        own = sum(event.cost or 0.0 for event in some if isinstance(event, GcWatch))
        stream.close()
    return int(told[0].split()[1]), seen, own


def cost(node: str, flags: list[str], rounds: int, count: int) -> None:
    """Turn by turn in one program: two of them differ by more than watching costs."""
    program = subprocess.Popen(
        [node, "--inspect-port=0", *flags, "-e", WORK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout is not None
    try:
        program.stdout.readline()
        work(program, count, watched=False)
        ratios, seen, used = [], 0, 0
        for turn in range(rounds):
            # In both orders: what the one leaves to the other evens out.
            order = (False, True) if turn % 2 else (True, False)
            times = {watched: work(program, count, watched=watched) for watched in order}
            ratios.append(times[True][0] / times[False][0] - 1)
            used, seen = times[True][:2]
    finally:
        program.kill()
    mean, error = statistics.mean(ratios), statistics.stdev(ratios) / len(ratios) ** 0.5
    ratios.sort()
    print(
        f"cost: {mean * 100:+.2f} % of its processor time +- {error * 100:.2f} (standard error), "
        f"median {statistics.median(ratios) * 100:+.2f} %; {seen} collections in "
        f"{used / 1e6:.2f} s of processor time"
    )


def agreement(node: str, flags: list[str], seconds: float) -> None:
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
                    WORK,
                ],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
            assert program.stdin is not None
            while b"ready" not in log.read_bytes():
                time.sleep(0.05)
            program.stdin.write(b"1e9\n")
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
