"""The kernel that reads records of collections, against the careful readers; compiled and not."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodemem import kernels
from nodemem.gc import forms
from nodemem.gc.joining import parse
from nodemem.records import GcEvent

LOGS = Path(__file__).parents[1] / "gc" / "logs"
HEAD = b"[7:0x1a]"
RECORD = re.compile(rb"(?m)^\[[^\]]*\]( *[\d.]+ ms: (.*))\n")


def interpreted() -> ModuleType:
    path = Path(kernels.__file__).with_name("gc_lines.py")
    spec = importlib.util.spec_from_file_location("gc_lines_interpreted", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not module.COMPILED
    return module


KERNELS = (kernels.load("gc_lines"), interpreted())


def records() -> list[tuple[bytes, dict[str, object]]]:
    """One of each form in real logs of four releases."""
    found = {}
    for name in ("node16", "node22", "node24", "node26"):
        for kind in ("trace-gc", "trace-gc-nvp"):
            text = (LOGS / name / f"lru.{kind}.log").read_bytes()
            for match in RECORD.finditer(text):
                columns = parse(match[2], ended=True)
                if columns is not None:
                    found[re.sub(rb"[\d.]+", b"0", match[1])[:90]] = match[1], columns
    return list(found.values())


RECORDS = records()


def learned() -> forms.Forms:
    some = forms.Forms()
    for text, columns in RECORDS:
        some.learn(text, columns)
    return some


FORMS = learned()
NUMBERS = st.sampled_from(
    [b"0", b"7", b"07", b"1.5", b"0.125", b".5", b"1.", b"1.2.3", b"-4", b"1e+06", b"1e9", b"nan",
     b"9" * 15, b"9" * 16, b"9" * 25, b"123456789.123456", b"0.1234567", b""]
)  # fmt: skip
PIECES = st.sampled_from(
    [HEAD, b"[7:0x1b]", b"[12:30:45] ", b"[1, 2]", b" ms: ", b"<--- Last", b"<-", b"\n", b"GET /\n",
     b"x" * 70, b"[7:", b"[]"]
)  # fmt: skip


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    parts = []
    for _ in range(draw(st.integers(0, 8))):
        if draw(st.integers(0, 3)):
            text = draw(st.sampled_from(RECORDS))[0]
            for _ in range(draw(st.integers(0, 1))):
                numbers = list(re.finditer(rb"\d+(?:\.\d+)?", text))
                one = numbers[draw(st.integers(0, len(numbers) - 1))]
                text = text[: one.start()] + draw(NUMBERS) + text[one.end() :]
            parts.append(HEAD + text + draw(st.sampled_from([b"\n", b"\n", b"\n", b" \n", b""])))
        else:
            parts.append(draw(PIECES))
    return b"".join(parts)


def seen(
    kernel: ModuleType, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> tuple[tuple[int, int, int], list[GcEvent], list[int]]:
    monkeypatch.setattr(FORMS, "_kernel", kernel)
    FORMS._flat_floats[:] = memoryview(
        type(FORMS._flat_floats.obj)("d", bytes(len(FORMS._flat_floats) * 8))
    )
    rows = FORMS.rows(text, 0, len(text), HEAD)
    isolate = forms.Isolate(7, "0x1a", size=0)
    return rows, FORMS.events(rows[0], isolate) if rows[0] else [], FORMS._state.tolist()


def test_real_records_have_forms() -> None:
    assert len(RECORDS) > 12
    read = [text for text, _ in RECORDS if FORMS.rows(HEAD + text + b"\n", 0, 1, HEAD)[0]]
    minor = [text for text, columns in RECORDS if columns["kind"] == "minor"]
    assert set(minor) <= set(read)


@settings(max_examples=150)
@given(text=logs())
def test_what_is_read_is_what_is_read_with_care(text: bytes) -> None:
    """And compiled it is the same as interpreted."""
    with pytest.MonkeyPatch.context() as patch:
        (rows, events, state), again = (seen(kernel, patch, text) for kernel in KERNELS)
    assert again == (rows, events, state)
    count, end, clear = rows
    assert 0 <= end <= clear <= len(text)
    careful = []
    for match in RECORD.finditer(text[:end]):
        if match[0].startswith(HEAD):
            columns = parse(match[2], ended=True)
            assert columns is not None, match[0]
            stamp = float(match[1].split(b" ms: ")[0]) / 1000
            careful.append((stamp - columns["pause"], columns))
    assert len(careful) == len(events) == count
    for event, (time, columns) in zip(events, careful, strict=True):
        given = columns | {"time": time, "allocated": event.allocated}
        assert event == GcEvent(pid=7, isolate="0x1a", **given)
    # Nothing that may be a record is passed over.
    passed = text[end:clear]
    assert b" ms: " not in passed
    assert HEAD + b" " not in passed


@given(text=st.binary(max_size=300), pieces=st.lists(PIECES, max_size=5), at=st.integers(0, 400))
def test_any_bytes(text: bytes, pieces: list[bytes], at: int) -> None:
    text += b"".join(pieces)
    for kernel in KERNELS:
        FORMS._kernel = kernel
        count, end, clear = FORMS.rows(text, min(at, len(text)), len(text), HEAD)
        assert (count, end) == (0, min(at, len(text)))
        assert end <= clear <= len(text)
    FORMS._kernel = KERNELS[0]
