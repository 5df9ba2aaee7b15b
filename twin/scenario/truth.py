"""The truth of a scenario under the limits and areas of a hall file: from the story, not from what cameras see."""

from __future__ import annotations

import numpy as np

from hall.layout import Hall
from twin.judge import judge
from twin.scenario.bodies import silhouettes
from twin.scenario.file import Scenario
from twin.scenario.place import load_place
from twin.scenario.story import ScenarioStory
from twin.sightings import Picture, Sightings
from twin.truth import Truth


def story_truth(hall: Hall, scenario: Scenario, story: ScenarioStory, *, fps: float = 5.0) -> Truth:
    """What the rules of a hall must say about a story.

    Args:
        hall: areas and limits, with the cameras of the rendered hall; always open.
        scenario: for the camera faults.
        story: who is where.
        fps: how often the story is looked at; times are exact to one step.
    """
    place = load_place(scenario.scenario.hall)
    times = np.arange(int(story.duration_s * fps) + 1) / fps
    frames = [story.at(float(t)) for t in times]
    pictures = {}
    for name, camera in place.cameras.items():
        people = silhouettes(place, camera, frames)
        boxes = people.full_px.astype(np.float32), people.seen_px.astype(np.float32)
        pictures[name] = Picture(times[people.frame], people.person, *boxes, camera.size_px)
    blind = {name: scenario.blind(name) for name in place.cameras}
    return judge(hall, Sightings(pictures, story.clerks, story.duration_s, 1 / fps, blind))
