"""The memory map for people: segments as headlines, a bar for each category."""

from __future__ import annotations

from collections import defaultdict

from nodemem.cli import _map_limits
from nodemem.cli._frame import Output
from nodemem.memory.segments.types import SEGMENTS, UNATTRIBUTED, Category, MemoryMap
from nodemem.render.segments import category_name, segment_name
from nodemem.render.terminal import Terminal, cells, detect, wrap
from nodemem.render.told import tell
from nodemem.render.values import say
from nodemem.render.visible import visible

_BAR = 14
_FIGURE = 9
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def lines(out: Output, heading: str, found: MemoryMap) -> list[str]:
    """The whole screen; `heading` says what process it is of."""
    terminal = detect(out.color)
    text = refusals(out, found)
    text += _wrapped([heading], terminal)
    text += [*_wrapped(_totals(out, found), terminal), ""]
    rows = _rows(out, found)
    width = max(cells(label) for label, *_ in rows)
    titles = ["RSS", "PSS", "USS"] if found.pss is not None else ["RSS"]
    columns = " " * (width + 2) + "  ".join(f"{title:>{_FIGURE}}" for title in titles)
    text.append(terminal.style(columns, "dim"))
    for label, own, is_segment in rows:
        figures = [own.rss, own.pss, own.uss][: len(titles)]
        mark = "~" if own.exactness == "estimate" else ""
        shown = [mark + say(figures[0], "bytes", out.texts)]
        shown += [say(figure, "bytes", out.texts) for figure in figures[1:]]
        line = label + " " * (width - cells(label) + 2)
        line += "  ".join(f"{figure:>{_FIGURE}}" for figure in shown)
        bar = "" if is_segment else _bar(own.rss, found.rss, unicode=terminal.unicode)
        share = f"  {say(own.rss / found.rss if found.rss else 0.0, 'share', out.texts)}"
        line = terminal.style(line + share, "bold") if is_segment else f"{line}  {bar}"
        text.append(line.rstrip())
    notes = [*_isolates(out, found), *_threads(out, found), *_outside(out, found)]
    notes += [*_map_limits.lines(out, found.limits), *_notes(out, found)]
    text += ["", *_wrapped(notes, terminal)]
    for finding in found.findings:
        text += ["", out.text(finding).rstrip("\n")]
    for remark in found.remarks:
        told = tell(remark, out.texts)
        text += ["", *_wrapped([told.title, f"{told.why} {told.fix or ''}"], terminal)]
        if remark.next is not None:
            text.append(terminal.style(f"$ {remark.next}", "dim"))
    return [terminal.encodable(line) for line in text]


def refusals(out: Output, found: MemoryMap) -> list[str]:
    """What could not be read, and the way to it."""
    terminal = detect(out.color)
    text: list[str] = []
    for one in found.refusals:
        text += _wrapped([out.texts("map.refused", what=one.what, why=one.why)], terminal)
        text += [*_wrapped([one.next or ""], terminal), ""]
    return text


def _wrapped(notes: list[str], terminal: Terminal) -> list[str]:
    return [line for note in notes for line in wrap(note, terminal.prose, terminal)]


def _totals(out: Output, found: MemoryMap) -> list[str]:
    check = next((one for one in found.checks if one.name == "vm_rss"), None)
    if check is None:
        of_core = "files" in found.unseen
        told = [out.texts("map.core_total" if of_core else "map.total", rss=found.rss)]
        if found.private is not None:
            told.append(out.texts("map.own", uss=found.private))
        return told
    key = "map.total_agrees" if check.holds else "map.total_differs"
    return [out.texts(key, rss=found.rss, told=check.told)]


def _rows(out: Output, found: MemoryMap) -> list[tuple[str, Category, bool]]:
    """(label, figures, whether it is a segment), a segment before its categories. Those of several
    isolates and threads are added up."""
    rows = []
    for segment in SEGMENTS:
        by_name: dict[str, list[Category]] = defaultdict(list)
        for one in found.categories:
            if one.segment == segment:
                by_name[one.category].append(one)
        own = [one for many in by_name.values() for one in many]
        if not own or (segment == "other" and not any(one.rss for one in own)):
            continue
        rows.append((segment_name(out.texts, segment), _sum(own), True))
        for name, many in sorted(by_name.items(), key=lambda pair: -sum(c.rss for c in pair[1])):
            count = len({one.isolate for one in many})
            label = category_name(out.texts, name) + (f" ×{count}" if count > 1 else "")
            rows.append((f"  {label}", _sum(many), False))
    return rows


def _sum(many: list[Category]) -> Category:
    def add(values: list[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    return Category(
        many[0].segment,
        many[0].category,
        None,
        sum(one.rss for one in many),
        add([one.pss for one in many]),
        add([one.uss for one in many]),
        "estimate" if any(one.exactness == "estimate" for one in many) else "exact",
    )


def _bar(part: int, whole: int, *, unicode: bool) -> str:
    eighths = round(8 * _BAR * part / whole) if whole else 0
    if not unicode:
        return "#" * round(eighths / 8)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def _isolates(out: Output, found: MemoryMap) -> list[str]:
    """What V8's heap of each isolate has in memory, where there are several."""
    sums: dict[str, int] = defaultdict(int)
    for one in found.categories:
        if one.isolate is not None and one.category.startswith("v8_"):
            sums[one.isolate] += one.rss
    if len(sums) < 2:
        return []
    order = sorted(sums.items(), key=lambda pair: (-pair[1], len(pair[0]), pair[0]))
    threads = {one.name: one.thread for one in found.isolates}
    labels = {name: f"{name} ({own})" if (own := threads.get(name)) else name for name in sums}
    told = ", ".join(
        f"{visible(labels[name])} {say(size, 'bytes', out.texts)}" for name, size in order
    )
    return [out.texts("map.isolates", told=told)]


def _threads(out: Output, found: MemoryMap) -> list[str]:
    """The stacks of the other threads by their names, which several may have."""
    if "spaces" in found.unseen:
        return []  # whose they are is in the memory, which was not read
    by_name: dict[str, list[int]] = defaultdict(list)
    for one in found.categories:
        if one.category == "thread_stacks":
            name = out.texts("map.ended_threads")
            if one.isolate is not None:
                is_worker = one.isolate.startswith("worker ")
                name = visible(one.isolate if is_worker else one.isolate.rpartition(" ")[0])
            by_name[name].append(one.rss)
    if not by_name:
        return []
    order = sorted(by_name.items(), key=lambda pair: (-sum(pair[1]), len(pair[0]), pair[0]))
    told = ", ".join(
        f"{name}{f' ×{len(sizes)}' if len(sizes) > 1 else ''} {say(sum(sizes), 'bytes', out.texts)}"
        for name, sizes in order
    )
    return [out.texts("map.threads", told=told)]


def _outside(out: Output, found: MemoryMap) -> list[str]:
    values = {
        "page_tables": found.outside.page_tables,
        "swap": found.outside.swap,
        "reserved": found.outside.reserved,
        "group_kernel": found.outside.group_kernel,
    }
    told = [
        out.texts(f"map.outside.{name}", size=size)
        for name, size in values.items()
        if size is not None
    ]
    return [out.texts("map.outside.head", told=", ".join(told))] if told else []


def _notes(out: Output, found: MemoryMap) -> list[str]:
    notes = [out.texts(f"map.unseen.{name}") for name in found.unseen]
    if any(one.exactness == "estimate" for one in found.categories):
        notes.append(out.texts("map.estimates"))
    share = found.unattributed / found.rss if found.rss else 0.0
    if share > 0.001 and not {"segments", "rest"} & set(found.unseen):
        notes.append(out.texts(f"map.{UNATTRIBUTED}_note", share=share))
    return notes
