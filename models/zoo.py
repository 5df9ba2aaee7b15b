"""The model zoo: `zoo.toml` as typed entries, and model files that are what the manifest says.

A file is taken by the name of an entry only when its size and sha256 are those of that entry, so it has a known
licence, a known input and a known decoder. A file that is named by its path may also say itself what it is
(`models.describe`). Every fault is a ModelError that names
the file, what was found and what would be right.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hall.errors import ModelError

MANIFEST = Path(__file__).parent / "zoo.toml"
WEIGHTS = Path(__file__).parent / "weights"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[^/\\]+\.onnx$")]
Share = Annotated[float, Field(gt=0, lt=1)]
PerChannel = tuple[float, float, float]
DecoderName = Literal["nanodet", "rtmdet", "omz", "yolo", "yolo_end2end", "yolox", "ssd", "detr", "detr_end2end"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Read = TypeVar("Read", bound=_Strict)


class InputSpec(_Strict):
    """What a model reads: `(value - mean) / std` per channel of an image fitted to `width` x `height`."""

    width: int = Field(gt=0, description="pixels")
    height: int = Field(gt=0, description="pixels")
    fit: Literal["letterbox", "stretch"] = Field(
        description="letterbox keeps the aspect, top left, and pads the rest; stretch fills the input"
    )
    pad: int = Field(default=0, ge=0, le=255, description="value of the padding, before mean and std")
    channels: Literal["bgr", "rgb"]
    mean: PerChannel = Field(description="0-255, in the order of `channels`")
    std: PerChannel = Field(description="0-255, in the order of `channels`")

    @model_validator(mode="after")
    def _std_divides(self) -> Self:
        if not all(math.isfinite(v) for v in (*self.mean, *self.std)) or min(self.std) <= 0:
            raise ValueError("expected finite mean and std, each std above 0")
        return self


class OutputSpec(_Strict):
    """One output tensor of a model, float32."""

    name: str = Field(min_length=1)
    shape: tuple[Annotated[int, Field(gt=0)], ...] = Field(description="without the batch")


class Sight(_Strict):
    """How large an upright person has to be in a model's picture to be found, in pixels of its input.

    Measured on the rendered hall: docs/models.md says how.
    """

    clerk_px: float = Field(gt=0, description="at a desk, seated or bent over a phone")
    person_px: float = Field(gt=0, description="on the open floor")
    crop_px: float = Field(gt=0, description="best: what a crop makes of smaller people")


class Archive(_Strict):
    """Where the weights of an entry can be had, and what was done to them."""

    url: str = Field(pattern=r"^https://")
    sha256: Sha256 = Field(description="of the archive")
    member: str = Field(min_length=1, description="the file inside the archive")
    change: str | None = Field(
        default=None, min_length=1, description="what turns the member into the entry's file, unless it is the file"
    )


class ModelEntry(_Strict):
    """One model of the manifest."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    file: FileName = Field(description="name in the weights folder or in a model folder")
    shipped: bool = Field(default=False, description="whether the file is part of hallwatch")
    size: int = Field(gt=0, description="bytes")
    sha256: Sha256
    licence: str = Field(min_length=1, description="SPDX expression")
    source: str = Field(min_length=1)
    url: str | None = Field(default=None, pattern=r"^https://", description="of the file itself")
    archive: Archive | None = None
    decoder: DecoderName = Field(description="the function of models/decoders.py")
    classes: int = Field(gt=0)
    person: int = Field(ge=0, description="column of the person in the scores")
    score: Share = Field(description="a detection with this score counts by itself")
    low_score: Share = Field(description="below `score`: good enough to keep a track, not to start one")
    nms_iou: Share = Field(description="of two boxes that overlap more, the better stays")
    providers: tuple[str, ...] = Field(
        default=("CUDAExecutionProvider", "OpenVINOExecutionProvider", "CPUExecutionProvider"),
        min_length=1,
        description="execution providers to take when the user names none, the best first",
    )
    sight: Sight | None = Field(default=None, description="left out, the model gets no crops")
    input: InputSpec
    outputs: tuple[OutputSpec, ...] = Field(min_length=1, description="in the order the decoder reads them")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.low_score > self.score:
            raise ValueError(f"low_score {self.low_score:g} is over score {self.score:g}")
        if self.person >= self.classes:
            raise ValueError(f"person {self.person} is not one of {self.classes} classes")
        return self


class Zoo(_Strict):
    """The manifest: unique names, files and sha256; the default is shipped."""

    default: str
    preferred: tuple[str, ...] = Field(default=(), description="what `auto` takes before the default, if it is here")
    models: tuple[ModelEntry, ...] = Field(alias="model", min_length=1)

    @model_validator(mode="after")
    def _no_two_alike(self) -> Self:
        for key in ("name", "file", "sha256"):
            values = [getattr(entry, key) for entry in self.models]
            if twice := sorted({v for v in values if values.count(v) > 1}):
                raise ValueError(f"{key} {', '.join(twice)} stands in more than one model")
        chosen = self.named(self.default)
        if chosen is None or not chosen.shipped:
            raise ValueError(f"default {self.default} is not a shipped model")
        if unknown := [name for name in self.preferred if name not in self.names]:
            raise ValueError(f"preferred {', '.join(unknown)} is not a model")
        return self

    def named(self, name: str) -> ModelEntry | None:
        """The entry of this name; `default` names the default."""
        wanted = self.default if name == "default" else name
        return next((entry for entry in self.models if entry.name == wanted), None)

    def auto(self, folders: Sequence[Path] = ()) -> ModelEntry:
        """What `auto` means where these are the model folders: the first preferred model of which a file is here."""
        for name in self.preferred:
            entry = self.named(name)
            if entry is not None and any(path.is_file() for path in places(entry, folders)):
                return entry
        chosen = self.named(self.default)
        assert chosen is not None  # checked when the manifest was read
        return chosen

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.models]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An entry of the manifest and the file that should hold it."""

    entry: ModelEntry
    path: Path

    def read(self) -> bytes:
        """The content of the file, after its size and sha256 have been compared with the manifest.

        Raises:
            ModelError: the file is missing, unreadable, empty, truncated, too long or another one.
        """
        content = _content(self.path)
        expected = f"{self.entry.name} has {self.entry.size} bytes, sha256 {self.entry.sha256}"
        if not content:
            raise ModelError(f"{self.path}: found an empty file; {expected}")
        if len(content) != self.entry.size:
            what = "truncated" if len(content) < self.entry.size else "too long"
            raise ModelError(f"{self.path}: found {len(content)} bytes ({what} or another model); {expected}")
        found = hashlib.sha256(content).hexdigest()
        if found != self.entry.sha256:
            raise ModelError(f"{self.path}: found sha256 {found} (altered or another model); {expected}")
        return content


class _More(_Strict):
    """The manifest of a model folder: entries besides those of hallwatch."""

    models: tuple[ModelEntry, ...] = Field(alias="model", min_length=1)


def load_zoo(path: Path = MANIFEST) -> Zoo:
    """Read a manifest.

    Raises:
        ModelError: no such file, no TOML, or entries that break the rules of this module, all of them at
            once.
    """
    return _validated(Zoo, path, _read(path))


def zoo_of(folders: Sequence[Path]) -> Zoo:
    """The manifest of hallwatch and the entries of every `zoo.toml` in the model folders.

    Raises:
        ModelError: as `load_zoo`; also where two entries are alike, or one says that it is shipped.
    """
    zoo = load_zoo()
    for path in (folder / MANIFEST.name for folder in dict.fromkeys(folders)):
        if not path.is_file():
            continue
        more = _validated(_More, path, _read(path)).models
        if shipped := [entry.name for entry in more if entry.shipped]:
            raise ModelError(
                f"{path}: {', '.join(shipped)} is said to be shipped; expected that of hallwatch's own only"
            )
        together = {"default": zoo.default, "preferred": zoo.preferred, "model": (*zoo.models, *more)}
        zoo = _validated(Zoo, path, together)
    return zoo


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise ModelError(f"{path}: cannot read the model manifest: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ModelError(f"{path}: not TOML: {exc}") from exc


def _validated(kind: type[Read], path: Path, told: dict[str, Any]) -> Read:
    try:
        return kind.model_validate(told)
    except ValidationError as exc:
        faults = [f"{'.'.join(map(str, e['loc'])) or 'manifest'}: {e['msg']}" for e in exc.errors()]
        raise ModelError("\n  ".join([f"{path}: {len(faults)} fault(s)", *faults])) from exc


def resolve(name: str | Path, folders: Sequence[Path] = (), *, zoo: Zoo | None = None) -> ModelFile:
    """Find a model and check that its file is the one the manifest describes.

    Args:
        name: a name of the manifest; `default` for the model that hallwatch ships; `auto` for the first of the
            manifest's `preferred` models that is in a folder, else the default; or the path of an .onnx file
            whose sha256 or file name the manifest knows, or that says itself how it is read
            (`models.describe`).
        folders: where to look for files that are not shipped or not here, in this order.
        zoo: the manifest, if not that of this package and of the folders.

    Raises:
        ModelError: unknown name, no file, a file that is not what the manifest says, or one that the manifest
            does not know and that does not say how it is read.
    """
    zoo = zoo or zoo_of(folders)
    entry = zoo.auto(folders) if str(name) == "auto" else zoo.named(str(name))
    if entry is not None:
        model = ModelFile(entry, _find(entry, folders))
    elif Path(name).suffix == ".onnx":
        path = next((path for path in (Path(name), *(f / name for f in folders)) if path.is_file()), Path(name))
        model = ModelFile(_identify(path, zoo), path)
    else:
        raise ModelError(f"{name}: no such model; expected a path of an .onnx file or one of: {_list(zoo)}")
    model.read()
    return model


def places(entry: ModelEntry, folders: Sequence[Path] = ()) -> list[Path]:
    """Where `resolve` looks for the file of an entry, in its order."""
    return [folder / entry.file for folder in ([WEIGHTS] if entry.shipped else []) + list(folders)]


def _find(entry: ModelEntry, folders: Sequence[Path]) -> Path:
    tried = places(entry, folders)
    for path in tried:
        if path.is_file():
            return path
    looked = f"not in {', '.join(str(path.parent) for path in tried)}" if tried else "no model folder is set"
    origin = f"{entry.archive.url} ({entry.archive.change or 'as it is'})" if entry.archive else entry.source
    if entry.url is not None:
        origin = f"{entry.url}: hallwatch models pull {entry.name}"
    raise ModelError(f"{entry.name}: found no {entry.file}: {looked}; it comes from {origin}")


def _identify(path: Path, zoo: Zoo) -> ModelEntry:
    content = _content(path)
    found = hashlib.sha256(content).hexdigest()
    by_content = next((entry for entry in zoo.models if entry.sha256 == found), None)
    # A known name with other content is told apart from an unknown file: read() then says what is wrong
    # with it.
    by_name = next((entry for entry in zoo.models if entry.file == path.name), None)
    if entry := by_content or by_name:
        return entry
    if not content:
        raise ModelError(f"{path}: found an empty file; expected an ONNX model")
    from models.describe import describe  # noqa: PLC0415 - only a file of unknown content needs onnxruntime

    return describe(path, content)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ModelError(f"{path}: cannot read the model file: {exc.strerror or exc}") from exc


def _list(zoo: Zoo) -> str:
    return ", ".join(zoo.names)
