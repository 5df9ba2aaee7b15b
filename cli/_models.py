"""What the commands of models share: the folders of their files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

FolderOption = Annotated[
    list[Path] | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="A folder with model files; may be given again. HALLWATCH_MODELS adds more.",
    ),
]


def model_folders() -> list[Path]:
    """The folders that HALLWATCH_MODELS names, separated as in PATH."""
    return [Path(part) for part in os.environ.get("HALLWATCH_MODELS", "").split(os.pathsep) if part]
