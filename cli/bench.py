"""`hallwatch bench`: figures as ratios to a limit measured in the same run."""

from __future__ import annotations

from enum import Enum
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import cv2
import typer

from cli._alerts_bench import alerts_text, bench_alerts
from cli._day import bench_day
from cli._density import DensityFigures, bench_density
from cli._edge import ModelOption, ProviderOption, open_detector, recordings
from cli._faults import bench_faults, fault_table
from cli._figures import show
from cli._ingest_bench import bench_ingest, ingest_text
from cli._workers_bench import bench_workers, workers_text
from edge.bench import bench_replay
from edge.density import Load
from hall.load import load_hall
from ingest.bench import Work
from twin.bench import bench_twin
from twin.bench_stays import StayFigures, bench_stays
from twin.evaluate import table
from twin.scenario import built_in

app = typer.Typer(
    help="Measure this machine: every figure beside a limit or a peer of the same run.", no_args_is_help=True
)

JsonOption = Annotated[bool, typer.Option("--json", help="Figures as JSON.")]
RoundsOption = Annotated[int, typer.Option(min=1, help="How often to measure.")]


class _Streams(Enum):
    """typer takes a list of these, and none of a Literal."""

    main = "main"
    sub = "sub"


@app.callback()
def _bench() -> None:
    """Measure this machine: every figure beside a limit or a peer of the same run."""


@app.command()
def replay(
    as_json: JsonOption = False,
    rounds: RoundsOption = 3,
    threads: Annotated[int, typer.Option(min=1, help="Threads of one inference.")] = 1,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
) -> None:
    """Replay of two rendered clips against decoding plus inference alone.

    Example: hallwatch bench replay --json
    """
    with as_file(files("twin") / "assets") as assets:
        hall = load_hall(assets / "clips" / "hall.yaml")
        figures = bench_replay(hall, recordings(hall, []), open_detector(hall, threads, model, provider), rounds=rounds)
    show(
        figures,
        f"replay of {figures.frames} frames: {figures.replay_s:.2f} s; decoding and inference alone: "
        f"{figures.limit_s:.2f} s\nratio_to_limit {figures.ratio_to_limit:.2f} (1 = nothing on top)\n"
        f"{figures.times_real_time:.0f} times real time at 2 frames per second, {figures.model} on {figures.provider}",
        as_json=as_json,
    )


@app.command()
def twin(
    as_json: JsonOption = False,
    rounds: RoundsOption = 3,
) -> None:
    """Frames of the rendered hall against a plain copy of a frame.

    Example: hallwatch bench twin --json
    """
    cv2.setNumThreads(1)  # the figures are those of one core
    figures = bench_twin(rounds=rounds)
    show(
        figures,
        f"{figures.story_ms:.1f} ms per 1280x720 frame of the demo story, {figures.frames_per_second:.0f} frames per "
        f"second on one core\n{figures.walking_ms:.1f} ms with twelve people walking\n"
        f"ratio_to_copy {figures.ratio_to_copy:.1f} (a copy of the frame: {figures.copy_ms:.2f} ms)",
        as_json=as_json,
    )


@app.command()
def day(
    as_json: JsonOption = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another day.")] = 1,
    fps: Annotated[float, typer.Option(min=0.5, max=12, help="Frames of a camera per second while people move.")] = 2.0,
) -> None:
    """A working day of 20 windows and about 600 citizens, made and replayed without pixels, and scored.

    Example: hallwatch bench day --seed 2 --json
    """
    figures = bench_day(built_in("workday"), seed=seed, fps=fps)
    show(
        figures,
        f"{figures.windows} windows, {figures.cameras} cameras, {figures.citizens} citizens ({figures.unserved} of "
        f"them lost patience), {figures.day_s / 3600:g} h, made in {figures.make_cpu_s:.0f} s of processor time\n"
        f"replay of {figures.frames} frames with {figures.people_per_frame:.1f} people each: {figures.replay_s:.1f} s "
        f"in {figures.processes} processes ({figures.replay_cpu_s:.1f} s of processor time, {figures.us_per_frame:.0f} "
        f"us per frame); following people alone: {figures.limit_cpu_s:.1f} s of processor time\n"
        f"ratio_to_limit {figures.ratio_to_limit:.2f} (1 = nothing on top), {figures.frames_per_second:.0f} frames per "
        f"second, {figures.times_real_time:.0f} times real time\n{table(figures.score)}",
        as_json=as_json,
    )


@app.command()
def stays(
    as_json: JsonOption = False,
    seed: Annotated[list[int] | None, typer.Option(min=0, help="Repeat for several; 1, 2 and 3 by default.")] = None,
) -> None:
    """Stays of a full hall through misses, occlusions and exchanged ids, beside plain track dwell on the same input.

    Example: hallwatch bench stays --seed 4 --seed 5 --json
    """
    figures = bench_stays(seed or [1, 2, 3])
    show(
        figures,
        f"{figures.stays} stays of up to {figures.longest_s / 60:.0f} min, p90 {figures.wait_p90_s:.0f} s; a fifth of "
        f"the boxes missed, an id exchanged per person and minute, occlusions of 5 to 30 s\n"
        f"{'':12} claimed  unbroken   exact  broken  merged  duration error p50, p95    p90 wait, error\n"
        f"{_stay_row('ledger', figures.ledger)}\n{_stay_row('track dwell', figures.track_dwell)}\n"
        "the same behind the tracker of a box, which exchanges ids of its own accord, too\n"
        f"{_stay_row('ledger', figures.tracked_ledger)}\n{_stay_row('track dwell', figures.tracked_dwell)}\n"
        f"the ledger takes {figures.ledger_ms_per_frame:.2f} ms per frame",
        as_json=as_json,
    )


@app.command()
def density(
    as_json: JsonOption = False,
    streams: Annotated[
        list[_Streams] | None,
        typer.Option(help="main: 1080p of 4 Mbit/s; sub: 640x360 of 0.5; 25 pictures a second. Repeat for both."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=5, help="How long each number of cameras is counted.")] = 15.0,
    fps: Annotated[float, typer.Option(min=0.5, max=12, help="Frames of a camera that are looked at.")] = 2.0,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    keep: Annotated[Path | None, typer.Option(help="A folder in which the streams are kept for the next time.")] = None,
) -> None:
    """How many RTSP cameras a box keeps up with, beside decoding and inference alone: some minutes.

    Cameras are added until one is late by a second or misses pictures. They come from a GStreamer server on this
    machine (Debian packages, named where they are missing), which takes its share of it.

    Example: hallwatch bench density --streams main --json
    """
    figures = bench_density(
        [stream.value for stream in streams or _Streams],
        analyse_fps=fps,
        seconds=seconds,
        model=model or "default",
        provider=provider,
        folder=keep,
    )
    show(figures, _density_table(figures), as_json=as_json)


def _density_table(figures: DensityFigures) -> str:
    lines = [f"{figures.cores} cores, {figures.model} on {figures.provider}, {figures.analyse_fps:g} frames a second"]
    for kind in figures.kinds:
        stages = ", ".join(f"{stage} {spent:.1%}" for stage, spent in _per_camera(kind.box).items())
        lines.append(
            f"{kind.streams} streams ({kind.size_px[0]}x{kind.size_px[1]} at 25): {kind.box.cameras} cameras, "
            f"{kind.box_per_core:.1f} per core; decoding and inference alone: {kind.limit.cameras}\n"
            f"  ratio_to_limit {kind.ratio_to_limit:.2f} (of processor time per camera {kind.ratio_of_cpu:.2f}), "
            f"lag p95 {kind.box.lag_p95_s:.2f} s\n  of a core per camera: {stages}"
        )
    return "\n".join(lines)


def _per_camera(load: Load) -> dict[str, float]:
    return {stage: spent / max(1, load.cameras) for stage, spent in load.stages.items()}


@app.command()
def faults(as_json: JsonOption = False) -> None:
    """What can be wrong with a camera: how long until a box notices, and until it is over it. Takes minutes.

    Example: hallwatch bench faults
    """
    figures = bench_faults(lambda name: typer.echo(f"... {name}", err=True))
    show(figures, fault_table(figures), as_json=as_json)


@app.command()
def ingest(
    as_json: JsonOption = False,
    messages: Annotated[int, typer.Option(min=100, help="Floor messages of a round.")] = 20_000,
    floors: Annotated[int, typer.Option(min=1, help="Boxes that send them in turn.")] = 20,
    rounds: RoundsOption = 3,
    away_s: Annotated[
        float, typer.Option("--away", min=0, help="Seconds that the store is away afterwards, while as many come.")
    ] = 0.0,
    workers: Annotated[
        int,
        typer.Option(min=1, help="Instead: so many processes that share the work, records on PostgreSQL, against one."),
    ] = 1,
) -> None:
    """The centre from broker to store beside a bare subscriber that drains the same messages.

    mosquitto and VictoriaMetrics (Debian packages) are started on ports of their own. A message is a floor of 50
    windows and 10 zones; both sides find all of them waiting at the broker. The centre is done when the store has
    every point, which is counted there.

    Example: hallwatch bench ingest --away 300 --json
    """
    if workers > 1:
        shared = bench_workers(
            Work(messages, floors), workers=workers, say=lambda what: typer.echo(f"... {what}", err=True)
        )
        show(shared, workers_text(shared), as_json=as_json)
        return
    figures = bench_ingest(
        Work(messages, floors), rounds=rounds, away_s=away_s, say=lambda what: typer.echo(f"... {what}", err=True)
    )
    show(figures, ingest_text(figures), as_json=as_json)


@app.command()
def alerts(
    as_json: JsonOption = False,
    windows: Annotated[int, typer.Option(min=1, max=200, help="Windows of the box.")] = 50,
) -> None:
    """From the moment at which a limit is passed, by the time of the pictures, to the receipt of the alert.

    A box with live cameras at 2 frames per second, mosquitto, the centre and a webhook run on this machine; every
    window is without its clerk, and each passes its limit at another moment.

    Example: hallwatch bench alerts --json
    """
    figures = bench_alerts(windows=windows)
    show(figures, alerts_text(figures), as_json=as_json)


def _stay_row(name: str, figures: StayFigures) -> str:
    return (
        f"{name:12} {figures.claimed:7} {figures.unbroken:9.1%} {figures.exact:7.1%}"
        f" {figures.broken:7} {figures.merged:7}"
        f" {figures.duration_error_median_s:12.1f} s {figures.duration_error_p95_s:6.0f} s"
        f" {figures.wait_p90_s:9.0f} s {figures.wait_p90_error:6.1%}"
    )
