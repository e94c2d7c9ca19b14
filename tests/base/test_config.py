from __future__ import annotations

from pathlib import Path

import pytest

from nodemem.config import Config, load_config
from nodemem.errors import UsageError


def test_defaults_hold_where_nothing_is_set(tmp_path: Path) -> None:
    assert load_config(tmp_path, {}) == Config()


def test_the_nearest_file_above_counts(tmp_path: Path) -> None:
    (tmp_path / "nodemem.toml").write_text('lang = "ko"\ntop = 7\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert load_config(inner, {}) == Config(lang="ko", top=7)


def test_pyproject_has_a_table_for_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.nodemem]\ninterval = "250ms"\n')
    assert load_config(tmp_path, {}).interval == "250ms"


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / "nodemem.toml").write_text("top = 7\n")
    assert load_config(tmp_path, {"NODEMEM_TOP": "9"}).top == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 'never'", "did you mean 'color'"),
        ("top = 'many'", "nodemem.toml"),
        ("top = 0", "too small"),
        ("interval = 'soon'", "not a duration"),
        ("interval = 'soon'", "nodemem.toml"),
        ("top = " + "[" * 9999, "cannot read"),
        ("top = ", "cannot read"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "nodemem.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path, {})
    assert message in f"{caught.value} {caught.value.next}"


@pytest.mark.parametrize(
    ("text", "known"), [("tool = 3", True), ("[tool]\nnodemem = 3", False)], ids=["tool", "table"]
)
def test_a_pyproject_of_another_shape_is_no_crash(tmp_path: Path, text: str, known: bool) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    if known:
        assert load_config(tmp_path, {}) == Config()
    else:
        with pytest.raises(UsageError, match=r"pyproject\.toml"):
            load_config(tmp_path, {})


def test_a_removed_directory_has_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load_config(environment={"NODEMEM_TOP": "9"}).top == 9


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NODEMEM_LANG"):
        load_config(tmp_path, {"NODEMEM_LANG": "fr"})


def test_folders_of_sources_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "nodemem.toml").write_text('[sources]\n"/app" = "dist"\n"/srv" = "/abs"\n')
    below = tmp_path / "below"
    below.mkdir()
    wanted = {"/app": str(tmp_path / "dist"), "/srv": "/abs"}
    assert load_config(below, {}).sources == wanted
    named = load_config(below, {"NODEMEM_SOURCES": "/a=x:/b=y"}).sources
    assert named == {"/a": "x", "/b": "y"}
    (tmp_path / "nodemem.toml").write_text('[sources]\n"/app" = 3\n')
    with pytest.raises(UsageError, match="wrong setting"):
        load_config(tmp_path, {})
