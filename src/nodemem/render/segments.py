"""What the parts of a memory map are called."""

from __future__ import annotations

from nodemem.render.texts import Texts
from nodemem.render.visible import visible


def segment_name(texts: Texts, segment: str) -> str:
    """A segment (code, data, heap, stack, other) as a heading."""
    return texts(f"map.segment.{segment}")


def category_name(texts: Texts, name: str) -> str:
    """A category; one that another version of nodemem told of is its own name."""
    if name.startswith("v8_") and name.endswith("_space"):
        return texts("map.v8_space", name=name.removeprefix("v8_"))
    if name.startswith("native_allocator_"):
        return texts("map.native_allocator", name=name.removeprefix("native_allocator_"))
    key = f"map.category.{name}"
    return texts(key) if key in texts else visible(name)
