"""How most of some objects are held: by which property of which class, which variable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Step, member_text
from nodemem.heap.naming.referrers import referrers

_SAMPLE = 16
_LOOKED_AT = 16
"""References to one object; those from near the roots."""
_LEAST = 0.3
_ENTRIES = {
    "element": "[…]",
    "map value": ".get(…)",
    "map key": ".keys()",
    "set entry": ".values()",
}
_PARTS = {"parent": "slice", "first": "joined string", "second": "joined string"}


def held_as(names: Names, ordinals: Sequence[int]) -> str | None:
    """`Row.title`, `variable cache`, `Store.rows[…]`: the reference that most of a sample of the
    nodes have in common; None when fewer than a third have one."""
    step = max(1, len(ordinals) // _SAMPLE)
    sample = ordinals[::step][:_SAMPLE]
    seen: Counter[str] = Counter()
    for ordinal in sample:
        steps = referrers(names, ordinal, _LOOKED_AT).steps
        seen.update(list(dict.fromkeys(filter(None, (_told(names, one) for one in steps[:4])))))
    if not seen:
        return None
    # Of several equally frequent ones the first that was met: steps come nearest first.
    text, times = seen.most_common(1)[0]
    return text if times >= _LEAST * len(sample) else None


def _told(names: Names, step: Step) -> str | None:
    if step.kind in _ENTRIES:
        above = (_named(names, one) for one in referrers(names, step.source, _LOOKED_AT).steps[:4])
        owner = next(filter(None, above), None) or names.class_name(step.source)
        return owner + _ENTRIES[step.kind]
    if step.kind == "internal" and step.name in _PARTS:
        return _PARTS[step.name]
    if step.kind in ("weak", "root", "internal", "code", "prototype"):
        return None
    return _named(names, step) or f"{step.kind} {step.name}".strip()


def _named(names: Names, step: Step) -> str | None:
    """A variable or member; None for other references."""
    if step.kind == "variable":
        return f"variable {step.name}"
    if step.kind not in ("property", "global property", "static") or not step.name:
        return None
    if names.is_global(step.source):
        return f"globalThis{member_text(step.name)}"
    return names.class_name(step.source) + member_text(step.name)
