from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hall.messages import Message, Phase
from ingest.incidents import Incident, load_incidents, merge, save_incidents
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event


def _message(phase: Phase, at: float, severity: str = "warning", elapsed_s: float = 300.0) -> Message:
    return Numbered().message(T0 + at, an_event(phase, severity=severity, elapsed_s=elapsed_s))


def _merged(messages: list[Message]) -> Incident:
    incident = None
    for message in messages:
        incident = merge(incident, message)
    assert incident is not None
    # How often it opened on the way is history, not what the messages say.
    return msgspec.structs.replace(incident, openings=1)


_STORY = st.lists(
    st.tuples(
        st.sampled_from(["raised", "updated", "cleared"]),
        st.integers(300, 900),
        st.sampled_from(["warning", "critical"]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda part: part[:2],
)


@settings(max_examples=80, deadline=None)
@given(story=_STORY, data=st.data())
def test_any_order_and_repetition_gives_the_same_incident(
    story: list[tuple[Phase, int, str]], data: st.DataObject
) -> None:
    messages = [_message(phase, at, severity, float(at)) for phase, at, severity in story]
    repeated = data.draw(st.lists(st.sampled_from(messages), max_size=6))
    shuffled = data.draw(st.permutations(messages + repeated))
    assert _merged(list(shuffled)) == _merged(messages)


def test_raised_updated_cleared_in_every_order() -> None:
    story = [_message("raised", 300), _message("updated", 400, "critical"), _message("cleared", 500, elapsed_s=499)]
    for order in permutations(story):
        incident = _merged(list(order))
        assert (incident.status, incident.severity, incident.reason) == ("cleared", "critical", "resolved")
        assert (incident.raised_at, incident.ended_at, incident.elapsed_s) == (T0 + 300, T0 + 499, 499)


@pytest.mark.parametrize(
    ("story", "status", "openings"),
    [
        # the clerk came back
        ([("raised", 300), ("cleared", 500)], "cleared", 1),
        # an old raise comes once more after the clear
        ([("raised", 300), ("cleared", 500), ("raised", 300)], "cleared", 1),
        # only the clear came so far
        ([("cleared", 500)], "cleared", 1),
        # the camera was lost and the seat is still empty when it is back
        ([("raised", 300), ("cleared", 600), ("raised", 900)], "open", 2),
        # and then the clerk comes
        ([("raised", 300), ("cleared", 600), ("raised", 900), ("cleared", 950)], "cleared", 2),
        # a late update of the time before the clear
        ([("raised", 300), ("cleared", 600), ("updated", 599)], "cleared", 1),
        # raised and cleared in one instant: cleared is the end
        ([("cleared", 300), ("raised", 300)], "cleared", 1),
    ],
)
def test_scenes(story: list[tuple[Phase, float]], status: str, openings: int) -> None:
    incident = None
    for phase, at in story:
        incident = merge(incident, _message(phase, at))
    assert incident is not None
    assert (incident.status, incident.openings) == (status, openings)


def test_a_view_of_an_open_incident_has_no_end() -> None:
    story = [_message("raised", 300), _message("cleared", 600), _message("raised", 900)]
    view = _merged(story).view()
    assert (view.status, view.cleared_at, view.reason) == ("open", None, None)


def test_severity_never_falls() -> None:
    incident = _merged([_message("raised", 300, "critical"), _message("updated", 400, "warning")])
    assert incident.severity == "critical"


def test_incidents_come_back_from_the_records_as_they_were(records: Records) -> None:
    body = an_event("raised", detail={"队列": [1, 2.5, None], "who": {"over": 3}})
    incident = merge(None, Numbered().message(T0, body))
    changed = merge(incident, _message("cleared", 500))
    with records.writing() as connection:
        save_incidents(connection, [incident])
        assert load_incidents(connection, [incident.event_id, "other"]) == {incident.event_id: incident}
        save_incidents(connection, [changed])
    with records.reading() as connection:
        assert load_incidents(connection, [incident.event_id]) == {incident.event_id: changed}
