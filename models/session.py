"""A model file as an onnxruntime session whose inputs and outputs are those of the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from hall.errors import ModelError
from models.providers import choose, confirm
from models.zoo import ModelEntry, ModelFile

FLOAT = "tensor(float)"

# Each onnxruntime error derives from Exception alone.
ORT_ERRORS: tuple[type[Exception], ...] = (
    ort_errors.EPFail,
    ort_errors.EngineError,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class Port(Protocol):
    """An input or an output as onnxruntime describes it; an axis of no fixed length is a name or None."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Sequence[int | str | None]: ...
    @property
    def type(self) -> str: ...


def open_session(model: ModelFile, *, threads: int = 1, providers: Sequence[str] | None = None) -> ort.InferenceSession:
    """Load a model after checking its sha256, and its inputs and outputs after loading.

    Args:
        model: from `models.zoo.resolve`.
        threads: of one inference. They sleep while they wait: a box shares its cores between cameras,
            decoding and inference, and spinning threads take them from each other.
        providers: execution providers in order of preference, as in `models.providers.PROVIDERS` or by
            onnxruntime's names; by default, or by `auto`, those of the entry that are installed. The first of
            those named has to be at work; where none was named, falling back to another is logged.

    Raises:
        ModelError: the file is not what the manifest says, onnxruntime cannot load it, or a provider that
            was asked for is not there.
        ValueError: `threads` below 1.
    """
    if threads < 1:
        raise ValueError(f"threads: expected 1 or more, got {threads}")
    there = ort.get_available_providers()
    chosen = choose(model.entry.name, model.entry.providers, providers, there)
    content = model.read()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; warnings would go to stderr past our logging
    if not {"CUDAExecutionProvider", "TensorrtExecutionProvider"}.isdisjoint(chosen):
        ort.preload_dlls()  # CUDA and cuDNN from Python packages are in no search path
    try:
        session = ort.InferenceSession(content, options, providers=[_with_options(name, threads) for name in chosen])
    except ORT_ERRORS as exc:
        raise ModelError(f"{model.path}: onnxruntime cannot load {model.entry.name}: {exc}") from exc
    forced = providers is not None and list(providers) != ["auto"]
    confirm(model.entry.name, chosen, session.get_providers(), forced=forced)
    if faults := signature_faults(model.entry, session.get_inputs(), session.get_outputs()):
        head = f"{model.path}: mismatched, not what the manifest says of {model.entry.name}"
        raise ModelError("\n  ".join([head, *faults]))
    return session


def _with_options(provider: str, threads: int) -> str | tuple[str, dict[str, str]]:
    """OpenVINO has threads of its own, and takes as many as there are cores."""
    if provider == "OpenVINOExecutionProvider":
        return provider, {"device_type": "CPU", "num_of_threads": str(threads)}
    return provider


def signature_faults(entry: ModelEntry, inputs: Sequence[Port], outputs: Sequence[Port]) -> list[str]:
    """What differs between a loaded model and its manifest entry, each as found and expected.

    A batch axis may be 1 or open. Another open axis passes here: the first inference shows its length.
    """
    faults = []
    if len(inputs) != 1:
        faults.append(f"inputs: found {len(inputs)}; expected 1")
    wanted = (3, entry.input.height, entry.input.width)
    faults += [fault for port in inputs[:1] if (fault := _port_fault("input", port, wanted))]
    if len(outputs) != len(entry.outputs):
        faults.append(f"outputs: found {len(outputs)}; expected {len(entry.outputs)}")
    found = {port.name: port for port in outputs}
    for output in entry.outputs:
        if output.name not in found:
            faults.append(f"output {output.name}: found none; there are {', '.join(found) or 'no outputs'}")
        elif fault := _port_fault("output", found[output.name], output.shape):
            faults.append(fault)
    return faults


def _port_fault(kind: str, port: Port, shape: Sequence[int]) -> str | None:
    axes = list(port.shape)
    batch_fits = bool(axes) and (axes[0] == 1 or not isinstance(axes[0], int))
    rest_fits = len(axes) == len(shape) + 1 and all(
        n == m or not isinstance(n, int) for n, m in zip(axes[1:], shape, strict=True)
    )
    if port.type == FLOAT and batch_fits and rest_fits:
        return None
    return f"{kind} {port.name}: found {port.type} {axes}; expected {FLOAT} {[1, *shape]}"
