"""`hallwatch models bench`: milliseconds per inference."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli._figures import show
from cli._models import model_folders
from hall.errors import InputError, ModelError
from models.zoo import ModelFile, places, resolve, zoo_of


def bench_models(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME…]", help="As in `hallwatch models list`, or .onnx files; all that are here."),
    ] = None,
    threads: Annotated[str, typer.Option(metavar="1,2", help="Threads of one inference, with commas.")] = "1,2",
    provider: Annotated[
        list[str] | None,
        typer.Option(help="cpu, openvino, cuda or tensorrt; again for more. All that are installed, but tensorrt."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Pictures of one inference, where a model takes several.")] = 1,
    seconds: Annotated[float, typer.Option(min=0.05, max=60, help="To measure each for.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Figures as JSON.")] = False,
) -> None:
    """Milliseconds per picture by model, provider and threads, beside the inference alone.

    Example: hallwatch models bench nanodet-g_416_int8 --threads 1,2,4 --provider cpu
    """
    import cv2  # noqa: PLC0415 - neither for the list
    from onnxruntime import get_available_providers  # noqa: PLC0415

    from models.bench import bench_model, bench_table  # noqa: PLC0415
    from models.providers import installed_names  # noqa: PLC0415

    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", threads):
        raise InputError(f"--threads {threads}: expected numbers of 1 or more with commas, such as 1,2")
    cv2.setNumThreads(1)  # the figures are those of the threads that were asked for
    wanted = provider or [name for name in installed_names(get_available_providers()) if name != "tensorrt"]
    models = list(_models(names or []))
    rows, faults = [], []
    for model in models:
        for name in wanted:
            for count in map(int, threads.split(",")):
                print(f"{model.entry.name} on {name}, {count} thread(s)", file=sys.stderr)
                try:
                    rows.append(bench_model(model, threads=count, provider=name, batch=batch, seconds=seconds))
                except (ModelError, ValueError) as exc:
                    faults.append(str(exc))
    if rows:
        show(rows, bench_table(rows), as_json=as_json)
    if faults:
        raise InputError("\n".join(dict.fromkeys(faults)))


def _models(names: Sequence[str]) -> Iterator[ModelFile]:
    folders: list[Path] = model_folders()
    if names:
        yield from (resolve(name, folders) for name in names)
        return
    for entry in zoo_of(folders).models:
        if any(path.is_file() for path in places(entry, folders)):
            yield resolve(entry.name, folders)
