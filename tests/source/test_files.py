"""Where scripts, their maps and their sources are found on this machine."""

from __future__ import annotations

import base64
import os
from urllib.parse import quote

import pytest

from nodemem.errors import InputError, UsageError
from nodemem.source.files import SourceRoots, original_file, script_text
from nodemem.source.references import find_map, mapping_url

MAP = '{"version":3,"sources":["../src/a.ts"],"names":[],"mappings":"AAAA"}'


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("x;\n//# sourceMappingURL=a.js.map", "a.js.map"),
        ("x;\n//@ sourceMappingURL=old.map\n\n", "old.map"),
        ("x; /*# sourceMappingURL=a.css.map */ y;", "a.css.map"),
        ("//# sourceMappingURL=1.map\r\nx;\n//# sourceMappingURL=2.map\r\n", "2.map"),
        ("//# sourceMappingURL=1.map\nlog(`\n//# sourceMappingURL=${x}`);", "1.map"),
        ("//# sourceMappingURL=1.map\nconst s = '//# sourceMappingURL=' + x;", "1.map"),
        ("x;\n// see sourceMappingURL=a.map", None),
        ("x;\n//# sourceMappingURL=a b.map", None),
        ("x;\n//# sourceMappingURL=", None),
        ("sourceMappingURL=" * 10_000, None),
        ("", None),
    ],
)
def test_the_last_comment_names_the_map(text, url):
    assert mapping_url(text) == url


@pytest.mark.parametrize(
    "url",
    [
        "data:application/json;base64," + base64.b64encode(MAP.encode()).decode(),
        "data:application/json;charset=utf-8;base64," + base64.b64encode(MAP.encode()).decode(),
        "data:application/json," + quote(MAP),
        "a.js.map",
        "./a.js.map?v=1",
        "maps/a.map",
        "maps%2Fa.map",
        "file://{folder}/maps/a.map",
        "nowhere.map",  # the file beside the script is taken
        "https://cdn.example/a.js.map",
        None,
    ],
)
def test_a_map_is_found(url, tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "a.map").write_text(MAP)
    (tmp_path / "a.js.map").write_text(MAP)
    comment = "" if url is None else f"//# sourceMappingURL={url.format(folder=tmp_path)}"
    found = find_map(f"x;\n{comment}\n", tmp_path / "a.js")
    assert found is not None
    assert found.map.original(0, 5) is not None
    wanted = tmp_path / "maps" if url and "maps" in url else tmp_path
    assert found.base.parent == wanted


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://cdn.example/a.js.map", "nothing is fetched from the network"),
        ("//cdn.example/a.js.map", "No such file"),
        ("nowhere.map", "No such file"),
        ("folder", "no file"),
        ("pipe", "no file"),
        ("/dev/zero", "no file"),
        ("a\x00b", "null byte|embedded"),
        ("data:application/json;base64,@@@", "base64|padding"),
        ("data:application/json", "no data"),
        ("data:,", "truncated"),
    ],
)
def test_a_map_that_cannot_be_read_is_an_error(url, why, tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=why):
        find_map(f"//# sourceMappingURL={url}", tmp_path / "a.js")


def test_no_comment_and_no_file_is_no_map(tmp_path):
    assert find_map("x;", tmp_path / "a.js") is None


def test_scripts_of_another_machine_are_found(tmp_path):
    for name in ("app/dist/x.js", "dist/x.js", "x.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    files = SourceRoots({"/app": str(tmp_path), "/app/dist": str(tmp_path / "app/dist")}).files
    assert list(files("/app/dist/x.js")) == [tmp_path / "app/dist/x.js", tmp_path / "dist/x.js"]
    assert list(files("/application/dist/x.js")) == []
    files = SourceRoots.parse([str(tmp_path)]).files
    assert [str(path.relative_to(tmp_path)) for path in files("/app/dist/x.js")] == [
        "app/dist/x.js", "dist/x.js", "x.js",
    ]  # fmt: skip
    assert list(files("dist/../x.js")) == [tmp_path / "dist/x.js", tmp_path / "x.js"]
    assert list(files("node:fs")) == list(files("evalmachine.<anonymous>")) == []
    assert list(SourceRoots.parse([f"/srv={tmp_path}"]).files("/srv/x.js")) == [tmp_path / "x.js"]


def test_a_root_must_be_a_folder(tmp_path):
    for text in (f"{tmp_path}/none", f"/app={tmp_path}/none"):
        with pytest.raises(UsageError, match="no folder"):
            SourceRoots.parse([text])


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("../src/a.ts", "{root}/src/a.ts"),
        ("/abs/a.ts", "/abs/a.ts"),
        ("file:///abs/a%20b.ts", "/abs/a b.ts"),
        ("webpack://shop/./src/a.ts", "{root}/src/a.ts"),
        ("webpack:///./src/a.ts?1234", "{root}/src/a.ts"),
        ("webpack:///src/a.ts", "{root}/src/a.ts"),
        ("turbopack:///[project]/src/a.ts", "{root}/src/a.ts"),
        ("webpack://shop/./src/gone.ts", "src/gone.ts"),
        ("webpack:///./src/gone.ts", "src/gone.ts"),
        ("https://example.org/a.ts", "https://example.org/a.ts"),
    ],
)
def test_sources_are_files(source, wanted, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.ts").write_text("")
    found = original_file(source, tmp_path / "dist" / "a.js.map")
    assert found == wanted.format(root=tmp_path)


def test_text_is_counted_as_v8_does(tmp_path):
    path = tmp_path / "a.js"
    path.write_bytes(b"\xef\xbb\xbf'\xf0\x9f\x98\x80';\r\nlet x\xff")
    text = script_text(path)
    assert text is not None
    assert len(text) == len("'12';\r\nlet x?")
    assert text.startswith("'")
    assert script_text(tmp_path) is None
    assert script_text(tmp_path / "none.js") is None
