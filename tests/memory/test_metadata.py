"""What a program file publishes, and files that publish nothing."""

from __future__ import annotations

import contextlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.errors import InputError
from nodemem.memory import elf, metadata


def test_real_releases(node: Path) -> None:
    found = metadata.load(node.resolve())
    assert found.type("JS_MAP_TYPE") in found.types
    assert found.offset("SeqOneByteString__chars", 0) == 16
    assert found.offset("JSFunction__shared", 0) in (24, 32)
    assert found.offset("No__such_field", 5) == 5
    assert metadata.load(node.resolve()) is found


def test_other_programs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not say"):
        metadata.load("/bin/sh")
    with pytest.raises(InputError, match="cannot be read"):
        metadata.load(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read"):
        metadata.load(tmp_path)
    (tmp_path / "text").write_text("not a program")
    with pytest.raises(InputError, match="ELF"):
        metadata.load(tmp_path / "text")


@given(st.integers(0, 120), st.binary(min_size=1, max_size=16))
def test_headers_with_faults(at: int, noise: bytes) -> None:
    content = bytearray(Path("/bin/sh").read_bytes())
    content[at : at + len(noise)] = noise
    with contextlib.suppress(InputError):
        assert elf.published(BytesIO(bytes(content)), "v8dbg_") == {}
