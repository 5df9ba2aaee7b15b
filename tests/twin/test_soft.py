"""Changes of pose fade: no cut, the same at every moment, and exact in whose pixels are whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from twin._soft import SoftStory
from twin.actors import ActorState, Fade
from twin.camera import Compositor
from twin.stories import make_story

SITS = ActorState("a", "m_old", "sit", 180.0, 0.13, -0.6)
STANDS = replace(SITS, pose="stand", y_m=-0.15)


class Cut:
    """Sits until 1 s, then stands; somebody appears at 2 s."""

    duration_s = 4.0

    def at(self, t_s: float) -> Sequence[ActorState]:
        new = [replace(STANDS, person="b", x_m=3.0)] if t_s >= 2 else []
        return [SITS if t_s < 1 else STANDS, *new]


def test_a_change_of_pose_takes_three_pictures() -> None:
    story = SoftStory(Cut())
    fades = [story.at(11.5 / 12 + number / 12)[0].fade for number in range(5)]
    assert [fade and fade.share for fade in fades] == [None, 0.75, 0.5, 0.25, None]
    assert fades[1] == Fade("sit", 180.0, 0.13, -0.6, 0.75)
    assert [replace(state, fade=None) for state in story.at(1.1)] == list(Cut().at(1.1))


@pytest.mark.parametrize(
    "before",
    [
        # appears out of nothing
        None,
        # was elsewhere: a cut that no fade makes right
        replace(SITS, x_m=3.0),
        # the next step of a walk
        replace(STANDS, pose="walk1"),
    ],
)
def test_what_does_not_fade(before: ActorState | None) -> None:
    class Told:
        duration_s = 4.0

        def at(self, t_s: float) -> Sequence[ActorState]:
            now = replace(STANDS, pose="walk2") if before is not None and before.pose == "walk1" else STANDS
            return [now] if t_s >= 1 else [before] if before is not None else []

    assert [state.fade for state in SoftStory(Told()).at(1.1)] == [None]


def test_between_two_poses_something_of_both_is_seen() -> None:
    camera = Compositor("lowdesk", "cam2", noise=0.0)
    sits, stands = (camera.render([state], 0).image.astype(int) for state in (SITS, STANDS))
    halfway = camera.render([replace(STANDS, fade=Fade("sit", 180.0, 0.13, -0.6, 0.5))], 0).image
    expected = (sits + stands) / 2
    assert np.abs(halfway - expected).mean() < 0.1
    moved = np.abs(sits - stands).sum()
    assert np.abs(halfway - sits).sum() == pytest.approx(moved / 2, rel=0.1)


@pytest.mark.parametrize(("share", "as_"), [(0.75, SITS), (0.25, STANDS)])
def test_whose_pixels_they_are_is_that_of_the_stronger_pose(share: float, as_: ActorState) -> None:
    camera = Compositor("lowdesk", "cam2", noise=0.0)
    (seen,) = camera.draw([replace(STANDS, fade=Fade("sit", 180.0, 0.13, -0.6, share))])
    (alone,) = camera.draw([as_])
    assert (seen.full_box, seen.box, seen.visible) == (alone.full_box, alone.box, alone.visible)


def test_a_clerk_who_gets_up_takes_the_arms_off_the_desk() -> None:
    story = SoftStory(make_story("demo", "lowdesk", 1))
    number = next(n for n in range(360) if any(s.fade and s.person == "clerk_1" for s in story.at(n / 12)))
    camera = Compositor("lowdesk", "cam1", noise=0.0)
    camera.render(story.at((number - 1) / 12), 0)
    shown = camera.render(story.at(number / 12), 0)
    fresh = Compositor("lowdesk", "cam1", noise=0.0).render(story.at(number / 12), 0)
    assert np.array_equal(shown.image, fresh.image)
    clerk = next(seen for seen in shown.people if seen.actor.person == "clerk_1")
    assert clerk.actor.fade is not None
    assert clerk.actor.fade.pose == "sit_desk"
