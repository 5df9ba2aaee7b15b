"""`hallwatch models evaluate`: recall of a detector, on a rendered camera or on labelled pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli._figures import show
from cli._models import model_folders
from models.zoo import resolve


def evaluate_model(
    source: Annotated[
        str, typer.Argument(metavar="FOLDER|sim://…", help="Labelled pictures (COCO or YOLO), or a rendered camera.")
    ],
    model: Annotated[str, typer.Option(help="As `model` in hall.yaml, or an .onnx file.")] = "auto",
    fps: Annotated[
        float, typer.Option(min=0.05, max=12, help="Frames a second of a rendered camera that are looked at.")
    ] = 1.0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of one inference.")] = 1,
    iou: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Overlap of a label and the detection that is of it.")
    ] = 0.3,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Recall of a detector on whole pictures.

    On labelled pictures by height and light; on a rendered camera by height, pose, role and visible share.

    Example: hallwatch models evaluate labelled/ --model rtmdet-nano-person_640x384

    Example: hallwatch models evaluate "sim://lowdesk?camera=cam1&story=phones" --fps 0.5
    """
    # The list needs neither pictures nor onnxruntime.
    from models.labels import read_labels  # noqa: PLC0415
    from twin.recall import recall  # noqa: PLC0415
    from twin.source import open_sim  # noqa: PLC0415
    from vision.detector import Detector  # noqa: PLC0415
    from vision.recall import labelled_recall, recall_table  # noqa: PLC0415

    if source.startswith("sim://"):
        opened = open_sim(source)
        detector = Detector(resolve(model, model_folders()), threads=threads)
        figures = recall(opened, detector, score=detector.score, fps=fps, fit=detector.input_size, least_iou=iou)
    else:
        labelled = read_labels(Path(source))
        detector = Detector(resolve(model, model_folders()), threads=threads)

        def say(done: int) -> None:
            if done % 50 == 0 or done == len(labelled):
                print(f"{done} of {len(labelled)} pictures", file=sys.stderr)

        figures = labelled_recall(
            labelled, detector, score=detector.score, input_size=detector.input_size, least_iou=iou, told=say
        )
    show(figures, f"{detector.name} on {source}\n{recall_table(figures)}", as_json=as_json)
