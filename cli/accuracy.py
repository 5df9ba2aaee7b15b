"""`hallwatch accuracy`: the suite of rendered scenarios through the pipeline of a box, against their truth."""

from __future__ import annotations

import re
import sys
import time
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import typer

from cli._edge import recordings, register_sim
from cli._figures import show
from cli._workers import workers
from cli.models import model_folders
from edge.replay import replay
from hall.clock import from_iso
from hall.errors import InputError
from hall.messages import Message, encode
from models.zoo import resolve
from twin.accuracy import CachedDetector, Case, Store, cases, content_hash, suite_result, summary, write_page
from twin.accuracy.results import judge_case
from twin.evaluate import read_messages
from twin.truth import Truth
from vision.detector import Detector
from vision.tracker import TrackerSettings

_ROOT = Path(__file__).resolve().parent.parent
_CODE = ("hall", "models", "vision", "edge", "twin", "cli/_edge.py", "cli/accuracy.py")
"""What a replay depends on, besides scenario, seed and model."""


@dataclass(frozen=True)
class _Job:
    """What a process needs for one case."""

    case: Case
    key: str
    folder: Path
    model: str


def accuracy(
    out: Annotated[Path, typer.Option(help="Where messages, detections, results.json and index.html go.")] = Path(
        "build/accuracy"
    ),
    seeds: Annotated[str, typer.Option(metavar="1-3", help="Seeds: a range, or numbers with commas.")] = "1-3",
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A scenario; may be given again.")] = None,
    hall: Annotated[
        str, typer.Option(metavar="NAME", help="The rendered hall: lowdesk, or tallcounter, the hard case.")
    ] = ("lowdesk"),
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    model: Annotated[str, typer.Option(help="As `model` in hall.yaml.")] = "auto",
    fps: Annotated[float, typer.Option(min=0.5, max=12, help="analyse_fps of the cameras.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json instead of a table.")] = False,
) -> None:
    """Score the box on rendered scenarios: events, sessions, stays, blind cameras, as figures and timelines.

    What was done with the same code, model and scenario is not done again; an interrupted run goes on where it was.

    Example: hallwatch accuracy --only restless --only frozen --seeds 1
    """
    store = Store(out)
    weights = resolve(model, model_folders()).entry
    code = content_hash(_ROOT, _CODE)
    suite = cases(_seeds(seeds), only or [], fps=fps, place=hall)
    todo = [_Job(case, case.key(code, weights.sha256), out, model) for case in suite]
    _run([job for job in todo if not store.is_done(job.case, job.key)], len(todo), jobs)
    done = [(job.case, job.case.truth()) for job in todo]
    results = [judge_case(case, read_messages(store.messages(case)), truth) for case, truth in done]
    scored = suite_result(results, [truth for _, truth in done], model=weights.name, fps=fps)
    (out / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(scored), indent=1))
    truths = {case.name: truth for case, truth in done}
    write_page(out / "index.html", scored, truths)
    show(scored, summary(scored), as_json=as_json)
    print(f"{out / 'results.json'}, {out / 'index.html'}", file=sys.stderr)


def _seeds(text: str) -> list[int]:
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    if match:
        return list(range(int(match[1]), int(match[2]) + 1))
    if re.fullmatch(r"\d+(,\d+)*", text):
        return [int(part) for part in text.split(",")]
    raise InputError(f"--seeds {text}: expected a range such as 1-3, or numbers with commas")


def _run(jobs: list[_Job], total: int, processes: int) -> None:
    """Replay cases in processes of their own, with a line for each that is done."""
    print(f"{total - len(jobs)} of {total} scenarios are there already", file=sys.stderr)
    if not jobs:
        return
    whole_s = sum(job.case.told().duration_s for job in jobs)
    passed_s, began = 0.0, time.monotonic()
    with workers(min(processes, len(jobs))) as pool:
        waiting: dict[Future[str], _Job] = {pool.submit(_replay, job): job for job in jobs}
        for number, future in enumerate(as_completed(waiting), start=total - len(jobs) + 1):
            job = waiting[future]
            said = future.result()
            passed_s += job.case.told().duration_s
            left_s = (time.monotonic() - began) * (whole_s / passed_s - 1)
            print(f"[{number}/{total}] {job.case.name}: {said}; about {left_s / 60:.0f} min to go", file=sys.stderr)


def _replay(job: _Job) -> str:
    """One case as a box would have judged it, in this process; both cameras go through one pipeline."""
    register_sim()
    cv2.setNumThreads(1)  # there is a process for each core
    hall = job.case.hall()
    model = resolve(job.model, model_folders())
    detector = Detector(model, threads=1)
    cached = CachedDetector(detector, job.folder / "detections.sqlite", model=model.entry.sha256)
    lines: list[bytes] = []

    def emit(message: Message) -> None:
        lines.append(encode(message))

    began = time.monotonic()
    try:
        report = replay(
            hall,
            recordings(hall, []),
            cached,
            start=from_iso(Truth().start),
            fit=detector.input_size,
            emit=emit,
            tracker=TrackerSettings.for_model(detector.score),
            model=detector.entry,
        )
    finally:
        cached.close()
    if report.faults:
        raise InputError(f"{job.case.name}: {report.faults[0]}")
    Store(job.folder).done(job.case, job.key, lines)
    share = cached.hits / max(1, cached.hits + cached.misses)
    return f"{report.frames} frames in {time.monotonic() - began:.0f} s, {share:.0%} of detections known"
