"""The loop that tutorials teach, for one camera: every frame read, looked at, tracked, and tried against each zone.

cv2.VideoCapture, the same ONNX model as hallwatch's, supervision's PolygonZone and trackers' ByteTrack. Prints JSON at
the end. Runs in hallwatch's environment; `supervision` and `trackers` come from the folder named by --peers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from cli._density import hall_text
from cli.models import model_folders
from hall.load import parse_hall
from models.zoo import resolve
from vision.detector import Detector

_ABSENT_S = 8.0
_BACK_S = 1.0


@dataclass
class Desk:
    """A clerk's area: since when nobody was in it, and since when somebody is again."""

    window: str
    zone: Any
    left_s: float = 0.0
    back_s: float | None = None
    events: list[tuple[str, float, float]] = field(default_factory=list)

    def step(self, at_s: float, tracks: Any) -> None:
        """Take one frame. Who was away for longer than the limit is an event, told when they are back for a second."""
        if not self.zone.trigger(detections=tracks).any():
            self.back_s = None
            return
        self.back_s = at_s if self.back_s is None else self.back_s
        if at_s - self.back_s >= _BACK_S or self.back_s - self.left_s < _BACK_S:
            if self.back_s - self.left_s >= _ABSENT_S:
                self.events.append((self.window, round(self.left_s, 1), round(self.back_s, 1)))
            self.left_s = self.back_s = at_s


def main() -> None:
    """Read until the time is up, or the recording over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("--peers", required=True, help="site-packages with supervision and trackers")
    parser.add_argument("--clip", type=int, default=0, help="which of the two clips it shows")
    parser.add_argument("--model", default="default")
    parser.add_argument("--warm", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args()
    sys.path.append(given.peers)
    import supervision as sv  # noqa: PLC0415 - of the other environment
    from trackers import ByteTrackTracker  # noqa: PLC0415

    cv2.setNumThreads(1)
    detector = Detector(resolve(given.model, model_folders()), threads=1)
    capture, tracker = (
        cv2.VideoCapture(given.source),
        ByteTrackTracker(track_activation_threshold=0.4, high_conf_det_threshold=0.4),
    )
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    floor = parse_hall(hall_text([given.source] * (given.clip + 1), 25.0)).floors[0]
    desks = [
        Desk(
            window.id,
            sv.PolygonZone(
                (np.array(area.polygon) * (width, height)).astype(int), triggering_anchors=[sv.Position.CENTER]
            ),
        )
        for window in floor.windows
        if window.camera == f"c{given.clip}"
        for area in window.clerk_area or []
    ]
    opened = time.monotonic()
    began, cpu_began, frames = 0.0, 0.0, 0
    while True:
        there, image = capture.read()
        now = time.monotonic()
        if not there or now - opened > given.warm + given.seconds:
            break
        if not began and now - opened >= given.warm:
            began, cpu_began = now, time.process_time()
        found = detector.detect([np.asarray(image, np.uint8)])[0]
        seen = sv.Detections(xyxy=found.boxes_px, confidence=found.scores, class_id=found.labels)
        tracks = tracker.update(seen)
        tracks = tracks[tracks.tracker_id >= 0]
        for desk in desks:
            desk.step(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, tracks)
        frames += bool(began)
    span_s = max(1e-9, time.monotonic() - began)
    events = [event for desk in desks for event in desk.events]
    print(json.dumps({"fps": frames / span_s, "cpu_s": (time.process_time() - cpu_began) / span_s, "events": events}))


if __name__ == "__main__":
    main()
