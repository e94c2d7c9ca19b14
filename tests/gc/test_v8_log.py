"""What V8 prints, whole, cut, mixed with the program's output, and damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodemem.cli import run
from nodemem.gc.v8_log import V8Log
from nodemem.records import GcEvent

LOGS = Path(__file__).with_name("logs")
RELEASES = ("node16", "node18", "node20", "node22", "node24", "node25", "node26")
FORMATS = ("lru.trace-gc.log", "lru.trace-gc-nvp.log", "lru.trace-gc-verbose.log")
Read = Callable[[bytes], tuple[list[GcEvent], V8Log]]

PLAIN = re.compile(
    rb"ms: ([A-Z][A-Za-z-]+(?: Mark-Compact)?)(?: \(reduce\))? ([\d.]+) \(.*?MB, ([\d.]+) /"
)


def naive(text: bytes) -> list[tuple[str, float]]:
    """(kind, pause in ms) of each record, by reading line by line."""
    found = []
    for line in text.splitlines():
        if b" ms: pause=" in line:
            kind = "minor" if b" gc=s " in line else "major"
            found.append((kind, float(re.search(rb"pause=([\d.]+)", line)[1])))  # type: ignore[index]
        elif b" ms: GC: {" in line:
            data = json.loads(line[line.index(b"{") :])
            found.append(("minor" if data["gc"] == "s" else "major", data["pause"]))
        elif match := PLAIN.search(line.replace(b", pooled: 0 MB", b"")):
            pause = re.search(rb"MB, ([\d.]+) /", line)
            assert pause
            found.append(("minor" if match[1] == b"Scavenge" else "major", float(pause[1])))
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_every_log_is_read_whole(read: Read, release: str) -> None:
    for path in sorted((LOGS / release).glob("*.trace-*.log")):
        text = path.read_bytes()
        events, log = read(text)
        collections = [event for event in events if event.kind in ("minor", "major")]
        assert [
            (event.kind, round((event.pause or 0) * 1000, 6)) for event in collections
        ] == naive(text), path
        assert log.unreadable == 0, path
        assert all(event.pid and event.isolate and event.time is not None for event in events)


MINOR = re.compile(rb"ms: (?:Scavenge|(?:Incremental )?Minor)|gc\"?[=:]\"?mm[cs]")


@pytest.mark.parametrize(
    "path", sorted((LOGS / "minor-mark-sweep").iterdir()), ids=lambda p: p.name
)
def test_minor_mark_sweep_is_minor(read: Read, path: Path) -> None:
    """Real records of --minor-ms and --minor-mc, one or two of each form that V8 prints."""
    lines = path.read_bytes().splitlines(keepends=True)
    assert {bool(MINOR.search(line)) for line in lines} == {True, False}
    for line in lines:
        (event,), log = read(line)
        assert event.kind == ("minor" if MINOR.search(line) else "major"), line
        assert log.unreadable == 0
        if b" gc=" in line:  # cut at its last value, which V8 never leaves out
            assert read(line[: line.rindex(b" ", 0, len(line) - 3)] + b"\n")[1].unreadable == 1


@pytest.mark.parametrize("path", sorted((LOGS / "node8-14").iterdir()), ids=lambda p: p.name)
def test_older_releases(read: Read, path: Path) -> None:
    events, log = read(path.read_bytes())
    kinds = [event.kind for event in events]
    assert kinds == ["minor"] * (len(kinds) - 1) + ["major"]
    assert len(kinds) == len(naive(path.read_bytes())) >= 2
    assert log.unreadable == 0


@pytest.mark.parametrize("release", RELEASES)
def test_sources_of_one_workload_agree(read: Read, release: str) -> None:
    """The runs differ by when the collector ran, so that rates agree within 3 %, live sizes more
    closely; sizes of the plain log are rounded to 0.1 MiB."""
    nvp, _ = read((LOGS / release / "jsonhttp.trace-gc-nvp.log").read_bytes())
    plain, _ = read((LOGS / release / "jsonhttp.trace-gc.log").read_bytes())
    allocated = [sum(e.allocated or 0 for e in events[1:]) for events in (nvp, plain)]
    assert allocated[1] == pytest.approx(allocated[0], rel=0.03)
    assert [e.promoted for e in plain] == [None] * len(plain)


@pytest.mark.parametrize("release", RELEASES)
def test_verbose_tells_every_space(read: Read, release: str) -> None:
    events, _ = read((LOGS / release / "lru.trace-gc-verbose.log").read_bytes())
    for event in (event for event in events if event.kind != "incremental"):
        spaces = {space.name: space for space in event.spaces}
        assert {"new_space", "old_space", "large_object_space"} <= spaces.keys()
        assert all(space.used_before is None for space in event.spaces)
        used = sum(space.used_after or 0 for space in event.spaces)
        used -= spaces["read_only_space"].used_after or 0
        # The record is about the end of the collection, the table about a moment later.
        assert event.used_after == pytest.approx(used, abs=0.8 * 2**20)
        assert event.external_after is not None


def test_the_stable_interface(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = logs / "node22" / "lru.trace-gc-nvp.log"
    assert run(["gc", str(path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    pauses = [pause for kind, pause in naive(path.read_bytes()) if kind == "minor"]
    minor = data["minor"]
    assert minor["count"] == len(pauses) == 30
    assert minor["pause_ms"]["total"] == pytest.approx(sum(pauses))
    assert minor["pause_ms"]["max"] == max(pauses)
    assert minor["pause_ms"]["p50"] == sorted(pauses)[14]
    assert minor["pause_ms"]["p99"] == max(pauses)
    assert data["major"]["count"] == 2
    text = path.read_text()
    assert data["promoted_bytes"] == sum(map(int, re.findall(r" promoted=(\d+)", text)))
    assert data["allocated_bytes"] == sum(map(int, re.findall(r" allocated=(\d+)", text)))
    assert data["unreadable_lines"] == 0


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", FORMATS)
def test_cut_at_every_line(read: Read, release: str, name: str) -> None:
    text = (LOGS / release / name).read_bytes()
    whole, _ = read(text)
    ends = [match.end() for match in re.finditer(rb"\n", text)]
    for end in ends[:: max(1, len(ends) // 40)]:
        events, log = read(text[:end])
        spaces = name.endswith("verbose.log") and log.unreadable == 1  # some are missing
        assert events[: len(events) - spaces] == whole[: len(events) - spaces]
        assert len(events) == len(naive(text[:end]))
        assert log.unreadable == spaces


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", FORMATS[:2])
def test_cut_inside_of_a_record(read: Read, release: str, name: str) -> None:
    """It is counted, and nothing of it is taken for an event, from its fourth byte on."""
    text = (LOGS / release / name).read_bytes().replace(b"\n, removed zone reservations: 0", b"")
    whole, _ = read(text)
    others = (b"Memory pool", b" ms: action=")
    lines = [line for line in text.splitlines(True) if not any(one in line for one in others)]
    begin = sum(map(len, lines[:5]))
    joined = b"".join(lines)
    before, _ = read(joined[:begin])
    for cut in range(begin + 4, begin + len(lines[5]) - 4, max(1, len(lines[5]) // 60)):
        events, log = read(joined[:cut])
        assert events == before, joined[begin:cut]
        assert log.unreadable == 1, joined[begin:cut]
    assert len(whole) > len(before)


def test_a_log_that_begins_inside_of_a_record(read: Read) -> None:
    for name in FORMATS[:2]:
        text = (LOGS / "node24" / name).read_bytes()
        whole, _ = read(text)
        events, log = read(text[120:])
        assert len(events) == len(whole) - 1
        assert log.unreadable == 1


def test_an_end_without_a_line_feed_is_an_end(read: Read) -> None:
    for release in RELEASES:
        for name in FORMATS[:2]:
            text = (LOGS / release / name).read_bytes()
            events, log = read(text.rstrip(b"\n"))
            assert (events, log.unreadable) == (read(text)[0], 0)


NOISE = st.sampled_from(
    [
        b"GET /users/17 200\n",
        b"listening on port 3000\n",
        b'{"level":30,"msg":"request completed"}\n',
        b"[12:30:45] ok; \n",
        b"\n",
        "요청을 처리했습니다\n".encode(),
    ]
)


def interleaved(text: bytes, noise: list[bytes]) -> bytes:
    """What a file gets: V8's text in pieces of 4096 bytes, the program's between them."""
    pieces = [text[i : i + 4096] for i in range(0, len(text), 4096)]
    return b"".join(
        piece + (noise[i % len(noise)] if noise else b"") for i, piece in enumerate(pieces)
    )


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", FORMATS[:2])
@settings(max_examples=12)
@given(noise=st.lists(NOISE, min_size=1, max_size=6), shift=st.integers(0, 4000))
def test_the_programs_output_in_between(
    read: Read, release: str, name: str, noise: list[bytes], shift: int
) -> None:
    text = (LOGS / release / name).read_bytes()
    whole, _ = read(text)
    mixed = text[:shift] + interleaved(text[shift:], noise)
    events, log = read(mixed)
    assert events == whole
    assert log.unreadable == 0
    assert log.notes["gc.note.joined"] >= len(text) // 4096 - 2


@pytest.mark.parametrize("name", FORMATS[:2])
@given(noise=st.binary(max_size=60), shift=st.integers(0, 4000))
def test_output_that_looks_like_a_record(read: Read, name: str, noise: bytes, shift: int) -> None:
    """What cannot be put together is counted, not lost."""
    text = (LOGS / "node22" / name).read_bytes()
    whole, _ = read(text)
    mixed = text[:shift] + interleaved(text[shift:], [b"took 17 ms: fine\n", noise + b"\n"])
    events, log = read(mixed)
    assert len(whole) - 1 <= len(events) + log.unreadable <= len(whole) + 2
    assert len(events) > len(whole) - len(text) // 4096 - 2


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", [*FORMATS, "lru.trace-incremental-marking.log", "oom.stderr.log"])
@settings(max_examples=15)
@given(data=st.data())
def test_flipped_bits_do_no_harm(read: Read, release: str, name: str, data: st.DataObject) -> None:
    text = bytearray((LOGS / release / name).read_bytes()[:20_000])
    flips = data.draw(st.integers(1, 30))
    for _ in range(flips):
        text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    events, log = read(bytes(text))
    # A flip may take a record its anchor or make a second one of it.
    assert len(events) + log.unreadable <= text.count(b" ms: ") + 3 + flips


@given(st.binary(max_size=3000))
def test_any_bytes_are_read(read: Read, text: bytes) -> None:
    events, _ = read(text)
    assert events == []


PIECES = st.sampled_from(
    [b"[1:0x1] ", b"  33 ms: ", b"pause=1.0 mutator=2 gc=s ", b"GC: {", b"}", b"\n", b"Scavenge ",
     b"4.5 (4.9) -> 4.1 (5.9) MB, ", b"0.8 / 0.0 ms ", b"promoted=", b"; ", b"=", b"1e999"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60))
def test_pieces_of_records_are_read(read: Read, pieces: list[bytes]) -> None:
    events, log = read(b"".join(pieces))
    assert all(event.pause is not None for event in events)
    assert log.unreadable <= b"".join(pieces).count(b" ms: ") + 1


def test_a_log_of_broken_records_takes_no_longer_than_a_sound_one(read: Read) -> None:
    """Not timed: the number of tries is bounded, so this ends at all."""
    broken = b"[1:0x1]  33 ms: Scavenge 4.5 (4.9) -> \n; \n" * 3000
    events, log = read(broken)
    assert (events, log.unreadable) == ([], 3000)


def test_what_v8_prints_wrong_is_corrected(read: Read) -> None:
    """A minor collection inside of a major one: V8 takes the sizes of the unfinished one."""
    text = (LOGS / "node22" / "lru.trace-gc-nvp.log").read_bytes()
    lines = text.splitlines(keepends=True)
    wrong = re.sub(rb" allocated=\d+", b" allocated=18446744073709512345", lines[7])
    events, log = read(b"".join([*lines[:7], wrong, *lines[8:]]))
    assert events == read(text)[0]
    assert log.notes == {"gc.note.allocated": 1}


def test_the_last_few_collections_count_once(read: Read) -> None:
    for release in RELEASES:
        text = (LOGS / release / "oom.trace-gc.log").read_bytes()
        events, log = read(text)
        again, log = read(text + (LOGS / release / "oom.stderr.log").read_bytes())
        assert again == events
        assert (log.unreadable, log.notes["gc.note.last_few"]) == (0, 2), release
        assert log.notes["gc.note.out_of_memory"] == 1


def test_an_end_without_last_few_collections_is_told(read: Read) -> None:
    """As with --trace-gc-nvp, also across blocks."""
    text = b"x" * ((4 << 20) - 10) + b"<--- Last few GCs --->\n\n\n<--- JS stacktrace --->\n"
    assert read(text)[1].notes == {"gc.note.out_of_memory": 1}
    assert read(text[5:])[1].notes == {"gc.note.out_of_memory": 1}


def test_isolates_and_processes_are_told_apart(read: Read) -> None:
    text = (LOGS / "node24" / "lru.trace-gc.log").read_bytes()
    other = re.sub(rb"\[\d+:0x[0-9a-f]+\]", b"[7:0xabc]", text)
    both = b"".join(
        a + b for a, b in zip(text.splitlines(True), other.splitlines(True), strict=True)
    )
    events, _ = read(both)
    alone, _ = read(text)
    assert [event for event in events if event.pid != 7] == alone
    assert [e.allocated for e in events if e.pid == 7] == [e.allocated for e in alone]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_logs(tmp_path: Path, logs: Path, suffix: str) -> None:
    import gzip

    import nodemem
    from nodemem.records.compression import zstd

    text = (logs / "node20" / "lru.trace-gc.log").read_bytes()
    path = tmp_path / f"a.log{suffix}"
    path.write_bytes(gzip.compress(text) if suffix == ".gz" else zstd().compress(text))
    assert nodemem.read_gc_log(path) == nodemem.read_gc_log(logs / "node20" / "lru.trace-gc.log")


ODD = st.sampled_from([b"", b"7", b"1.2.3", b"-4", b"1e9", b"nan", b"0.123456789", b"9" * 25, b"x"])


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=3)
@given(odd=st.lists(st.tuples(st.floats(0, 1), ODD), max_size=3))
def test_records_like_others_are_read_as_with_care(
    read: Read, release: str, name: str, odd: list[tuple[float, bytes]]
) -> None:
    """A record that does not begin its line is never taken for one like those before."""
    text = (LOGS / release / name).read_bytes()
    for place, number in odd:
        found = list(re.finditer(rb"\d+(?:\.\d+)?", text))
        match = found[int(place * (len(found) - 1))]
        text = text[: match.start()] + number + text[match.end() :]
    if name == FORMATS[0]:
        text *= 15  # so long that most lines are read right behind one another
    events, log = read(text)
    again, careful = read(re.sub(rb"(?m)^(?=\[\d+:0x)", b"web | ", text))
    assert repr(events) == repr(again)  # nan, too, is the same
    assert (log.unreadable, log.notes) == (careful.unreadable, careful.notes)
    assert log.shapes == careful.shapes


def test_records_across_blocks(logs: Path) -> None:
    """Whatever pieces the file comes in."""
    text = (logs / "node20" / "lru.trace-gc-nvp.log").read_bytes()

    def of_size(size: int) -> Any:
        rest = [text]

        def give(_: int) -> bytes:
            piece, rest[0] = rest[0][:size], rest[0][size:]
            return piece

        return give

    whole = list(V8Log(of_size(len(text))))
    for size in (1000, 4097, 30_000):
        assert list(V8Log(of_size(size))) == whole
