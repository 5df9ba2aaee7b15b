"""A hall file for eyes that may not see the passwords of its cameras."""

from __future__ import annotations

import re
from collections.abc import Callable

from hall.layout import mask_address
from hall.patch import spans

_Source = Callable[[str, int], str | None]
_Elsewhere = Callable[[str], str]
_SOURCES = frozenset({"source", "substream"})
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+|[^\s\"'/]+:[^\s\"'/]*@[^\s\"'<>]+")
_PLAIN = re.compile(r"[0-9]{0,3}|tcp|udp|http|unicast|multicast|onvif|main|sub|true|false", re.IGNORECASE)
"""Values of a query that tell a camera which stream is meant; any other may be a secret."""


def has_secret(address: str) -> bool:
    """Whether an address holds a secret as it stands, not as `${NAME}`."""
    text = _VARIABLE.sub("", address)
    if mask_address(text) == text:
        return False
    _, _, rest = text.rpartition("://")
    head, _, query = rest.partition("?")
    login, at, _ = head.rpartition("@")
    user, colon, password = login.partition(":")
    if at and (password if colon else user and user == address.rpartition("://")[2].rpartition("@")[0]):
        return True
    values = [part.partition("=")[2] if "=" in part else part for part in re.split("[&;]", query)]
    return "@" in query or not all(_PLAIN.fullmatch(value) for value in values)


def shown(text: str) -> str:
    """The text of a hall file with every login in it masked, comments too; it has the same lines."""
    return _replaced(text, lambda value, _: f'"{mask_address(value)}"', mask_address)


def portable(text: str) -> str:
    """The text with a variable for every address that holds a secret: whoever takes the file sets them.

    Addresses whose secrets are `${NAME}` already stay as they are, so most files stay as they are.
    """
    return _replaced(
        text,
        lambda value, number: f'"${{SOURCE_{number}}}"' if has_secret(value) else None,
        lambda address: mask_address(address) if has_secret(address) else address,
    )


def _replaced(text: str, source: _Source, elsewhere: _Elsewhere) -> str:
    out, at = [], 0
    for number, (start, end, value) in enumerate(spans(text, _SOURCES), 1):
        if start < at:
            continue
        put = source(value, number)
        if put is None:
            put = text[start:end]
        # A text over several lines becomes one: the lines that are lost would shift the others.
        lost = text[start:end].count("\n") - put.count("\n")
        out += [_outside(text[at:start], elsewhere), put, "\n" * lost]
        at = end
    return "".join([*out, _outside(text[at:], elsewhere)])


def _outside(text: str, elsewhere: _Elsewhere) -> str:
    return _ADDRESS.sub(lambda match: elsewhere(match[0]), text)
