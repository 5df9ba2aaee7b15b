"""The door to ultralytics: only `export` and `train` go through it, and no run-time path does."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from hall.errors import InputError


def load(weights: str) -> Any:
    """A model of ultralytics, from weights (.pt) that are here or a YAML; it fetches, installs and reports nothing.

    Weights are unpickled, which runs what stands in them: only take those whose origin is known.

    Raises:
        InputError: the extra is not installed, there is no such file, or it is no model that detects.
    """
    module = require(weights)
    if Path(weights).suffix not in {".pt", ".yaml", ".yml"}:
        raise InputError(f"{weights}: expected weights (.pt) or the YAML of a model")
    if Path(weights).suffix == ".pt" and not Path(weights).is_file():
        raise InputError(f"{weights}: no such file; expected weights that are here, nothing is fetched")
    # Of weights it sees itself what they are; a YAML it takes for a YOLO's.
    named = Path(weights).suffix != ".pt" and "rtdetr" in Path(weights).stem.lower()
    try:
        model = (module.RTDETR if named else module.YOLO)(weights)
    except Exception as exc:
        raise InputError(f"{weights}: ultralytics cannot read it: {type(exc).__name__}: {exc}") from exc
    if model.task != "detect":
        raise InputError(f"{weights}: found a model for {model.task}; expected one for detect")
    return model


def require(what: str) -> Any:
    """The module, told to stay on this machine.

    Raises:
        InputError: it is not installed.
    """
    os.environ["YOLO_OFFLINE"] = "true"  # no statistics sent, no update looked for
    os.environ["YOLO_AUTOINSTALL"] = "false"  # no pip in the background
    try:
        import_module("onnx")
        return import_module("ultralytics")
    except ModuleNotFoundError as exc:
        raise InputError(
            f"{what}: the package {exc.name} is not installed; expected hallwatch with its extra train, in an "
            "environment of its own: pip install 'hallwatch[edge,train]'"
        ) from exc
