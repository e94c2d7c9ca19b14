"""Logs in what others wrap around each line: what is read is what is read without it."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nodemem.gc.log import GcLog
from nodemem.gc.wrapped import Unwrapped
from nodemem.records import GcEvent

LOGS = Path(__file__).with_name("logs")
RELEASES = ("node16", "node22", "node25", "node26")
NAMES = ("lru.trace-gc.log", "lru.trace-gc-nvp.log", "lru.trace-gc-verbose.log")
NOISE = (b"GET /users/17 200\n", b'{"level":30,"msg":"done"}\n', b"\n", "요청 -> 응답\n".encode())

Wrap = Callable[[bytes], bytes]


def go_json(text: str) -> str:
    """As Go's encoder, which Docker uses, writes strings."""
    plain = json.dumps(text, ensure_ascii=False)
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def each(line: Callable[[int, str], str]) -> Wrap:
    def wrap(text: bytes) -> bytes:
        lines = text.decode().splitlines(keepends=True)
        return "".join(line(i, one) for i, one in enumerate(lines)).encode()

    return wrap


def docker(i: int, line: str) -> str:
    """Lines above 16 KiB come in parts; here above 700 bytes."""
    parts = [line[at : at + 700] for at in range(0, len(line), 700)]
    stamp = f"2024-01-01T00:00:{i % 60:02}.{i:09}Z"
    return "".join(
        f'{{"log":{go_json(part)},"stream":"stdout","time":"{stamp}"}}\n' for part in parts
    )


def kubernetes(i: int, line: str) -> str:
    stamp = f"2024-01-01T00:00:{i % 60:02}.{i:09}Z"
    *parts, last = [line[at : at + 700] for at in range(0, len(line.rstrip("\n")), 700)] or [line]
    partial = "".join(
        f"{stamp} stdout P {part}\n{stamp} stderr F something else\n" for part in parts
    )
    return f"{partial}{stamp} stdout F {last}"


def journal(i: int, line: str) -> str:
    return f"Nov {i % 30 + 1:2} 18:00:{i % 60:02} host-1 my.app[{123}]: {line}"


def journal_json(i: int, line: str) -> str:
    return json.dumps({"__CURSOR": f"s={i}", "MESSAGE": line.rstrip("\n"), "_PID": "7"}) + "\n"


def shipped(i: int, line: str) -> str:
    return json.dumps({"ts": i, "k8s": {"pod": "a"}, "payload": {"message": line[:-1]}}) + "\n"


WRAPS: dict[str, Wrap] = {
    "docker": each(docker),
    "kubernetes": each(kubernetes),
    "journal": each(journal),
    "journal -o json": each(journal_json),
    "shipped": each(shipped),
    "compose": each(lambda i, line: f"{('web_1', 'worker-12')[i % 2]:10} | {line}"),
    "compose colours": each(lambda i, line: f"\x1b[3{i % 7}mweb_1  |\x1b[0m {line}"),
    "foreman": each(lambda i, line: f"18:00:{i % 60:02} web.1  | {line}"),
    "pm2": each(lambda i, line: f"{i % 3}|app  | {line}"),
    "iso": each(lambda i, line: f"2024-01-01T00:00:00.{i:03}+09:00 {line}"),
    "kubectl --prefix": each(lambda i, line: f"[pod/app-7d9f-x2x/app] {line}"),
    "syslog": each(lambda i, line: f"<14>1 2024-01-01T00:00:00Z host app {i} - - {line}"),
    "colours": each(lambda i, line: f"\x1b[1m{line[:-1]}\x1b[0m\n"),
    "crlf": lambda text: text.replace(b"\n", b"\r\n"),
    "docker of compose": lambda text: each(docker)(WRAPS["compose"](text)),
    "time and docker": lambda text: WRAPS["iso"](WRAPS["docker"](text)),
}


def events_of(path: Path) -> tuple[list[GcEvent], int]:
    with GcLog(path) as log:
        return [event for event in log if isinstance(event, GcEvent)], log.unreadable


def mixed(text: bytes) -> bytes:
    """With the program's output, which cuts records in two."""
    pieces = [text[i : i + 4096] for i in range(0, len(text), 4096)]
    return b"".join(piece + NOISE[i % len(NOISE)] for i, piece in enumerate(pieces))


@pytest.mark.parametrize("wrap", WRAPS)
def test_what_is_wrapped_is_read_as_what_is_not(tmp_path: Path, wrap: str) -> None:
    for release in RELEASES:
        for name in NAMES:
            text = (LOGS / release / name).read_bytes()
            for plain in (text, mixed(text)) if "verbose" not in name else (text,):
                (tmp_path / "plain").write_bytes(plain)
                (tmp_path / "wrapped").write_bytes(WRAPS[wrap](plain))
                expected = events_of(tmp_path / "plain")
                assert expected[1] == 0
                assert events_of(tmp_path / "wrapped") == expected, (release, name)


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_wrapped_log_that_is_cut_off(tmp_path: Path, wrap: str) -> None:
    """Wherever: what there is of it is read, and the record in which it was cut is counted."""
    rng = random.Random(wrap)
    for name in NAMES[:2]:
        text = WRAPS[wrap]((LOGS / "node24" / name).read_bytes())
        (tmp_path / "log").write_bytes(text)
        whole, _ = events_of(tmp_path / "log")
        for _ in range(15):
            cut = rng.randrange(len(text) // 2, len(text))
            (tmp_path / "log").write_bytes(text[:cut])
            events, unreadable = events_of(tmp_path / "log")
            assert events == whole[: len(events)]
            begun = len(
                re.findall(rb"\[\d+:0x[0-9a-f]+(?::0)?\] +\d+ ms: (?:[^M]|Mark)", text[:cut])
            )
            assert begun <= len(events) + unreadable <= begun + 1, text[:cut][-300:]


@pytest.mark.parametrize("wrap", WRAPS)
def test_pieces_of_any_size(wrap: str) -> None:
    text = WRAPS[wrap]((LOGS / "node24" / NAMES[0]).read_bytes())
    unwrapped = [
        b"".join(iter(lambda: reader.read(size), b""))  # noqa: B023
        for size in (7, 1000, 1 << 20)
        for reader in [Unwrapped(io.BytesIO(text).read)]
    ]
    assert unwrapped == [unwrapped[-1]] * 3


def test_two_processes_in_one_file(tmp_path: Path) -> None:
    """Each with its own prefix, in turn."""
    one, two = ((LOGS / name / NAMES[1]).read_bytes() for name in ("node22", "node24"))
    alone = []
    for text in (one, two):
        (tmp_path / "log").write_bytes(text)
        alone += events_of(tmp_path / "log")[0]
    lines = [b"web_1  | " + line for line in one.splitlines(keepends=True)]
    others = [b"job_12 | " + line for line in two.splitlines(keepends=True)]
    merged = [line for pair in zip(lines, others, strict=False) for line in pair]
    (tmp_path / "log.gz").write_bytes(gzip.compress(b"".join([*merged, *lines[len(others) :]])))
    events, unreadable = events_of(tmp_path / "log.gz")
    assert unreadable == 0
    pids = {event.pid for event in alone}
    assert [[e for e in events if e.pid == pid] for pid in pids] == [
        [e for e in alone if e.pid == pid] for pid in pids
    ]


def test_a_damaged_line_is_counted(tmp_path: Path) -> None:
    text = WRAPS["docker"]((LOGS / "node24" / NAMES[0]).read_bytes())
    lines = text.splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"log":"', b'"lo":"')
    (tmp_path / "log").write_bytes(b"".join(lines))
    events, unreadable = events_of(tmp_path / "log")
    assert (len(events), unreadable) == (len(lines) - 1, 1)


def test_a_prefix_of_the_program_is_no_prefix_of_lines(tmp_path: Path) -> None:
    """What the program printed without an end of line in front of the first record."""
    text = (LOGS / "node24" / NAMES[0]).read_bytes()
    (tmp_path / "plain").write_bytes(text)
    (tmp_path / "log").write_bytes(b"listening on 3000 " + text)
    assert events_of(tmp_path / "log") == events_of(tmp_path / "plain")
