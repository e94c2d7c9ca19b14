"""How most of some objects are held: by which property of which class, which variable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Step, member_text
from nodemem.heap.naming.referrers import referrers

_SAMPLE = 40
_LEAST = 0.3
_SAID = {
    "element": "[…]",
    "map value": "map value",
    "map key": "map key",
    "set entry": "set entry",
}

_PARTS = {"parent": "slice", "first": "joined string", "second": "joined string"}


def held_as(names: Names, ordinals: Sequence[int]) -> str | None:
    """`Row.title`, `variable cache`, `Array […]`: the reference that most of a sample of the nodes
    have in common; None when fewer than a third have one."""
    step = max(1, len(ordinals) // _SAMPLE)
    sample = ordinals[::step][:_SAMPLE]
    seen: Counter[str] = Counter()
    for ordinal in sample:
        steps = referrers(names, ordinal).steps
        seen.update(list(dict.fromkeys(filter(None, (_told(names, one) for one in steps[:8])))))
    if not seen:
        return None
    # Of several equally frequent ones the first that was met: steps come nearest first.
    text, times = seen.most_common(1)[0]
    return text if times >= _LEAST * len(sample) else None


def _told(names: Names, step: Step) -> str | None:
    if step.kind == "variable":
        return f"variable {step.name}"
    if step.kind == "internal" and step.name in _PARTS:
        return _PARTS[step.name]
    owner = names.class_name(step.source)
    if step.kind in ("property", "global property", "static"):
        if not step.name:
            return None
        return f"{'globalThis' if names.is_global(step.source) else owner}{member_text(step.name)}"
    if step.kind in _SAID:
        return f"{owner} {_SAID[step.kind]}"
    if step.kind in ("weak", "root", "internal", "code", "prototype"):
        return None
    return f"{step.kind} {step.name}".strip()
