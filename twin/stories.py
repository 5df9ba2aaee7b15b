"""The stories that a rendered hall can show, by name: the demo, registered ones, and the scenarios that come along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hall.errors import InputError
from twin._demo_story import DemoStory
from twin._round_story import RoundStory
from twin.actors import Story
from twin.scenario.file import SCENARIOS

MakeStory = Callable[[str, int], Story]
"""Makes the story for the name of a hall and a seed. Raises InputError for a hall that it does not fit."""


def _demo(hall: str, _seed: int) -> Story:
    return DemoStory(hall)


def _round(hall: str, _seed: int) -> Story:
    if hall != "lowdesk":
        raise InputError(f"story round: found hall {hall!r}; expected 'lowdesk', where it plays")
    return RoundStory()


_STORIES: dict[str, MakeStory] = {"demo": _demo, "round": _round}


def register_story(name: str, make: MakeStory) -> None:
    """Give a story a name, for `sim://HALL?story=NAME`.

    Raises:
        ValueError: the name has another story already.
    """
    if _STORIES.setdefault(name, make) is not make:
        raise ValueError(f"register_story: {name!r} is taken; expected a name besides {sorted(_STORIES)}")


def story_names() -> list[str]:
    """All names."""
    return sorted({*_STORIES, *(path.stem for path in SCENARIOS.glob("*.yaml"))})


def make_story(name: str, hall: str, seed: int) -> Story:
    """A story by its name, or of a scenario file (a path that ends in .yaml). Those with a name play in every hall.

    The seed is of no account for the demo, which is one story.

    Raises:
        InputError: there is none of that name, the file is wrong, or it does not fit the hall.
    """
    if name in _STORIES:
        return _STORIES[name](hall, seed)
    if name in story_names():
        return _told_by_name(name, hall, seed)
    if not name.endswith((".yaml", ".yml")):
        raise InputError(
            f"story: found {name!r}; expected one of {', '.join(story_names())}, or a scenario file (.yaml)"
        )
    return _told(Path(name), hall, seed)


def _told_by_name(name: str, hall: str, seed: int) -> Story:
    from twin.scenario import built_in, tell  # noqa: PLC0415 - the stories that are built in need none of it

    return tell(built_in(name, hall), seed)


def _told(path: Path, hall: str, seed: int) -> Story:
    from twin.scenario import load_scenario, tell  # noqa: PLC0415 - as above

    scenario = load_scenario(path)
    if scenario.scenario.hall != hall:
        raise InputError(f"story {path}: found hall {hall!r}; expected {scenario.scenario.hall!r}, where it plays")
    return tell(scenario, seed)
