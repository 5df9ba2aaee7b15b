"""Loading: a model that does not do what its manifest entry says stops here, not at the first frame."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from hall.errors import ModelError
from models.session import open_session
from models.zoo import ModelFile, OutputSpec, resolve


@pytest.fixture(scope="module")
def model() -> ModelFile:
    return resolve("default")


def changed(model: ModelFile, **update: Any) -> ModelFile:
    """The same file under an entry that says something else."""
    return ModelFile(model.entry.model_copy(update=update), model.path)


def test_opens(model: ModelFile) -> None:
    session = open_session(model, threads=1, providers=["CPUExecutionProvider"])
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_another_input_size(model: ModelFile) -> None:
    wrong = model.entry.input.model_copy(update={"width": 640, "height": 384})
    with pytest.raises(ModelError, match=r"mismatched.*\n  input input_1:0: found .* \[1, 3, 416, 416\]; .*640\]"):
        open_session(changed(model, input=wrong))


def test_another_output_shape(model: ModelFile) -> None:
    wrong = (OutputSpec(name="Identity:0", shape=(2704, 1)), *model.entry.outputs[1:])
    with pytest.raises(ModelError, match=r"output Identity:0: found .*2704, 80\]; expected .*2704, 1\]"):
        open_session(changed(model, outputs=wrong))


def test_another_number_and_name_of_outputs_in_one_message(model: ModelFile) -> None:
    wrong = (OutputSpec(name="boxes", shape=(1, 4)), OutputSpec(name="scores", shape=(1, 1)))
    with pytest.raises(ModelError, match="mismatched") as caught:
        open_session(changed(model, outputs=wrong))
    message = str(caught.value)
    assert str(model.path) in message
    assert "outputs: found 6; expected 2" in message
    assert "output boxes: found none; there are Identity_2:0" in message
    assert "output scores: found none" in message


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    model = resolve("default")
    path = tmp_path / "noise.onnx"
    path.write_bytes(b"no network")
    digest = hashlib.sha256(b"no network").hexdigest()
    noise = ModelFile(model.entry.model_copy(update={"size": 10, "sha256": digest}), path)
    with pytest.raises(ModelError, match=r"noise\.onnx: onnxruntime cannot load .*protobuf"):
        open_session(noise)


def test_the_checksum_is_compared_again_at_load(model: ModelFile) -> None:
    with pytest.raises(ModelError, match="altered or another model"):
        open_session(changed(model, sha256="0" * 64))


def test_a_provider_that_is_not_installed(model: ModelFile) -> None:
    with pytest.raises(ModelError, match=r"no execution provider NpuExecutionProvider; installed: cpu"):
        open_session(model, providers=["NpuExecutionProvider"])


def test_no_provider_at_all(model: ModelFile) -> None:
    with pytest.raises(ModelError, match="at least one execution provider"):
        open_session(model, providers=[])


def test_no_threads(model: ModelFile) -> None:
    with pytest.raises(ValueError, match="threads: expected 1 or more, got 0"):
        open_session(model, threads=0)
