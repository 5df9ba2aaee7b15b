"""A hall of several wings: the same rendered hall so many times side by side, without pixels.

A wing has its own windows, cameras, ticket machine, seats, door and box, and its share of those who come. So its
story is that of a hall of one wing, and what is said of the whole is what is said of the wings, under other names:
w04 is the first window of the second wing, cam3 its first camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import Any

import msgspec
from ruamel.yaml import YAML

from hall.load import parse_hall
from twin.scenario.engine import tell
from twin.scenario.file import WINDOWS_OF_A_WING, Scenario
from twin.scenario.hallfile import hall_for
from twin.scenario.story import ScenarioStory
from twin.scenario.truth import story_truth
from twin.truth import Truth

_WIDTH_M = 12
"""Wings lie so far apart on the floor plan."""
_CAMERAS_OF_A_WING = 2


@dataclass(frozen=True, slots=True)
class Wing:
    """One wing.

    Attributes:
        number: from 1.
        scenario: what happens in it, with the names of a hall of one wing.
    """

    number: int
    scenario: Scenario

    @property
    def node(self) -> str:
        """The box of the wing."""
        return f"edge-{self.number}"

    def tell(self, seed: int) -> ScenarioStory:
        """The story of the wing; no other wing has the same."""
        return tell(self.scenario, seed, wing=self.number)

    def camera(self, own: str) -> str:
        """The name of one of its cameras in the whole hall."""
        return f"cam{int(own.removeprefix('cam')) + _CAMERAS_OF_A_WING * (self.number - 1)}"

    def window(self, own: str) -> str:
        """The name of one of its windows in the whole hall."""
        return f"w{int(own[1:]) + WINDOWS_OF_A_WING * (self.number - 1):02d}"

    def area(self, own: str) -> str:
        """The name of one of its zones or entrances in the whole hall."""
        return f"{own}-{self.number}"

    def truth(self, story: ScenarioStory, *, fps: float = 5.0) -> Truth:
        """What is true of the wing; see `story_truth`."""
        own = story_truth(parse_hall(hall_for(self.scenario)), self.scenario, story, fps=fps)
        put = msgspec.structs.replace
        return put(
            own,
            events=[put(event, subject=self._subject(event.subject)) for event in own.events],
            borderline=[put(event, subject=self._subject(event.subject)) for event in own.borderline],
            sessions=[put(session, window=self.window(session.window)) for session in own.sessions],
            stays=[put(stay, zone=self.area(stay.zone)) for stay in own.stays],
            counts=[put(count, zone=self.area(count.zone)) for count in own.counts],
            crossings=[put(crossing, entrance=self.area(crossing.entrance)) for crossing in own.crossings],
            presence=[put(presence, window=self.window(presence.window)) for presence in own.presence],
            blind=[
                put(blind, camera=self.camera(blind.camera), subjects=[self._subject(s) for s in blind.subjects])
                for blind in own.blind
            ],
        )

    def _subject(self, own: str) -> str:
        kind, name = own.split("/")
        return f"{kind}/{self.window(name) if kind == 'window' else self.area(name)}"


def wings_of(scenario: Scenario) -> list[Wing]:
    """The wings of a scenario, with their shares of it."""
    return [Wing(number, _share(scenario, number)) for number in range(1, scenario.scenario.wings + 1)]


def _share(scenario: Scenario, number: int) -> Scenario:
    """What happens in one wing: everything at its windows, and as large a part of those who come as of the windows.

    A cleaner passes through all wings, one after the other.
    """
    wings, before = scenario.scenario.wings, WINDOWS_OF_A_WING * (number - 1)
    own = {f"w{before + i:02d}": f"w{i:02d}" for i in range(1, WINDOWS_OF_A_WING + 1)}
    cameras = {f"cam{_CAMERAS_OF_A_WING * (number - 1) + i}": f"cam{i}" for i in range(1, _CAMERAS_OF_A_WING + 1)}
    arrivals = scenario.arrivals
    windows = [d.model_copy(update={"id": own[d.id]}) for d in scenario.windows if d.id in own]
    part = len(windows) / len(scenario.windows) if scenario.windows else 1 / wings
    rates = [rate.model_copy(update={"per_hour": part * rate.per_hour}) for rate in arrivals.rate]
    waiting = (arrivals.waiting + wings - number) // wings
    return scenario.model_copy(
        update={
            "scenario": scenario.scenario.model_copy(update={"wings": 1}),
            "arrivals": arrivals.model_copy(update={"rate": rates, "waiting": waiting}),
            "windows": windows,
            "helpers": [h.model_copy(update={"window": own[h.window]}) for h in scenario.helpers if h.window in own],
            "blockers": [b.model_copy(update={"window": own[b.window]}) for b in scenario.blockers if b.window in own],
            "cleaners": [
                c.model_copy(update={"at": c.at + (number - 1) * _WIDTH_M / c.speed_m_s}) for c in scenario.cleaners
            ],
            "sitters": scenario.sitters[number - 1 :: wings],
            "faults": [
                f.model_copy(update={"camera": cameras[f.camera]}) for f in scenario.faults if f.camera in cameras
            ],
        }
    )


def wings_hall(scenario: Scenario, *, fps: float = 2.0) -> str:
    """The text of a hall file that watches all wings, a box for each.

    Its cameras have no pictures: it is for observations.
    """
    yaml = YAML(typ="safe")
    whole: dict[str, Any] = {}
    for wing in wings_of(scenario):
        part = yaml.load(hall_for(wing.scenario, fps=fps))
        floor = _renamed(wing, part["floors"][0])
        if not whole:
            whole = part
            whole["floors"] = [floor]
            continue
        first = whole["floors"][0]
        for kind in ("cameras", "windows", "zones", "entrances"):
            first[kind] += floor[kind]
        first["plan"]["width_m"] += _WIDTH_M
    text = StringIO()
    yaml.dump(whole, text)
    return text.getvalue()


def _renamed(wing: Wing, floor: dict[str, Any]) -> dict[str, Any]:
    for camera in floor["cameras"]:
        camera.update(id=wing.camera(camera["id"]), node=wing.node)
        camera["floor_points"] = [
            [point, [x + _WIDTH_M * (wing.number - 1), y]] for point, (x, y) in camera["floor_points"]
        ]
    for window in floor["windows"]:
        window.update(id=wing.window(window["id"]), camera=wing.camera(window["camera"]))
        window["label"] = f"{int(window['id'][1:])}号窗口"
    for zone in floor["zones"]:
        zone.update(id=wing.area(zone["id"]), serves=[wing.window(name) for name in zone["serves"]])
        for area in zone["areas"]:
            area["camera"] = wing.camera(area["camera"])
    for entrance in floor["entrances"]:
        entrance.update(id=wing.area(entrance["id"]), camera=wing.camera(entrance["camera"]))
    return floor
