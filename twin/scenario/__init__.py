"""A hall without pixels: a scenario file, the story it tells by seed, what cameras see of it, and what is true."""

from twin.scenario.engine import tell
from twin.scenario.file import Scenario, built_in, load_scenario, parse_scenario
from twin.scenario.hallfile import hall_for
from twin.scenario.noise import EXACT, NoiseModel
from twin.scenario.observe import Observed, observations
from twin.scenario.place import Place, load_place
from twin.scenario.story import ScenarioStory
from twin.scenario.truth import story_truth

__all__ = [
    "EXACT",
    "NoiseModel",
    "Observed",
    "Place",
    "Scenario",
    "ScenarioStory",
    "built_in",
    "hall_for",
    "load_place",
    "load_scenario",
    "observations",
    "parse_scenario",
    "story_truth",
    "tell",
]
