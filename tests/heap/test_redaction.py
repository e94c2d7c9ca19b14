"""Redacted copies: nothing of what was planted is left, and every answer has the same numbers."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem.cli import run
from nodemem.errors import InputError, OutputExists, UsageError
from nodemem.heap.queries import QUERIES
from nodemem.heap.redaction import redact
from nodemem.heap.redaction.tokens import Tokens
from nodemem.results import Table
from nodemem.testing import SnapshotBuilder

# What must go is never a part of what may stay, so that searching the file for it is enough.
PROGRAM = r"""
const planted = JSON.parse(require('fs').readFileSync(0, 'utf8'));
class Account { constructor(mail) { this.mail = mail; this.tags = new Map([[mail + '/tag', 1]]); } }
const accounts = new Map();
for (let i = 0; i < 60; i++) accounts.set(planted.key + i, new Account(planted.value + ' ' + i));
const byMail = {};
for (let i = 0; i < 40; i++) byMail[planted.member + i] = { note: planted.wide };
const dictionary = {};
for (let i = 0; i < 2000; i++) dictionary['k' + planted.word + i] = i + 0.5;
const small = [1, 2].map(() => ({ [planted.word]: 1, [planted.odd]: {} }));
let joined = planted.left;
joined += planted.right;
const slice = ('x'.repeat(50) + planted.slice + 'y'.repeat(50)).slice(40, 120);
const weak = new WeakMap(), weakKey = new Account(planted.value);
weak.set(weakKey, planted.weak + ' which is long enough to be one');
const pattern = new RegExp(planted.pattern);
const symbol = Symbol.for(planted.symbol + ' of somebody');
const tagged = { [symbol]: planted.value };
const url = new URL('https://example.org/path?token=' + planted.token);
const compiled = new Function('return "' + planted.source + '"');
const error = new Error(planted.error);
let letters = '';
for (const letter of planted.letters) letters = letters + letter;
require('vm').runInThisContext('function viaUrl() {}; globalThis.viaUrl = viaUrl',
  { filename: 'https://' + planted.user + '@example.org/a.js?key=' + planted.token });
compiled();
setInterval(() => accounts, 60000).unref();
process.on('warning', () => accounts);
globalThis.keep = { accounts, byMail, dictionary, small, slice, weak, weakKey, pattern,
  tagged, url, compiled, error, keepJoined: [joined, letters], args: process.argv,
  env: { ...process.env } };
require('v8').writeHeapSnapshot(process.argv[1], { exposeNumericValues: true });
"""
SECRETS = {
    "key": "alice@example.com#",
    "value": "hunter2-value",
    "member": "bob@example.com/",
    "wide": "비밀번호 qwertz éü",
    "word": "Zyxwvutsr",
    "odd": 'it\'s, "odd" {x}',
    "left": "left-half-of-a-secret/",
    "right": "right-half-of-a-secret",
    "slice": "slice-of-a-secret",
    "weak": "weakly-held-secret",
    "pattern": "secret[0-9]pattern",
    "symbol": "secret@symbol",
    "token": "tok_51Habcdefgh",
    "source": "source-text-secret",
    "error": "message-of-an-error",
    "letters": "letter:by:letter",
    "user": "uqser:pwzssword",
}
ARGUMENT, VARIABLE = "--password=argv-secret", "env-secret-value"


@pytest.fixture(scope="module")
def original(any_node: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("redaction") / "a.heapsnapshot"
    subprocess.run(
        [any_node, "-e", PROGRAM, path, ARGUMENT],
        input=json.dumps(SECRETS).encode(),
        env={**os.environ, "PLANTED": VARIABLE},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return path


@pytest.fixture(scope="module")
def copy(original: Path) -> Path:
    path = original.with_name("b.heapsnapshot")
    redact(original, path)
    return path


def spellings(text: str) -> set[bytes]:
    """A text as JSON may spell it, whole and in halves."""
    found = set()
    for part in (text, text[: len(text) // 2 + 1], text[len(text) // 2 - 1 :]):
        for ascii_only in (True, False):
            spelled = json.dumps(part, ensure_ascii=ascii_only)[1:-1]
            found |= {spelled.encode(), part.encode()}
            found.add(re.sub(r"\\u....", lambda m: "\\u" + m[0][2:].upper(), spelled).encode())
    return found


@pytest.mark.parametrize("secret", [*SECRETS.values(), ARGUMENT, VARIABLE])
def test_a_planted_secret_is_nowhere_in_the_copy(original: Path, copy: Path, secret: str) -> None:
    wanted = spellings(secret)
    data = copy.read_bytes()
    if secret != SECRETS["letters"]:
        assert any(spelling in original.read_bytes() for spelling in wanted), "was not planted"
    assert not [spelling for spelling in wanted if spelling in data]


def numbers(table: Table) -> Counter[tuple[float, ...]]:
    """The figures of all rows; texts differ, and with them the order of equal rows."""
    return Counter(
        tuple(v for v in record if isinstance(v, int | float) and not isinstance(v, bool))
        for record in table.records
    )


def test_every_query_gives_the_same_numbers(original: Path, copy: Path) -> None:
    before, after = nodemem.open_snapshot(original), nodemem.open_snapshot(copy)
    account = before.node_id(before.objects_named("Account")[0])
    for query in QUERIES:
        if query.files[0] > 1:
            continue
        options: dict[str, Any] = {}
        known = {option.name: option for option in query.options()}
        if "id" in known:
            options["id"] = (account,) if known["id"].multiple else account
        answers = [snapshot.query(query.name, **options) for snapshot in (before, after)]
        assert len(answers[0]) == len(answers[1]), query.name
        assert numbers(answers[0]) == numbers(answers[1]), query.name
        assert answers[0].summary == answers[1].summary, query.name
    assert before.query("summary").summary["node_version"].startswith("v")


SCOPES = """
function shared() {
  const unused = new Array(30000).fill('x'), used = new Array(20000).fill('y');
  const gone = () => unused;
  return function reader() { return used; };
}
class Held { #rows = new Array(9000).fill('z'); constructor() { this.more = [{}]; } }
let outside = [new Held(), new Held()];
globalThis.kept = [shared(), () => outside];
const { EventEmitter } = require('events');
const emitter = globalThis.emitter = new EventEmitter();
for (let i = 0; i < 12; i++) emitter.on('row', () => outside[i]);
globalThis.same = Array.from({ length: 9 }, () => Buffer.from('again and again').toString());
globalThis.timer = setInterval(() => outside, 123456).unref();
globalThis.pending = new Promise(() => {});
(async () => { const local = new Held(); await globalThis.pending; return local; })();
require('v8').writeHeapSnapshot(process.argv[2]);
"""
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("closures", {}),
    ("closures", {"unused": True}),
    ("closures", {"builtin": True, "top": 1000}),
    ("suspects", {"share": 0.0, "bytes": 1000}),
    ("classes", {"match": "Held"}),
    ("listeners", {"builtin": True}),
    ("promises", {"builtin": True, "top": 500}),
    ("timers", {"top": 100}),
    ("collections", {"by": "object"}),
    ("dominators", {"depth": 4, "share": 0.0, "top": 50}),
    ("containment", {"depth": 2, "top": 30}),
    ("path", {"class_": "Held"}),
    ("search", {"name": "Held"}),
    ("shapes", {"top": 100}),
    ("buffers", {"top": 100}),
    ("contexts", {}),
    ("summary", {"top": 1000}),
]
TEXT_IS_NOT_THERE = {"mentioned", "source", "source_evidence", "generated", "path"}


@pytest.fixture(scope="module")
def scopes(any_node: Path, tmp_path_factory: pytest.TempPathFactory) -> list[nodemem.HeapSnapshot]:
    """A snapshot of a program whose text V8 writes whole, and its copy."""
    folder = tmp_path_factory.mktemp("scopes")
    (folder / "app.js").write_text(SCOPES)
    found = folder / "a.heapsnapshot", folder / "b.heapsnapshot"
    subprocess.run([any_node, folder / "app.js", found[0]], check=True, capture_output=True)
    redact(*found, names="all")
    return [nodemem.open_snapshot(path) for path in found]


def known(table: Table, hidden: set[str]) -> list[dict[str, Any]]:
    """The rows without some columns and without texts that the copy has tokens for: strings, and
    names of members whose values are in no snapshot, in the names of plain objects."""
    return [
        {
            key: re.sub(r"\{[^}]*\}", "{}", value) if isinstance(value, str) else value
            for key, value in row.items()
            if key not in hidden and not str(value).startswith(("'", "part"))
        }
        for row in table.rows()
    ]


@pytest.mark.parametrize(("name", "options"), ASKED, ids=str)
def test_a_copy_is_analysed_as_the_original_where_the_sources_are(
    scopes: list[nodemem.HeapSnapshot], name: str, options: dict[str, Any]
) -> None:
    before, after = (snapshot.query(name, **options) for snapshot in scopes)
    assert before.rows()
    # The texts of Node.js itself are in no file.
    hidden = TEXT_IS_NOT_THERE if options.get("builtin") else {"source_evidence"}
    assert known(before, hidden) == known(after, hidden)
    if name == "closures" and options.get("builtin"):
        return
    assert before.summary == after.summary
    told = [[(f.id, f.params, f.where) for f in table.findings] for table in (before, after)]
    assert told[0] == told[1]


def test_without_the_sources_a_copy_says_less_and_nothing_else(
    scopes: list[nodemem.HeapSnapshot], tmp_path: Path
) -> None:
    source = Path(scopes[0].path_on_disk).with_name("app.js")
    away = source.rename(tmp_path / "app.js")
    try:
        for name, options in ASKED:
            before, after = (snapshot.query(name, **options) for snapshot in scopes)
            hidden = TEXT_IS_NOT_THERE
            if name == "closures":
                assert {row["mentioned"] for row in before.rows()} >= {"no"}
                assert {row["mentioned"] for row in after.rows()} <= {None}
                assert after.summary["untold"] == after.summary["variables"]
                assert not after.findings
                if options.get("unused"):
                    assert not after.records
                    continue
            assert known(before, hidden) == known(after, hidden), name
    finally:
        away.rename(source)


def test_names_that_code_gave_stay(original: Path, copy: Path) -> None:
    before, after = nodemem.open_snapshot(original), nodemem.open_snapshot(copy)
    assert [snapshot.string_count for snapshot in (before, after)] == 2 * [before.string_count]
    rows = {row["class"]: row for row in after.classes().rows()}
    assert rows["Account"]["count"] == 61
    for name in ("accounts", "byMail", "mail", "tags", "keepJoined", "_events", "Account"):
        assert after.find_string(name) is not None, name
    account = after.objects_named("Account")[0]
    members = [edge for edge in after.edges(account) if edge.type == "property"]
    assert {"mail", "tags"} <= {edge.name for edge in members}
    mail = next(edge.target for edge in members if edge.name == "mail")
    assert after.name(mail) != before.name(mail)
    # Places are numbers, and the script's name.
    assert after.location(account) == before.location(account)


def test_equal_stays_equal_and_lengths_stay(original: Path, copy: Path) -> None:
    before, after = nodemem.open_snapshot(original), nodemem.open_snapshot(copy)
    for index in range(before.string_count):
        old, new = before.string(index), after.string(index)
        assert len(old) == len(new)
        assert any(c > "\xff" for c in old) == any(c > "\xff" for c in new)


def test_the_text_of_numbers_goes_unless_it_is_asked_for(original: Path, tmp_path: Path) -> None:
    def values(path: Path) -> set[str]:
        snapshot = nodemem.open_snapshot(path)
        return {
            snapshot.name(edge.target)
            for node in range(snapshot.node_count)
            if snapshot.node_type(node) == "number"
            for edge in snapshot.edges(node)
            if edge.name == "value"
        }

    assert "1234.5" in values(original)
    redact(original, tmp_path / "without")
    assert "1234.5" not in values(tmp_path / "without")
    redact(original, tmp_path / "with", numbers=True)
    assert values(tmp_path / "with") == values(original)


@pytest.mark.parametrize(("names", "stays"), [("all", True), ("none", False)])
def test_names_can_all_stay_or_go(original: Path, tmp_path: Path, names: Any, stays: bool) -> None:
    redact(original, tmp_path / "out", names=names)
    data = (tmp_path / "out").read_bytes()
    assert (b"k" + SECRETS["word"].encode() in data) is stays
    assert (b'"keepJoined"' in data) is stays
    assert SECRETS["value"].encode() not in data
    total = [nodemem.open_snapshot(path).retained_size(0) for path in (original, tmp_path / "out")]
    assert total[0] == total[1]


def test_runs_have_keys_of_their_own(original: Path, copy: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        redact(original, tmp_path / name, key=b"the same key")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != copy.read_bytes()


def test_the_verb(original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "a.heapsnapshot.gz"
    packed.write_bytes(gzip.compress(original.read_bytes(), 1))
    target = tmp_path / "out.heapsnapshot.zst"
    assert run(["heap", "redact", str(packed), "-o", str(target), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["data"]["rows"][0]
    snapshot = nodemem.open_snapshot(target)
    assert row["replaced"] + row["kept"] == snapshot.strings.count
    assert row["bytes"] == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert run(["heap", "redact", str(packed), "-o", str(target)]) == 2
    assert run(["heap", "redact", str(packed), "-o", str(target), "--force"]) == 0


def test_a_damaged_file_leaves_nothing_behind(original: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "cut.heapsnapshot"
    damaged.write_bytes(original.read_bytes()[:-100_000])
    with pytest.raises(InputError):
        redact(damaged, tmp_path / "out")
    with pytest.raises(OutputExists):
        redact(original, damaged)
    with pytest.raises(UsageError):
        redact(original, tmp_path / "out", names="some")
    assert list(tmp_path.iterdir()) == [damaged]


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    heap = SnapshotBuilder()
    root = heap.node("synthetic", "")
    heap.edge(root, "shortcut", "global", heap.node("object", "<div id='secret'>", size=8))
    heap.edge(
        root, "shortcut", "other", heap.node("native", "Window / https://a.b/?secret", size=8)
    )
    document = heap.document(header={"title": "secret", "uid": 7})
    document["extra"] = {"comment": ["secret"]}
    path = tmp_path / "a.heapsnapshot"
    path.write_text(json.dumps(document))
    done = redact(path, tmp_path / "out")
    assert done.dropped == ("extra",)
    data = (tmp_path / "out").read_bytes()
    assert b"secret" not in data
    assert b'"uid":7' in data
    assert b"Window / https://a.b/" in data
    assert nodemem.open_snapshot(tmp_path / "out").classes().values("class")[0] == "<div>"


TEXTS = st.text(alphabet=st.characters(codec="utf-16-le"), max_size=40)


@settings(max_examples=60)
@given(st.lists(TEXTS, max_size=40))
def test_tokens_tell_texts_apart_and_nothing_else(texts: list[str]) -> None:
    tokens, again, other = (Tokens(key) for key in (b"key", b"key", b"other key"))
    made = [tokens.token(text) for text in texts]
    assert made == [again.token(text) for text in texts]
    for text, token in zip(texts, made, strict=True):
        assert len(token) == len(text.encode("utf-16-le")) // 2
        assert any(c > "\xff" for c in token) == any(c > "\xff" for c in text)
        assert not token or token[0].isalpha()
        assert len(text) < 8 or other.token(text) != token
    long = {text: token for text, token in zip(texts, made, strict=True) if len(text) > 3}
    assert len(set(long.values())) == len(long)
