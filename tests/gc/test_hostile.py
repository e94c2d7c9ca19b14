"""Logs that are damaged, of several formats at once, or made to do harm: read to the end in bounded
memory, and nothing of them is told that cannot be."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodemem.errors import InputError
from nodemem.gc.collected import collect
from nodemem.gc.log import GcLog
from nodemem.records import GcEvent

ALL = os.environ.get("NODEMEM_TEST_ALL") == "1"
LOGS = Path(__file__).with_name("logs")


def docker(text: bytes) -> bytes:
    lines = text.decode().splitlines(keepends=True)
    return "".join(json.dumps({"log": line, "stream": "stdout"}) + "\n" for line in lines).encode()


WHOLE = [
    path.read_bytes()[:30_000]
    for release in ("node16", "node22", "node25")
    for path in sorted((LOGS / release).glob("lru.*"))
]
TEXTS = [*WHOLE, docker(WHOLE[2]), b"".join(b"web | " + x for x in WHOLE[3].splitlines(True))]
ODD = st.sampled_from(
    [b"1e999", b"-0", b"NaN", b"Infinity", b"-1e999", b"1" * 400, b"0.0000000001", b"\0",
     b"\0" * 999, b"\xff\xfe", b"\x1b[", b"\r", b"\r\n", b"{", b'"', b"\\", b"[" * 3000,
     b"[1:0x1] 1 ms: ", b"GC: {", b"<--- Last few GCs --->", b'{"log":"', b"x" * 70_000]
)  # fmt: skip


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        text = draw(st.sampled_from(TEXTS))
        begin = draw(st.integers(0, len(text) - 1))
        part = bytearray(text[begin : begin + draw(st.integers(1, 8000))])
        for _ in range(draw(st.integers(0, 6))):
            at = draw(st.integers(0, len(part)))
            part[at : at + draw(st.integers(0, 30))] = draw(ODD)
        for _ in range(draw(st.integers(0, 6))):
            part[draw(st.integers(0, len(part) - 1))] ^= 1 << draw(st.integers(0, 7))
        parts.append(bytes(part))
    return b"".join(parts)


@settings(max_examples=1000 if ALL else 40)
@given(text=hostile())
def test_whatever_is_in_it(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    path = tmp_path_factory.mktemp("hostile") / "log"
    path.write_bytes(text)
    try:
        with GcLog(path) as log:
            found = list(log)
    except InputError:
        return  # as of a file that begins like one that is compressed
    events = [event for event in found if isinstance(event, GcEvent)]
    for event in events:
        for name in event.__struct_fields__:
            value = getattr(event, name)
            assert not isinstance(value, float) or math.isfinite(value), (name, value)
        assert event.pause is None or event.pause >= 0
        assert event.used_after is None or event.used_after >= 0
    json.dumps([one.to_data() for one in collect(events).sorted()], default=str, allow_nan=False)
    assert log.unreadable >= 0


ENDLESS = {
    "text": (b"x" * 1000, b""),
    "NUL": (b"\0" * 1000, b""),
    "brackets": (b"[" * 1000, b""),
    "beginnings": (b"[1:0x1] " * 100, b""),
    "anchors": (b"[1:0x1] 1 ms: " * 50, b""),
    "a string in JSON": (b"x" * 1000, docker(b"[1:0x1] 1 ms: x\n") + b'{"log":"'),
    "a prefix": (b"web " * 250, b"web | [1:0x1] 1 ms: x\n"),
    "one record": (b" a.b=1.0" * 100, b"[1:0x1] 1 ms: pause=1.0 mutator=1.0 gc=s reduce_memory=0"),
    "trace events": (b'{"pid":1,"name":"x",' * 50, b'{"traceEvents":['),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_line_without_end(kind: str) -> None:
    """In bounded memory."""
    piece, begin = ENDLESS[kind]
    megabytes = 1000 if ALL and kind in ("text", "NUL", "a string in JSON") else 24
    megabytes = 2 if kind == "anchors" else megabytes  # each is looked at with care
    program = (
        "from pathlib import Path\n"
        "from nodemem.gc.log import GcLog\n"
        "with GcLog('-') as log: count = sum(1 for _ in log)\n"
        # Not ru_maxrss, which begins with what the process had that started this one.
        "status = Path('/proc/self/status').read_text()\n"
        "print(count, int(status.partition('VmHWM:')[2].split()[0]) // 1024)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(begin)
        block = piece * ((1 << 20) // len(piece))
        for _ in range(megabytes):
            child.stdin.write(block)
        child.stdin.close()
        count, most = map(int, child.stdout.read().split())
    assert count == 0
    assert most < 100
