"""SVG as values: a tree in which every text is text, so that nothing anybody wrote can become markup."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

Shape = Element
"""One element with what is in it."""


def shape(tag: str, *inside: Shape | None, **attributes: object) -> Shape:
    """An element: `_` in a name stands for `-`, one at its end is dropped; None leaves an attribute or a part out."""
    found = Element(tag, {_name(key): _value(value) for key, value in attributes.items() if value is not None})
    found.extend(part for part in inside if part is not None)
    return found


def words(tag: str, text: str, **attributes: object) -> Shape:
    """An element with a text in it."""
    found = shape(tag, **attributes)
    found.text = text
    return found


def picture(width: float, height: float, title: str, description: str, *inside: Shape | None, **more: object) -> Shape:
    """An SVG that screen readers name: its view box begins at 0, 0."""
    box = f"0 0 {_value(width)} {_value(height)}"
    told = (words("title", title), words("desc", description))
    return shape("svg", *told, *inside, viewBox=box, role="img", aria_label=title, **more)


def markup(root: Shape) -> str:
    """As it goes into a page."""
    return tostring(root, encoding="unicode", short_empty_elements=False)


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
