"""Who is where in a rendered hall: what a story tells the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Fade:
    """What somebody looked like until just now, as in ActorState.

    Attributes:
        share: how much of it still shows, more than 0 and less than 1.
    """

    pose: str
    yaw_deg: float
    x_m: float
    y_m: float
    share: float


@dataclass(frozen=True, slots=True)
class ActorState:
    """One person at one moment.

    Attributes:
        person: who it is; the same in every frame and camera.
        figure: a figure of the atlas, such as `clerk_f1`.
        pose: a pose that the figure has, such as `sit_desk`; walkers step through `walk0` to `walk5` with the
            distance they walked.
        yaw_deg: degrees counter-clockwise seen from above, as in the atlas: 0 looks against the hall's y axis,
            90 along its x axis.
        x_m, y_m: the floor point in world metres of the hall: between the feet, under the pelvis for walkers
            and sitters.
        fade: the pose before this one, while a camera shows something of both.
    """

    person: str
    figure: str
    pose: str
    yaw_deg: float
    x_m: float
    y_m: float
    fade: Fade | None = None


class Story(Protocol):
    """Who is where at any moment of a scene. The same moment is always the same."""

    duration_s: float

    def at(self, t_s: float) -> Sequence[ActorState]:
        """Everybody who is in the hall at `t_s` seconds; times may be asked for in any order."""
        ...


FaultKind = Literal["dim", "frozen", "dark", "covered", "bumped", "stalled"]
"""What may be wrong with the pictures of a camera."""


@dataclass(frozen=True, slots=True)
class PictureFault:
    """The pictures of a camera are at fault from one moment of the story to another, seconds."""

    camera: str
    kind: FaultKind
    start_s: float
    end_s: float


@runtime_checkable
class FaultyStory(Protocol):
    """A story in which cameras have faults as well."""

    faults: Sequence[PictureFault]
