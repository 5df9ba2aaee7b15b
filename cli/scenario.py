"""`hallwatch scenario`: a rendered hall to try things on, with its exact truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from hall.errors import InputError
from hall.load import parse_hall
from twin.camera import scene_names
from twin.scenario import Scenario, built_in, hall_for, load_scenario, story_truth, tell

BUILT_IN = "morning"


def scenario(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The rendered hall: lowdesk, tallcounter.")],
    hall_out: Annotated[Path, typer.Option(metavar="HALL.yaml", help="Where the hall file goes.")],
    truth_out: Annotated[Path, typer.Option(metavar="TRUTH.json", help="Where the truth goes.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another day.")] = 1,
    file: Annotated[
        Path | None, typer.Option(metavar="SCENARIO.yaml", help=f"What happens; `{BUILT_IN}` where left out.")
    ] = None,
    fps: Annotated[float, typer.Option(min=0.5, max=12, help="analyse_fps of the cameras.")] = 5.0,
) -> None:
    """Write the hall file of a rendered scenario, its cameras sim:// sources, and what is true in it.

    Example: hallwatch scenario lowdesk --seed 3 --hall-out hall.yaml --truth-out truth.json
    """
    if name not in scene_names():
        raise InputError(f"hall {name!r}: expected one of {', '.join(scene_names())}")
    told = built_in(BUILT_IN, name) if file is None else load_scenario(file)
    if told.scenario.hall != name:
        raise InputError(f"{file}: plays in hall {told.scenario.hall!r}; expected {name!r}")
    story = BUILT_IN if file is None else str(file.resolve())
    text = hall_for(told, seed=seed, story=story, fps=fps)
    truth = msgspec.json.format(msgspec.json.encode(story_truth(parse_hall(text), told, tell(told, seed))), indent=1)
    for path, content in ((hall_out, text.encode()), (truth_out, truth)):
        try:
            path.write_bytes(content)
        except OSError as exc:
            raise InputError(f"{path}: {exc.strerror}; expected a file that can be written") from exc
    typer.echo(_told(told, seed, hall_out, truth_out))


def _told(told: Scenario, seed: int, hall_out: Path, truth_out: Path) -> str:
    return f"scenario {told.scenario.id}, seed {seed}, {told.scenario.duration:.0f} s: {hall_out}, {truth_out}"
