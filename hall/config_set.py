"""A hall file on its way to a running box by `config/set`: how it is named and signed. docs/mqtt.md is the contract."""

from __future__ import annotations

import hashlib
import hmac

REQUEST = "config/set"
KEY_VARIABLE = "HALLWATCH_CONFIG_KEY"
"""Where a box has this in its environment, what is sent to it must be signed with it."""


def fingerprint(text: str) -> str:
    """sha256 of a text in UTF-8, as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def signature_of(key: str, topic: str, base: str, payload: bytes) -> str:
    """HMAC-SHA256, as hex, over topic, base and payload with a line feed between them."""
    return hmac.new(key.encode(), b"\n".join([topic.encode(), base.encode(), payload]), hashlib.sha256).hexdigest()


def said_with(key: str | None, topic: str, base: str | None, payload: bytes) -> dict[str, str]:
    """The user properties that go with a hall file; signed where there is a key, and a base to sign."""
    if base is None:
        return {}
    signed = {} if key is None else {"signature": signature_of(key, topic, base, payload)}
    return {"base": base, **signed}
