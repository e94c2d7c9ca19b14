from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from nodemem.errors import OutputError, OutputExists
from nodemem.paths import partial_of, refuse_existing, state_folder, whole_file


def test_a_file_appears_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    with whole_file(path) as file:
        file.write(b"abc")
        assert not path.exists()
    assert path.read_bytes() == b"abc"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_there_was_as_partial(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    with pytest.raises(ValueError, match="half-way"), whole_file(path) as file:
        file.write(b"ab")
        raise ValueError("half-way")
    assert not path.exists()
    assert (tmp_path / "out.bin.partial").read_bytes() == b"ab"


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(OutputExists), whole_file(path):
        pass
    assert path.read_bytes() == b"old"
    with whole_file(path, force=True) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_a_link_planted_as_partial_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "out.partial").symlink_to(victim)
    with whole_file(tmp_path / "out") as file:
        file.write(b"x")
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, force: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="pipe"), whole_file(pipe, force=force):
        pytest.fail("the block must not run")
    assert pipe.is_fifo()


def test_a_link_to_nothing_is_there_already(tmp_path: Path) -> None:
    link = tmp_path / "out"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputExists), whole_file(link):
        pytest.fail("the block must not run")
    assert link.is_symlink()


def test_a_refused_write_names_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutputError) as refused, whole_file(path) as file:
            file.write(b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not path.exists()
    assert f"{path}.partial" in (refused.value.next or "")


@pytest.mark.parametrize("name", ["missing/out", ".", "n" * 300, "nul\0byte"])
def test_impossible_places_are_refused_before_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError), whole_file(tmp_path / name):
        pytest.fail("the block must not run")


def test_a_folder_that_may_not_be_written_to_is_refused_before_work() -> None:
    child = os.fork()
    if not child:
        code = 1
        try:
            if os.geteuid() == 0:  # root may write everywhere
                os.setresuid(65534, 65534, 65534)
            refuse_existing(Path("/nodemem-test"), force=True)
        except OutputError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_an_unfinished_file_is_replaced_unless_it_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    partial_of(path).write_bytes(b"half of an earlier one")
    with whole_file(path) as file:
        file.write(b"new")
        file.flush()
        with pytest.raises(OutputExists, match="being written"), whole_file(path):
            pass
        assert partial_of(path).read_bytes() == b"new"
    assert path.read_bytes() == b"new"
    assert not partial_of(path).exists()


def test_state_is_private_and_where_the_user_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a" / "b"))
    folder = state_folder()
    assert folder == tmp_path / "a" / "b" / "nodemem"
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "nodemem"


@pytest.mark.parametrize("place", ["/dev/null/home", "/proc/home", "/a\0b"])
def test_without_a_place_for_state_there_is_none(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", {**os.environ, "XDG_STATE_HOME": place})
    assert state_folder() is None
