"""A short form of `make fuzz`: the same examples each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hall.wake import Wake
from tests.support.fuzzing import Broker, Centre, counter_test, decoder_test, intake_test

_SHORT = settings(
    max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path)
    yield made
    made.end()


def test_whatever_a_broker_says_ends_in_an_error_that_is_foreseen() -> None:
    with closing(Broker()) as broker, closing(Wake()) as wake:
        _SHORT(decoder_test(broker, wake))()


def test_a_message_counts_or_is_a_dead_letter(centre: Centre) -> None:
    _SHORT(intake_test(centre))()


def test_a_request_is_answered_and_counts_or_is_a_dead_letter(centre: Centre) -> None:
    settings(_SHORT, max_examples=30)(counter_test(centre))()
