"""SVG elements as text. Every value is escaped here, once."""

from __future__ import annotations

import html
from collections.abc import Iterable

from nodemem.render.visible import visible


def element(
    tag: str,
    /,
    *,
    text: str | None = None,
    children: Iterable[str] = (),
    **attributes: str | float | None,
) -> str:
    """One element. `class_` is `class`, `text_anchor` is `text-anchor`; None leaves one out.

    `children` are elements made by this function, `text` is anything at all.
    """
    shown = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(children) if text is None else html.escape(visible(text), quote=False)
    return f"<{tag}{shown}>{inner}</{tag}>" if inner else f"<{tag}{shown}/>"


def chart(
    width: float, height: float, title: str, description: str, children: Iterable[str]
) -> str:
    """A whole drawing with its title and description for those who cannot see it."""
    return element(
        "svg",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=f"{title}. {description}" if description else title,
        children=children,
    )


def fit(text: str, width: float, char: float = 7.0, *, keep_end: bool = False) -> str:
    """`text` cut to about `width` units at `char` units a character; empty when nothing fits.

    With `keep_end` the beginning goes: of a file and line the end tells.
    """
    text = visible(text)
    size = sum(1.8 if ord(c) > 0x1100 else 1.0 for c in text) * char
    if size <= width:
        return text
    room = int(width / char) - 1
    if room < 3:
        return ""
    return f"…{text[-room:]}" if keep_end else f"{text[:room]}…"


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return html.escape(visible(value))
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
