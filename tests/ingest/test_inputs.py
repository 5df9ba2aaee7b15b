"""What may be said by other systems, and how what may not is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.inputs import MAX_BYTES, REQUESTS, InputKind, RefusedError, read_request, schema_text, without_secrets

TICKET = {"key": "m-1", "ticket": "A012", "event": "called", "window": "w01"}
RATING = {"key": "r-1", "window": "w01", "score": 5}
LEAVE = {"key": "d-1", "window": "w01", "duty": "leave", "until": "2026-01-05T02:00:00Z"}
GOOD: dict[InputKind, dict[str, Any]] = {"ticket": TICKET, "rating": RATING, "duty/set": LEAVE}


def as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        # who it is about is nobody's business
        ("ticket", {"phone": "13812345678"}, "phone: found a key; expected no such key; nothing about who"),
        ("ticket", {"name": "张三"}, "name: found a key; expected no such key"),
        ("rating", {"clerk": "0042"}, "clerk: found a key; expected no such key"),
        # a phone number, and the number of an identity card, are no tickets
        ("ticket", {"ticket": "13812345678"}, "ticket: found <str>; expected what stands on the ticket"),
        ("rating", {"ticket": "11010119900307123X"}, "ticket: found <str>; expected what stands on the ticket"),
        # a name is none either, and is not repeated
        ("ticket", {"ticket": "张三"}, "ticket: found <str>; expected what stands on the ticket"),
        ("ticket", {"window": None}, "window: found nothing; expected the window that it was called to"),
        ("ticket", {"event": "skipped"}, "event: found 'skipped'; expected 'taken', 'called', 'missed' or 'done'"),
        ("ticket", {"key": ""}, "key: found ''; expected the sender's own"),
        ("ticket", {"at": "2026-01-05T09:00:00"}, "at: found '2026-01-05T09:00:00'; expected timezone info"),
        ("ticket", {"at": 1767574800}, "at: found <int>; expected a valid datetime"),
        ("rating", {"score": 6}, "score: found 6; expected less than or equal to 5"),
        ("rating", {"score": "5"}, "score: found '5'; expected a whole number"),
        ("rating", {"window": "../w01"}, "window: found '../w01'; expected an id"),
        ("duty/set", {"until": None}, "until: found nothing; expected when the leave ends"),
        ("duty/set", {"duty": "open"}, "until: found 2026-01-05T02:00:00+00:00; expected nothing"),
        ("duty/set", {"at": "2026-01-05T02:00:00Z"}, "until: found 2026-01-05T02:00:00+00:00; expected a time after"),
        ("duty/set", {"by": "somebody else"}, "by: found <str>; expected who or what says so"),
    ],
)
def test_what_is_wrong_is_said(kind: InputKind, change: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_request(kind, as_json(GOOD[kind] | change))
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{kind}: ")


def test_every_fault_is_said_at_once() -> None:
    with pytest.raises(RefusedError) as caught:
        read_request("rating", as_json({"score": 0, "clerk": "1"}))
    assert [fault.path for fault in caught.value.faults] == ["key", "window", "score", "clerk"]
    assert caught.value.faults[0].expected == "this key"


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5000, b'"' + b"x" * MAX_BYTES, b'{"key": "\\u0000"}']
)
def test_no_request_at_all(payload: bytes) -> None:
    with pytest.raises(RefusedError, match=r"(the request|key): found"):
        read_request("ticket", payload)
    assert len(without_secrets("ticket", payload)) <= 1_000


def test_a_comment_is_dropped() -> None:
    request = read_request("rating", as_json(RATING | {"comment": "李四态度很好"}))
    assert "comment" not in request.model_dump()


@given(
    st.sampled_from(list(REQUESTS)),
    st.dictionaries(
        st.sampled_from(["key", "at", "ticket", "event", "window", "service", "score", "duty", "until", "by", "who"]),
        st.one_of(st.none(), st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.just([])),
    ),
)
def test_anything_is_read_or_refused(kind: InputKind, said: dict[str, Any]) -> None:
    """And what is kept of a refusal is no more than what was asked for."""
    for change in (said, GOOD[kind] | said):
        try:
            read_request(kind, payload := json.dumps(change).encode())
        except RefusedError as exc:
            assert all(fault.path and fault.found and fault.expected for fault in exc.faults)  # noqa: PT017
        kept = json.loads(without_secrets(kind, payload) or b"{}")
        assert kept.keys() <= REQUESTS[kind].model_fields.keys()


@given(st.text(min_size=1, max_size=20, alphabet="张李王13812345678 "))
def test_nothing_of_a_key_that_nobody_asked_for_is_kept(secret: str) -> None:
    payload = as_json(TICKET | {"who": secret, "ticket": f"{secret}#"})
    with pytest.raises(RefusedError) as caught:
        read_request("ticket", payload)
    kept = json.loads(without_secrets("ticket", payload))
    assert "who" not in kept
    if re.search(r"[张李王 ]|\d{7}", secret):
        assert kept["ticket"] == "<str>"
        assert secret.strip() not in str(caught.value) or len(secret.strip()) < 4


@pytest.mark.parametrize("kind", REQUESTS)
def test_the_published_schemas_are_those_of_the_code(kind: InputKind) -> None:
    name = f"docs/schemas/{kind.replace('/', '-')}.json"
    assert (Path(__file__).resolve().parents[2] / name).read_text(encoding="utf-8") == schema_text(kind), (
        f"{name} is behind; in it must stand the output of python -c "
        f"\"from ingest.inputs import schema_text; print(schema_text('{kind}'), end='')\""
    )
