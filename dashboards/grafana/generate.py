"""The files of all boards: what is committed, what is stale, what a hall adds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dashboards.grafana._plan import plan_picture
from dashboards.grafana.alerting import lint_rules, provisioning
from dashboards.grafana.boards import BOARDS, floor_board
from dashboards.grafana.lint import lint
from dashboards.grafana.query import DIALECTS, Dialect
from dashboards.grafana.render import CONSOLE, render
from dashboards.grafana.spec import LANGUAGES, Board
from hall.errors import InputError
from hall.layout import Hall
from hall.words import Language

WEBHOOK = "${HALLWATCH_GRAFANA_WEBHOOK}"
"""Where alerts go, for provisioning: Grafana takes it from its environment."""
GENERATED = Path(__file__).parent / "generated"
"""The boards for any hall, as they are committed and in the wheel."""


def plan_boards(hall: Hall, folder: Path) -> tuple[Board, ...]:
    """A board over the plan of each floor that has one; pictures are looked for in `folder`.

    Raises:
        InputError: a picture cannot be used.
    """
    made = []
    for place, floor in enumerate(hall.floors):
        if floor.plan is not None:
            picture = plan_picture(floor.plan, folder, f"floors[{place}].plan")
            made.append(floor_board(picture, hall.hall.id, floor.id, f"{hall.hall.name} {floor.id}"))
    return tuple(made)


def board_json(
    boards: Iterable[Board], dialect: Dialect, language: Language, console: str = CONSOLE
) -> list[dict[str, Any]]:
    """The boards as Grafana takes them, looked through by our own lints.

    Raises:
        InputError: a lint found something.
    """
    made = [render(board, dialect, language, console) for board in boards]
    known = {str(one["uid"]) for one in made}
    general = {board.uid(language) for board in BOARDS}
    faults = [fault for one in made for fault in lint(one, known | general)]
    if faults:
        raise InputError("boards with faults:\n  " + "\n  ".join(faults))
    return made


def files(boards: Iterable[Board] = BOARDS) -> Mapping[str, str]:
    """Text of every file by its path below the folder: DIALECT/LANGUAGE/boards/... and .../alerting/...

    Raises:
        InputError: a lint found something.
    """
    listed = list(boards)
    if faults := lint_rules():
        raise InputError("alert rules with faults:\n  " + "\n  ".join(faults))
    made: dict[str, str] = {}
    for dialect in DIALECTS:
        for language in LANGUAGES:
            for one in board_json(listed, dialect, language):
                made[f"{dialect}/{language}/boards/{one['uid'].removesuffix(f'-{language}')}.json"] = _text(one)
            for name, content in provisioning(dialect, language, WEBHOOK).items():
                made[f"{dialect}/{language}/alerting/{name}.json"] = _text(content)
    return made


def _text(board: dict[str, Any]) -> str:
    return json.dumps(board, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def write(made: Mapping[str, str], folder: Path) -> int:
    """Bring a folder up to date; how many of its files were not."""
    old = faults_of(made, folder)
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in set(_there(folder)) - made.keys():
        (folder / name).unlink()
    return len(old)


def faults_of(made: Mapping[str, str], folder: Path) -> list[str]:
    """What of a folder is not as it would be made now."""
    there = _there(folder)
    gone = [f"{name}: is not there" for name in made if name not in there]
    stale = [f"{name}: is stale" for name in made if name in there and there[name].read_text() != made[name]]
    return sorted([*gone, *stale, *(f"{name}: belongs to no board" for name in there if name not in made)])


def _there(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.json"))}
