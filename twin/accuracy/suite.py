"""Which scenarios there are, and where what came of them is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hall.errors import InputError
from hall.layout import Hall
from hall.load import parse_hall
from twin.scenario import Scenario, built_in, hall_for, story_truth, tell
from twin.scenario.file import SCENARIOS
from twin.truth import Truth

SUITE = (
    "brief",
    "morning",
    "rush",
    "handover",
    "restless",
    "cleaner",
    "covering",
    "helping",
    "children",
    "blockers",
    "sitters",
    "queue",
    "quiet",
    "phones",
    "dim",
    "frozen",
    "dark",
    "covered",
    "bumped",
    "stalled",
)
"""Scenarios that come along and whose figures count."""


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario with one seed, in one of the rendered halls."""

    scenario: str
    seed: int
    fps: float = 2.0
    place: str = "lowdesk"

    @property
    def name(self) -> str:
        """What its files are called."""
        where = "" if self.place == "lowdesk" else f"{self.place}-"
        return f"{where}{self.scenario}-{self.seed}"

    def told(self) -> Scenario:
        """The scenario file."""
        return built_in(self.scenario, self.place)

    def hall(self) -> Hall:
        """The hall that watches it."""
        return parse_hall(hall_for(self.told(), seed=self.seed, fps=self.fps))

    def truth(self) -> Truth:
        """What is true in it."""
        told = self.told()
        return story_truth(self.hall(), told, tell(told, self.seed))

    def key(self, *more: str) -> str:
        """What its replay depends on, as a hash; `more` is what the case does not know: code and model."""
        text = (SCENARIOS / f"{self.scenario}.yaml").read_text(encoding="utf-8")
        digest = hashlib.blake2b(digest_size=16)
        for part in (text, hall_for(self.told(), seed=self.seed, fps=self.fps), str(self.seed), *more):
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()


def cases(seeds: Sequence[int], only: Iterable[str] = (), *, fps: float = 2.0, place: str = "lowdesk") -> list[Case]:
    """The cases of the suite, longest first, so that two processes end at about the same time.

    Raises:
        InputError: `only` names a scenario that does not come along, or `place` no rendered hall.
    """
    names = list(only) or list(SUITE)
    lengths = {name: built_in(name, place).duration_s for name in names}
    if not seeds:
        raise InputError("seeds: found none; expected such as 1-3")
    every = (Case(name, seed, fps, place) for name in names for seed in seeds)
    return sorted(every, key=lambda case: -lengths[case.scenario])


class Store:
    """Messages of finished replays in a folder: a file per case, found again by everything that determines it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = folder / "runs"
        try:
            self._runs.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise InputError(f"{folder}: {exc.strerror}; expected a folder that can be made") from exc

    def messages(self, case: Case) -> Path:
        """The file of a case, whether it is there or not."""
        return self._runs / f"{case.name}.jsonl"

    def is_done(self, case: Case, key: str) -> bool:
        """Whether the messages of this case were made with this key."""
        stamp = self._stamp(case)
        return self.messages(case).exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == key

    def done(self, case: Case, key: str, lines: Iterable[bytes]) -> None:
        """Keep the messages of a case; the stamp comes last, so that half a file never counts."""
        self._stamp(case).unlink(missing_ok=True)
        part = self.messages(case).with_suffix(".part")
        part.write_bytes(b"".join(line + b"\n" for line in lines))
        part.replace(self.messages(case))
        self._stamp(case).write_text(key, encoding="utf-8")

    def _stamp(self, case: Case) -> Path:
        return self._runs / f"{case.name}.key"
