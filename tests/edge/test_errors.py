"""Errors between processes: those of hall/ and those that the edge derives from them."""

from __future__ import annotations

import pickle

import pytest

from edge._connection import LinkError
from edge.media import IncompleteSourceError
from hall.errors import ConfigError, Fault, HallwatchError, MessageError, SourceError

ERRORS = [
    ConfigError("my.yaml", [Fault("hall.id", "'a b'", "an id", 3)]),
    MessageError("schema", "schema 2; expected 1"),
    SourceError("a.mp4: found nothing"),
    IncompleteSourceError("a.mp4: found half of it", read_s=1.5, promised_s=3.0),
    LinkError("the broker refuses", refused=True),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_comes_out_of_another_process_whole(error: HallwatchError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
