"""Records of `--trace-gc-nvp`: names and values, as text from V8 6 to 13, as JSON from
14 (Node.js 25) on.

Faults of V8 that are dealt with here: a blank that is missing in full collections of V8 12 and 13
(`clear.join_filter_job=0.0clear.join_job=0.0`); names that changed (`total_size_before` is
`start_object_size` from V8 13 on; `semi_space_copied` up to V8 10 is `new_space_survived`;
`new_space_survive_rate_` has an underscore too many in V8 11 to 13).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from nodemem.gc.words import MARK_COMPACT, MINOR_MARK_SWEEP, SCAVENGE, SHORT, Collector

JSON_BEGINS = b"GC: {"
TEXT_BEGINS = b"pause="
_FIRST = (b" total_size_before=", b" start_object_size=")
_HEAD = re.compile(
    rb"pause=(\d{1,15}(?:\.\d{1,9})?) mutator=\S+ gc=(\w{1,4}) reduce_memory=([01]) "
)
_NUMBER = rb"-?(?:\d{1,20}(?:\.\d{1,9})?|inf|nan)(?:e[+-]\d{1,3})?%?"
_VALUE = re.compile(_NUMBER)
_TAIL = re.compile(rb"(?: [\w.]+=" + _NUMBER + rb")+\s*")
_LAST = {
    SCAVENGE: ("context_disposal_rate", "unmapper_chunks", "pool_chunks", "pool_total_chunks"),
    MARK_COMPACT: ("compaction_speed",),
    MINOR_MARK_SWEEP: ("new_space_allocation_throughput", "allocation_throughput"),
}
"""What a text record ends with, in the order of releases."""
_FROM_9 = b" time_to_safepoint="  # printed from V8 9 (Node.js 16) on
_MOST = 1 << 62
_ANY = rb"(?:-?[\d.]+(?:e[+-]\d+)?%?|m?m?[cs])"
_PAIR = re.compile(rb"[a-z_][a-z\d_.]*=" + _ANY)
_FAULT = b"clear.join_filter_job="
CALLBACKS = (
    "heap.external.prologue",
    "heap.external.epilogue",
    "heap.external_weak_global_handles",
    "heap.external.weak_global_handles",
)
_INCREMENTAL = (
    ("steps_time", b" incremental="),
    ("longest_step", b" incremental_longest_step="),
    ("marking_time", b" incremental_walltime_duration="),
)


def begins(body: bytes) -> bool:
    """Whether `body` could be such a record, whole or not."""
    return body.startswith((b"pause", b"GC: "))


def parse(body: bytes) -> dict[str, Any] | None:
    """The columns of a record, in seconds and bytes, `allocated` as printed; None if damaged."""
    return parse_json(body[4:]) if body.startswith(b"GC: ") else _parse_text(body)


def _parse_text(body: bytes) -> dict[str, Any] | None:
    head = _HEAD.match(body)
    at = next((i for name in _FIRST if (i := body.find(name)) >= 0), -1)
    if head is None or at < 0:
        return None
    if not _TAIL.fullmatch(body, at):
        return None
    pairs = [pair.split("=") for pair in body[at:].decode("latin-1").split()]
    values = dict(pairs)
    collector = SHORT.get(head[2].decode())
    if collector is None or len(values) != len(pairs):
        return None
    columns = columns_of(lambda name: _number(values.get(name)))
    if columns is None or not _whole_record(collector, pairs[-1][0], values, body):
        return None
    columns["kind"], columns["collector"] = collector
    columns["pause"] = float(head[1]) / 1000
    columns["reduce"] = head[3] == b"1"
    columns["callbacks"] = callbacks_of(lambda name: _after(body, b" %s=" % name.encode()))
    if collector.kind == "major" and _after(body, b" incremental_walltime_duration="):
        for column, name in _INCREMENTAL:
            time = _after(body, name)
            columns[column] = None if time is None else time / 1000
        steps = _after(body, b" incremental_steps_count=")
        columns["steps"] = None if steps is None else int(steps)
    return columns


def _whole_record(collector: Collector, last: str, values: dict[str, str], body: bytes) -> bool:
    """Whether a record that ends with the value `last` is not cut off before its end."""
    names = _LAST[collector]
    if collector is SCAVENGE:  # up to V8 8 what later ones end with is followed by one more
        return last in names[1:] if _FROM_9 in body else last == names[0]
    if collector is MINOR_MARK_SWEEP:  # from V8 13 on there are two more values
        return last == names["new_space_capacity" in values]
    return last in names


def parse_json(text: bytes | str) -> dict[str, Any] | None:
    """The same of the JSON form, which also stands in trace events."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    collector = SHORT.get(str(data.get("gc"))) if isinstance(data, dict) else None
    pause = _plain(data.get("pause")) if collector else None
    columns = columns_of(data.get) if pause is not None else None
    if collector is None or pause is None or columns is None:
        return None
    columns["kind"], columns["collector"] = collector
    columns["pause"] = pause / 1000
    columns["reduce"] = bool(data.get("reduce_memory"))
    columns["cause"] = _text(data.get("reason"))
    columns["collector_cause"] = _text(data.get("collector_reason"))
    columns["callbacks"] = callbacks_of(lambda name: _plain(data.get(name)))
    if collector.kind == "major" and data.get("is_incremental"):
        for column, name in _INCREMENTAL:
            time = _plain(data.get(name.strip(b" =").decode()))
            columns[column] = None if time is None else time / 1000
        columns["steps"] = _whole(data.get("incremental_steps_count"))
    return columns


def callbacks_of(get: Callable[[str], float | None]) -> float:
    """The seconds in the embedder's callbacks; `get` gives the milliseconds of a name."""
    return sum(get(name) or 0.0 for name in CALLBACKS) / 1000


def columns_of(get: Callable[[str], object]) -> dict[str, Any] | None:
    """The sizes and shares; `get` gives the value of a name. None if some are missing that all
    releases print."""
    columns: dict[str, Any] = {}
    for column, name, older in SIZES:
        value = get(name)
        if value is None and older:
            value = get(older)
        columns[column] = _whole(value)
    moved = _plain(get("promotion_ratio"))
    kept = next((x for name in _RATES if (x := _plain(get(name))) is not None), None)
    if moved is not None and kept is not None:
        columns["survival"] = min(1.0, max(0.0, (moved + kept) / 100))
    return None if any(columns[name] is None for name in _ALWAYS) else columns


SIZES = (  # column, name, older name
    ("used_before", "start_object_size", "total_size_before"),
    ("used_after", "end_object_size", "total_size_after"),
    ("size_before", "start_memory_size", ""),
    ("size_after", "end_memory_size", ""),
    ("promoted", "promoted", ""),
    ("survived", "new_space_survived", "semi_space_copied"),
    ("allocated", "allocated", ""),
    ("new_capacity", "new_space_capacity", ""),
    ("old_limit", "old_gen_allocation_limit", ""),
    ("global_limit", "global_allocation_limit", ""),
)
_ALWAYS = ("used_before", "used_after", "promoted")
_RATES = ("new_space_survive_rate", "new_space_survive_rate_", "semi_space_copy_rate")


def places(names: list[str]) -> dict[str, tuple[str, int]]:
    """What of a minor collection's values is a column, of which kind and in which one: as
    `kernels.gc_lines` puts them down. Empty if a name comes twice."""
    if len(set(names)) < len(names):
        return {}
    kept = next((name for name in _RATES if name in names), "")
    found = {"pause": ("TIME", 1), "promotion_ratio": ("ANY", 6), kept: ("ANY", 7)}
    found |= {name: ("ANY", 2 + i) for i, name in enumerate(CALLBACKS)}
    for i, (_, name, older) in enumerate(SIZES):
        found[name if name in names else older] = ("WHOLE", i)
    return {name: place for name, place in found.items() if name in names}


def _number(text: str | None) -> float | int | None:
    if text is None:
        return None
    text = text.rstrip("%")
    return int(text) if text.isdigit() else float(text)


def _plain(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _MOST else None


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value if 0 <= value < _MOST else None
    number = _plain(value)
    return None if number is None or number != int(number) else int(number)


def _text(value: object) -> str | None:
    return value[:100] if isinstance(value, str) and value else None


def _after(body: bytes, name: bytes) -> float | None:
    at = body.find(name)
    if at < 0:
        return None
    begin = at + len(name)
    end = body.find(b" ", begin, begin + 40)
    value = body[begin:end]
    return abs(float(value)) if _VALUE.fullmatch(value) and value[-1:] != b"%" else None


def ends(line: bytes) -> bool:
    """Whether `line` could be the end of such a record."""
    text = line.rstrip()
    if not text or text.endswith(b"}"):
        return True
    name, mark, value = text[text.rfind(b" ") + 1 :].partition(b"=")
    if not mark:  # cut inside of the last value, or nothing of ours
        return _VALUE.fullmatch(name) is not None
    return (
        any(one.endswith(name.decode("latin-1")) for last in _LAST.values() for one in last)
        and _VALUE.fullmatch(value) is not None
    )


def whole_so_far(body: bytes) -> int:
    """How many bytes of a damaged text record look like names and values."""
    match = _SO_FAR.match(body)
    return match.end() if match else 0


_SO_FAR = re.compile(rb"(?:[A-Za-z_][\w.]*=" + _ANY + rb" ?)*(?:[\w.]+(?:=-?[\d.]*)?)?")


def names(body: bytes) -> list[str] | None:
    """The names in a record, in their order; None if it does not consist of names and values."""
    if body.startswith(JSON_BEGINS):
        try:
            data = json.loads(body[4:])
        except (ValueError, RecursionError):
            return None
        return list(data) if isinstance(data, dict) else None
    if any(not _PAIR.fullmatch(pair) and not pair.startswith(_FAULT) for pair in body.split()):
        return None
    return [pair.partition(b"=")[0].decode() for pair in body.split()]


def collector(body: bytes) -> bytes:
    """What stands for the collector in the beginning of a record, as far as that is there."""
    match = _COLLECTOR.search(body[:200])
    return match[1] if match else b""


_COLLECTOR = re.compile(rb"\bgc\"?[=:]\"?(\w{1,4})")

WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    after allocated allocation array average background before body buffer buffers candidates
    capacity change chunks clean clear closure code collections collector compaction complete
    conservative copied copy count dependent died duration during embedder end ephemeron epilogue
    evacuate external fast filter finalize finish forwarding free full gc gen global handles
    handling harmony heap holes identify in incremental interleaved is job jobs join js layout
    limit linear lists lo local longest main map maps mark marking memory mutator new nodes non
    object objects old pages parallel pause pin pinned pointers pool precise process prologue
    promote promoted promotion quarantined rate ratio reason rebalance reduce references refs
    remembered resize restore roots safepoint scanning scavenge semi set shared size slots space
    speed stack start step steps string survival survive survived sweep sweeping table throughput
    time to took total tracing trivial unmapper up update walltime weak weakness wrapper
        """,
    )
)
"""What the names of V8 10 to 14 are made of."""


def sensible(names: list[str]) -> bool:
    """Whether all names are made of words that V8 uses."""
    return all(WORDS.issuperset(_PARTS.split(name.rstrip("_"))) for name in names)


_PARTS = re.compile(r"[._]")
