"""Which execution provider of onnxruntime runs a model: the best that is there, or the one that was asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hall.errors import ModelError

log = logging.getLogger(__name__)

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "cpu": "CPUExecutionProvider",
        "openvino": "OpenVINOExecutionProvider",
        "cuda": "CUDAExecutionProvider",
        "tensorrt": "TensorrtExecutionProvider",
    }
)
"""What a user writes, and onnxruntime's name for it."""

PACKAGES: Mapping[str, str] = MappingProxyType(
    {"openvino": "onnxruntime-openvino", "cuda": "onnxruntime-gpu", "tensorrt": "onnxruntime-gpu with TensorRT"}
)
"""What has to be installed instead of plain onnxruntime."""


def short_name(provider: str) -> str:
    """`CPUExecutionProvider` as `cpu`; one that we have no word for as it is."""
    return next((short for short, name in PROVIDERS.items() if name == provider), provider)


def installed_names(installed: Sequence[str]) -> list[str]:
    """Those of the installed providers that a user may ask for, by their short names."""
    return [short for short, name in PROVIDERS.items() if name in installed]


def choose(model: str, best_first: Sequence[str], asked: Sequence[str] | None, installed: Sequence[str]) -> list[str]:
    """The providers a session is opened with.

    Args:
        model: its name, for errors.
        best_first: what the manifest entry takes when nobody asks for anything.
        asked: by a user, short or long names; None or `auto` where the choice is ours.
        installed: of onnxruntime here.

    Raises:
        ModelError: one that was asked for is unknown or not installed, or nothing was named.
    """
    if asked is None or list(asked) == ["auto"]:
        return [name for name in best_first if name in installed] or [PROVIDERS["cpu"]]
    there = f"installed: {', '.join(installed_names(installed)) or ', '.join(installed)}"
    if not asked:
        raise ModelError(f"{model}: expected at least one execution provider; {there}")
    wanted = [PROVIDERS.get(name.lower(), name) for name in asked]
    if missing := [short_name(name) for name in wanted if name not in installed]:
        needs = [f"{name} needs {PACKAGES[name]} in place of onnxruntime" for name in missing if name in PACKAGES]
        raise ModelError("; ".join([f"{model}: found no execution provider {', '.join(missing)}", there, *needs]))
    if wanted == [PROVIDERS["tensorrt"]] and PROVIDERS["cuda"] in installed:
        wanted.append(PROVIDERS["cuda"])  # for what TensorRT cannot run: else that falls to the processor
    return wanted


def confirm(model: str, chosen: Sequence[str], at_work: Sequence[str], *, forced: bool) -> None:
    """Compare what a session was opened with and what it runs on: onnxruntime falls back to the CPU in silence.

    Raises:
        ModelError: a provider that somebody asked for is not at work.
    """
    if not chosen or (at_work and at_work[0] == chosen[0]):
        return
    wanted, found = short_name(chosen[0]), ", ".join(map(short_name, at_work)) or "none"
    why = f"{model}: {wanted} is installed but did not start here (driver, libraries or device missing); found {found}"
    if forced:
        raise ModelError(f"{why}; expected {wanted}, which was asked for")
    log.warning("%s at work in its stead", why)
