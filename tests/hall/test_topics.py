"""Topics of the contract, and those that are none of ours."""

from __future__ import annotations

import pytest

from hall.errors import MessageError
from hall.messages import BODIES
from hall.topics import RETAINED, ROOT, Address, parse_topic

EDGE = Address("demo", "f1", "edge-f1")


def test_a_topic_names_hall_floor_and_node() -> None:
    assert EDGE.topic("event") == "hallwatch/1/demo/f1/edge-f1/event"
    assert str(EDGE) == "demo/f1/edge-f1"


@pytest.mark.parametrize("kind", [*BODIES, "snapshot/f78421e8", "duty/set"])
def test_a_topic_comes_back_as_it_went(kind: str) -> None:
    assert parse_topic(EDGE.topic(kind)) == (EDGE, kind)


def test_what_a_late_joiner_needs_is_retained() -> None:
    assert {"status", "state"} == RETAINED
    assert BODIES.keys() >= RETAINED


NONE_OF_OURS = [
    # Somebody else's.
    "zigbee2mqtt/lamp/state",
    # Another version of the contract.
    "hallwatch/2/demo/f1/edge-f1/event",
    # A part short, the kind empty, a level empty.
    f"{ROOT}/demo/f1/event",
    f"{ROOT}/demo/f1/edge-f1",
    f"{ROOT}/demo/f1/edge-f1/",
    f"{ROOT}//f1/edge-f1/event",
    # A leading slash is a level of its own.
    f"/{ROOT}/demo/f1/edge-f1/event",
    # Wildcards and line ends are no ids.
    f"{ROOT}/+/f1/edge-f1/event",
    f"{ROOT}/demo/#/edge-f1/event",
    f"{ROOT}/demo/f1/edge-f1\n/event",
    f"{ROOT}/演示/f1/edge-f1/event",
    f"{ROOT}/{'x' * 65}/f1/edge-f1/event",
    "",
]


@pytest.mark.parametrize("topic", NONE_OF_OURS)
def test_none_of_ours(topic: str) -> None:
    with pytest.raises(MessageError) as caught:
        parse_topic(topic)
    assert caught.value.reason == "topic"
    assert "expected hallwatch/1/HALL/FLOOR/NODE/KIND" in str(caught.value)


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        "hallwatch/1/demo/f1/edge-f2/answer/me",  # another box
        "hallwatch/1/demo/f1/edge-f1/event",
        "hallwatch/1/demo/f1/edge-f1/answer/",
        "hallwatch/1/demo/f1/edge-f1/answer/#",
        "hallwatch/1/demo/f1/edge-f1/answer/a/b",
        "hallwatch/1/demo/reply",
    ],
)
def test_nobody_makes_a_box_answer_anywhere(wanted: str | None) -> None:
    box = Address("demo", "f1", "edge-f1")
    assert box.answers(wanted) is None
    assert box.answers(box.topic("answer/me")) == box.topic("answer/me")
