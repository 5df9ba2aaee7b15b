"""`hallwatch models export` and `train`: the two that need the extra `train`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hall.errors import InputError

if TYPE_CHECKING:
    from models.export import ExportSettings

OutOption = Annotated[Path, typer.Option(help="Where it goes.")]
SizeOption = Annotated[str, typer.Option(metavar="WxH", help="The input in pixels, multiples of 32.")]
ScoreOption = Annotated[float, typer.Option(help="A detection this good counts by itself.")]
LicenceOption = Annotated[str, typer.Option(help="Of the weights.")]
End2EndOption = Annotated[bool, typer.Option("--end2end", help="The head that needs no suppression (YOLO v10, 26).")]


def export_model(
    weights: Annotated[str, typer.Argument(metavar="WEIGHTS.pt|MODEL.yaml", help="A model of ultralytics.")],
    out: OutOption,
    *,
    size: SizeOption = "640x640",
    end2end: End2EndOption = False,
    score: ScoreOption = 0.25,
    licence: LicenceOption = "AGPL-3.0-only",
) -> None:
    """Write a YOLO or RT-DETR of ultralytics as an ONNX file that --model takes. Needs the extra train.

    Weights are unpickled, which runs what stands in them: take only those whose origin you know.

    Example: hallwatch models export yolo11n.pt --out yolo11n_640x384.onnx --size 640x384
    """
    from models.export import ExportSettings  # noqa: PLC0415 - onnxruntime

    width, height = _size(size)
    settings = ExportSettings(width, height, end2end=end2end, score=score, licence=licence)
    _export(weights, out, settings)


def train_model(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Labelled pictures, COCO or YOLO.")],
    weights: Annotated[str, typer.Option(metavar="FILE", help="Where to begin: a .pt that is here, or a YAML.")],
    out: OutOption,
    *,
    epochs: Annotated[int, typer.Option(min=1, help="Rounds over all pictures.")] = 50,
    size: Annotated[int, typer.Option(help="Pictures are scaled to a square of so many pixels.")] = 640,
    batch: Annotated[int, typer.Option(min=1, help="Pictures of one step.")] = 8,
    validation: Annotated[float, typer.Option(help="Share of the pictures, the last by name, that judges.")] = 0.2,
    freeze: Annotated[int, typer.Option(min=0, help="So many layers keep their weights; 10 is the backbone.")] = 0,
    device: Annotated[str, typer.Option(help="Of torch: cpu, 0, ...")] = "cpu",
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 1,
    input_size: Annotated[
        str | None,
        typer.Option("--input", metavar="WxH", help="Of the ONNX file; a square of --size where left out."),
    ] = None,
    score: ScoreOption = 0.25,
) -> None:
    """Fine-tune a YOLO on labelled pictures of a site, and write it as ONNX. Needs the extra train.

    Example: hallwatch models train labelled/ --weights yolo11n.pt --out hall-model --epochs 50
    """
    from models.export import ExportSettings  # noqa: PLC0415 - onnxruntime
    from models.train import TrainSettings, train  # noqa: PLC0415

    settings = TrainSettings(epochs, size, batch, validation, freeze, device, seed)
    width, height = _size(input_size) if input_size else (size, size)
    as_onnx = ExportSettings(width, height, score=score)
    best = train(weights, folder, out, settings)
    print(f"the best weights: {best}", file=sys.stderr)
    _export(str(best), out / f"{out.resolve().name}.onnx", as_onnx)


def _export(weights: str, out: Path, settings: ExportSettings) -> None:
    from models.export import export  # noqa: PLC0415

    done = export(weights, out, settings)
    print(
        f"{done.entry.decoder}, {done.entry.classes} class(es), the person is {done.entry.person}; "
        f"{done.difference:.1e} away from the original at most",
        file=sys.stderr,
    )
    typer.echo(str(done.path))


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if match is None:
        raise InputError(f"--size {text}: expected WIDTHxHEIGHT in pixels, such as 640x384")
    return int(match[1]), int(match[2])
