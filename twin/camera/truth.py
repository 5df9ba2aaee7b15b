"""What can be seen of each person in a frame, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twin.actors import ActorState
from twin.camera.assets import Box

LEAST_PX = 12
"""Who shows fewer pixels has no visible box."""


@dataclass(frozen=True, slots=True)
class PersonTruth:
    """One person in one frame of one camera.

    Attributes:
        actor: who, in which pose, where on the floor.
        box: around what can be seen, within the picture; None below 12 pixels.
        full_box: around the whole figure, also outside of the picture.
        visible: pixels that can be seen over all pixels of the figure, 0 to 1.
    """

    actor: ActorState
    box: Box | None
    full_box: Box
    visible: float


def clip_frame(number: int, time_s: float, people: Sequence[PersonTruth]) -> dict[str, Any]:
    """One frame as the truth files of the clips hold it: also people whom others hide."""
    return {
        "frame": number,
        "t": round(time_s, 3),
        "people": [
            {
                "id": seen.actor.person,
                "figure": seen.actor.figure,
                "pose": seen.actor.pose,
                "world": [round(seen.actor.x_m, 3), round(seen.actor.y_m, 3)],
                "bbox": None if seen.box is None else list(seen.box),
                "bbox_full": list(seen.full_box),
                "visible": round(seen.visible, 3),
            }
            for seen in people
        ],
    }
