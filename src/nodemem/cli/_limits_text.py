"""What `nodemem limits` prints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nodemem.cli._frame import Output

if TYPE_CHECKING:
    from nodemem.api.limits_report import LimitsReport
    from nodemem.results import Table
    from nodemem.sizing.recommend import Recommendation

_MIB, _PAGE = 1 << 20, 256 << 10
_PLAIN = ("share", "parts", "ratio", "part", "factor", "isolates", "flag")
"""Parameters of reasons that are no bytes."""


def mib(size: float | None) -> str | None:
    """Bytes in MiB: limits exactly, `1120 MiB`, `268.25 MiB`; what is no whole page, `43.7 MiB`."""
    if size is None:
        return None
    digits = 2 if size % _PAGE == 0 else 1
    return f"{size / _MIB:.{digits}f}".rstrip("0").rstrip(".") + " MiB"


def lines(out: Output, found: LimitsReport) -> list[str]:
    """The report, line by line."""
    say, limits = out.texts, found.limits
    head = [_head(out, found)]
    numbers = {
        "memory": None if limits.memory is None else say("limits.size", size=limits.memory),
        "max_old_space_size": mib(limits.max_old_space_size),
        "max_semi_space_size": mib(limits.max_semi_space_size),
        "heap_size_limit": mib(limits.heap_size_limit),
    }
    rows: list[tuple[str | None, str]] = []
    for reason in limits.reasons:
        number = numbers[reason.number]
        why = say(f"limits.rule.{reason.rule}", **_params(reason.params))
        if (rounding := reason.params.get("rounding")) is not None:
            why += say(f"limits.rounding.{rounding}")
        rows.append(
            (f"limits.label.{reason.number}", why if number is None else f"{number}: {why}")
        )
    if found.real is not None:
        rows.append(("limits.label.real", say("limits.real", size=mib(found.real))))
    for worker in found.workers:
        text = say("limits.worker", limit=mib(worker.usage.heap_limit), title=worker.usage.title)
        rows.append(("limits.label.worker", text))
    if found.outside.parts:
        parts = {name: mib(size) for name, size in found.outside.parts}
        text = say("limits.outside", size=mib(found.outside.high), **parts)
        rows.append(("limits.label.outside", text))
    rows.append(("limits.label.end", _end(out, found)))
    rows += _findings(out, found)
    head += _aligned(out, rows)
    if found.recommendation is not None:
        head += ["", *_advice(out, found, found.recommendation)]
    elif found.facts is not None:
        head += ["", *_wrapped(out, "", "", say("limits.no_container", pid=found.facts.pid))]
    return head


def table_lines(out: Output, table: Table) -> list[str]:
    """The matrix, whose columns are sizes of memory."""
    from nodemem.render.terminal import cells

    say = out.texts
    titles = [say("limits.table.node"), say("limits.table.bits")]
    memories = [column.key for column in table.columns[3:]]
    titles += [say("limits.size", size=int(key) * _MIB) for key in memories]
    titles.append(say("limits.table.evidence"))
    rows = [
        [
            str(node),
            str(bits),
            *(f"{limit / _MIB:.0f}" for limit in limits),
            say(f"limits.evidence.{evidence}"),
        ]
        for node, bits, evidence, *limits in table.records
    ]
    every = [titles, *rows]
    widths = [max(cells(row[i]) for row in every) for i in range(len(titles))]

    def line(row: list[str]) -> str:
        padded = [
            " " * (width - cells(text)) + text for text, width in zip(row, widths, strict=True)
        ]
        padded[0] = row[0] + " " * (widths[0] - cells(row[0]))
        return "  ".join([*padded[:-1], row[-1]]).rstrip()

    return [
        *_wrapped(out, "", "", say("limits.table.head")),
        "",
        *map(line, every),
        "",
        *_wrapped(out, "", "", say("limits.table.note")),
        *_wrapped(out, "", "", say("limits.table.containers")),
    ]


def _head(out: Output, found: LimitsReport) -> str:
    limits, facts = found.limits, found.facts
    say = out.texts
    text = say("limits.head", node=str(limits.node), v8=limits.rules.v8, bits=limits.bits)
    if facts is not None:
        script = facts.script or say("unknown")
        text = say("limits.head_process", script=script, pid=facts.pid, node=text)
    words = list(found.options) or limits.flags.words()
    if words:
        text += " " + " ".join(words)
    if limits.evidence != "measured":
        text += f" ({say(f'limits.evidence.{limits.evidence}')})"
    return text


def _params(params: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value
        if key in _PLAIN or not isinstance(value, int | float) or key in ("memory", "cgroup")
        else mib(value)
        for key, value in params.items()
    }


def _end(out: Output, found: LimitsReport) -> str:
    say, end = out.texts, found.ending
    low, high = map(mib, end.needs)
    has = low if low == high else say("limits.end.range", low=low, high=high)
    if end.first == "v8" and end.where == "machine":
        text = say("limits.end.alone")
    else:
        slowed = end.slows and end.first == "kernel"
        allowed = say(f"limits.end.by_{end.where}", allowed=mib(end.allowed))
        key = "limits.end.slowed" if slowed else f"limits.end.{end.first}"
        text = say(key, has=has, allowed=allowed)
    return text + say("limits.end.buffers")


def _findings(out: Output, found: LimitsReport) -> Iterator[tuple[str | None, str]]:
    from nodemem.render.told import tell

    for finding in found.findings:
        told = tell(finding, out.texts)
        yield "limits.label.finding", told.title
        yield None, told.fix


def _advice(out: Output, found: LimitsReport, one: Recommendation) -> Iterator[str]:
    say = out.texts
    shares = found.shares
    kind = "one" if not shares else "alike" if shares[0].pid is None else "shared"
    yield say(f"limits.advice.for.{kind}", budget=mib(one.budget), processes=len(shares))
    whole = [*one.node_options, *one.command_line]
    if whole:
        yield f"  {' '.join(whole)}"
        yield "  " + say(
            "limits.advice.total", total=mib(one.heap_size_limit), rest=mib(one.reserve)
        )
    for why in one.reasons:
        text = say(f"limits.advice.{why.rule}", **_params(why.params))
        yield from _wrapped(out, "  - ", "    ", text)
    for share in found.shares:
        if share.pid is not None:
            yield "  " + say(
                "limits.advice.share", pid=share.pid, budget=mib(share.budget), live=mib(share.live)
            )
    if whole:
        yield ""
        yield from _snippets(out, found, one)


def _snippets(out: Output, found: LimitsReport, one: Recommendation) -> Iterator[str]:
    say = out.texts
    options = " ".join(one.node_options)
    script = "server.js" if found.facts is None else found.facts.script or "server.js"
    words = ["node", *one.command_line, script if not script.startswith("[") else "server.js"]
    listed = ", ".join(json.dumps(word) for word in words)
    if one.command_line:
        text = say("limits.advice.not_in_node_options", flags=" ".join(one.command_line))
        yield from _wrapped(out, "", "", text)
    yield say("limits.advice.shell")
    yield f"  NODE_OPTIONS={shlex.quote(options)} {shlex.join(words)}"
    yield say("limits.advice.dockerfile")
    yield f'  ENV NODE_OPTIONS="{options}"'
    yield f"  CMD [{listed}]"
    yield say("limits.advice.kubernetes")
    yield "  containers:"
    yield "    - name: app"
    yield f"      command: [{listed}]"
    yield "      env:"
    yield "        - name: NODE_OPTIONS"
    yield f'          value: "{options}"'
    yield "      resources:"
    yield "        limits:"
    whole = found.container or one.budget
    yield (
        f"          memory: {whole // _MIB}Mi"
        if whole % _MIB == 0
        else f"          memory: {whole}"
    )


def _aligned(out: Output, rows: list[tuple[str | None, str]]) -> Iterator[str]:
    from nodemem.render.terminal import cells

    labels = ["" if key is None else out.texts(key) for key, _ in rows]
    width = max(map(cells, labels))
    for label, (_, text) in zip(labels, rows, strict=True):
        first = f"  {label}{' ' * (width - cells(label))}  "
        yield from _wrapped(out, first, " " * (width + 4), text)


def _wrapped(out: Output, first: str, after: str, text: str) -> Iterator[str]:
    """`text` behind `first`, in lines of running text, the others behind `after`."""
    from nodemem.render.terminal import detect, wrap

    terminal = detect(out.color)
    for index, line in enumerate(wrap(text, max(40, terminal.prose - len(after)), terminal)):
        yield (after if index else first) + line
