"""How a box comes to its end: recordings that are over are told to their end, a box that is stopped goes on later."""

from __future__ import annotations

from pathlib import Path
from threading import Timer
from typing import cast

import pytest

from edge.outbox import Outbox
from edge.pipeline import Emitted
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.clock import Instant, to_datetime
from hall.load import parse_hall
from hall.messages import ClipBody, StayBody, decode
from tests.support.nobody import Nobody
from tests.support.videos import encode
from vision.detector import Detector


@pytest.mark.parametrize("stopped", [False, True])
def test_stays_that_are_over_are_told_with_the_last_picture(tmp_path: Path, stopped: bool) -> None:
    video = encode(tmp_path / "a.mp4", count=40 if stopped else 8, fps=10)
    hall = parse_hall(f"hall: {{id: t, name: t}}\nfloors:\n  - {{id: f1, cameras: [{{id: c1, source: {video}}}]}}\n")
    box = EdgeService(hall, "edge-f1", cast("Detector", Nobody()), parse_broker("mqtt://127.0.0.1:9"), tmp_path)

    def finish(at: Instant) -> list[Emitted]:
        told.append(at)
        moment = to_datetime(at)
        return [Emitted(at, StayBody("s1", "waiting", moment, moment, 0.0, "left"))]

    def close() -> None:
        end()
        moment = to_datetime(1_767_600_000.0)
        box._evidence._kept.append(Emitted(1_767_600_000.0, ClipBody("e1", "e1.mp4", moment, moment)))

    told: list[Instant] = []
    end, box._evidence.close = box._evidence.close, close  # type: ignore[method-assign]
    box._pipeline.finish = finish  # type: ignore[method-assign]
    if stopped:
        Timer(0.5, box.stop).start()
    box.run()
    outbox = Outbox(tmp_path / "outbox.db")
    messages = [decode(row.payload) for row in outbox.next_batch(1000)]
    outbox.close()
    stays = [m for m in messages if m.kind == "stay"]
    assert [m.kind for m in messages][-1] == "clip", "one that was made of what there was at the end is told, too"
    assert told == ([] if stopped else [box._pipeline.at])
    assert [m.captured_at for m in stays] == [to_datetime(at) for at in told]
