"""Tables of labels: what a box takes, and what it refuses."""

from __future__ import annotations

import pytest

from hall.errors import InputError
from hall.labels import EventLabel, LabelTable, decode_labels, encode_labels

EVENT = "f78421e8-eda9-5048-9ca1-4ab08db1ae4a"


def test_a_table_comes_as_it_went() -> None:
    table = LabelTable([EventLabel(EVENT, "false_alarm")])
    assert decode_labels(encode_labels(table)) == table


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b'{"labels": [{"event_id": "../../../etc/passwd", "label": "false_alarm"}]}',
        b'{"labels": [{"event_id": "f78421e8-eda9-5048-9ca1-4ab08db1ae4a\\n", "label": "false_alarm"}]}',
        b'{"labels": [{"event_id": "f78421e8-eda9-5048-9ca1-4ab08db1ae4a", "label": "other"}]}',
        b"x" * 1_000_001,
        encode_labels(LabelTable([EventLabel(EVENT, "false_alarm")] * 2_001)),
    ],
)
def test_what_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(InputError, match="label/set"):
        decode_labels(payload)
