"""Settings: flag > environment > file > default.

A file is `nodemem.toml`, or the table `[tool.nodemem]` of `pyproject.toml`, in the current
directory or the nearest one above it that has either. Settings never name a program to run:
a checkout must not decide what is executed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from nodemem.errors import UsageError
from nodemem.units import parse_duration

ENVIRONMENT_PREFIX = "NODEMEM_"


Cache = Literal["beside", "folder", "off"]
"""Where indexes of heap snapshots may be written: beside them, else in the cache folder; in the
cache folder only; nowhere."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`top` is how many rows tables show; `interval` is the pause of `--watch`, like `500ms`.

    `sources` says where the files of snapshots taken elsewhere are: the beginning of a script's
    path there, and the folder that stands for it here (from the settings' file, when relative).
    """

    lang: Literal["en", "ko"] | None = None
    color: Literal["auto", "always", "never"] = "auto"
    top: int = 25
    interval: str = "1s"
    sources: dict[str, str] = {}
    cache: Cache = "beside"

    def __post_init__(self) -> None:
        parse_duration(self.interval)
        if self.top < 1:
            raise UsageError(f"top = {self.top} is too small", next="set it to 1 or more")


def load_config(
    directory: Path | None = None, environment: Mapping[str, str] | None = None
) -> Config:
    """The settings in force in `directory` (default: the current one).

    Raises:
        UsageError: an unknown setting, a value of the wrong type, or a file that is not TOML;
            it names the file or the variable.
    """
    here = directory or _here()
    path, values = _from_files(None if here is None else here.resolve())
    _check(values, f"{path}")
    env = os.environ if environment is None else environment
    for name in Config.__struct_fields__:
        variable = ENVIRONMENT_PREFIX + name.upper()
        if text := env.get(variable):
            override: dict[str, Any] = {name: text}
            if name == "sources":
                parts = (part.partition("=") for part in text.split(os.pathsep))
                override = {name: {begin: folder for begin, _, folder in parts}}
            _check(override, f"environment variable {variable}")
            values = values | override
    return msgspec.convert(values, Config, strict=False)


def _here() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed: then there is no file in it or above
        return None


def _from_files(directory: Path | None) -> tuple[Path | None, Any]:
    for folder in () if directory is None else (directory, *directory.parents):
        own = folder / "nodemem.toml"
        if own.is_file():
            return own, _located(_read(own), folder)
        project = folder / "pyproject.toml"
        if project.is_file():
            tool = _read(project).get("tool")
            if isinstance(tool, dict) and "nodemem" in tool:
                return project, _located(tool["nodemem"], folder)
    return None, {}


def _located(values: Any, folder: Path) -> Any:
    """The settings of a file in `folder`, with its relative paths from there."""
    if not isinstance(values, dict) or not isinstance(sources := values.get("sources"), dict):
        return values
    located = {b: str(folder / d) if isinstance(d, str) else d for b, d in sources.items()}
    return values | {"sources": located}


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"cannot read the settings in {path}", why=str(error)) from error


def _check(values: Any, origin: str) -> None:
    if not isinstance(values, dict):
        raise UsageError(f"the settings in {origin} are no table", next="write [tool.nodemem]")
    for key in values:
        if key not in Config.__struct_fields__:
            import difflib

            near = difflib.get_close_matches(key, Config.__struct_fields__, n=1)
            raise UsageError(
                f"unknown setting '{key}' in {origin}",
                next=f"did you mean '{near[0]}'?"
                if near
                else f"known settings: {', '.join(Config.__struct_fields__)}",
            )
    try:
        msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"wrong setting in {origin}", why=str(error)) from error
    except UsageError as error:
        raise UsageError(f"wrong setting in {origin}", why=error.what, next=error.next) from error
