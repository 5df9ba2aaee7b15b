"""Soft changes between poses: where a story cuts from one to another, a camera sees something of both for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import dist

from twin.actors import ActorState, Fade, Story

_STEP_S = 1 / 12
_STEPS = 3
"""So many pictures of a source at 12 a second show something of both poses."""
_FARTHEST_M = 0.8
"""Who is farther away all at once did not get up or sit down there."""


class SoftStory:
    """A story whose changes of pose fade; walking is one pose. The same moment is always the same.

    Args:
        story: as it was told. Its positions, and so the truth made from them, stay as they are.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self.duration_s = story.duration_s

    def at(self, t_s: float) -> Sequence[ActorState]:
        """Everybody who is in the hall at `t_s` seconds."""
        states = list(self._story.at(t_s))
        settled = {state.person for state in states}
        for step in range(1, _STEPS + 1):
            earlier = {state.person: state for state in self._story.at(t_s - step * _STEP_S)}
            for index, state in enumerate(states):
                before = earlier.get(state.person)
                if state.fade is not None or state.person not in settled:
                    continue
                if before is None or _far(before, state):
                    settled.discard(state.person)
                elif _kind(before) != _kind(state):
                    share = 1 - step / (_STEPS + 1)
                    fade = Fade(before.pose, before.yaw_deg, before.x_m, before.y_m, share)
                    states[index] = replace(state, fade=fade)
        return states


def _kind(state: ActorState) -> str:
    return state.pose.rstrip("012345") if state.pose.startswith("walk") else state.pose


def _far(a: ActorState, b: ActorState) -> bool:
    return dist((a.x_m, a.y_m), (b.x_m, b.y_m)) > _FARTHEST_M
