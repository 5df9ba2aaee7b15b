"""How long an inference takes, by model, provider and threads, beside the limit of the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.decoders import DECODERS
from models.prepare import prepare
from models.providers import short_name
from models.session import open_session
from models.zoo import ModelFile


class BenchFigures(msgspec.Struct, frozen=True):
    """One model on one provider with so many threads; milliseconds per picture.

    `inference_ms` is the session alone, the limit; `whole_ms` is it with scaling before and decoding after, and
    `ratio_to_limit` their ratio. `processor_ms` is processor time of all threads per picture, of the whole.
    """

    model: str
    provider: str
    threads: int
    batch: int
    inference_ms: float
    whole_ms: float
    processor_ms: float
    ratio_to_limit: float


def bench_model(
    model: ModelFile,
    *,
    threads: int = 1,
    provider: str = "auto",
    batch: int = 1,
    seconds: float = 2.0,
    size_px: tuple[int, int] = (1280, 720),
    clock: Callable[[], float] = time.perf_counter,
) -> BenchFigures:
    """Measure a model on noise, the whole and the limit in turns, so that both see the same machine.

    Args:
        model: from `models.zoo.resolve`.
        threads: of one inference.
        provider: as in `models.providers`.
        batch: pictures of one inference; taken only by models with an open batch axis.
        seconds: to measure for, after a first round that does not count.
        size_px: width and height of the pictures.
        clock: seconds.

    Raises:
        ModelError: the model is not what it should be, or the provider is not there.
        ValueError: a batch for a model that takes one picture at a time.
    """
    session = open_session(model, threads=threads, providers=[provider])
    port = session.get_inputs()[0]
    if batch > 1 and port.shape[0] == 1:
        raise ValueError(f"{model.entry.name} takes one picture at a time; expected a batch of 1, got {batch}")
    names = [output.name for output in model.entry.outputs]
    noise = np.random.default_rng(1).integers(0, 256, (batch, size_px[1], size_px[0], 3), np.uint8)
    images: list[NDArray[np.uint8]] = list(noise)
    blob, _ = prepare(images, model.entry.input)

    def alone() -> None:
        session.run(names, {port.name: blob})

    def whole() -> None:
        made, placements = prepare(images, model.entry.input)
        outputs = session.run(names, {port.name: made})
        for i, placement in enumerate(placements):
            DECODERS[model.entry.decoder]([output[i] for output in outputs], model.entry, placement)

    inference_s, whole_s, processor_s = _in_turns([alone, whole], seconds, clock)
    return BenchFigures(
        model=model.entry.name,
        provider=short_name(session.get_providers()[0]),
        threads=threads,
        batch=batch,
        inference_ms=round(1000 * inference_s / batch, 3),
        whole_ms=round(1000 * whole_s / batch, 3),
        processor_ms=round(1000 * processor_s / batch, 3),
        ratio_to_limit=round(inference_s / whole_s, 3),
    )


def _in_turns(
    calls: Sequence[Callable[[], None]], seconds: float, clock: Callable[[], float]
) -> tuple[float, float, float]:
    """Median seconds of both calls, and processor time of the second; a first round does not count."""
    took: list[list[float]] = [[], []]
    processor: list[float] = []
    for call in calls:
        call()
    began = clock()
    while not took[1] or clock() - began < seconds:
        for times, call in zip(took, calls, strict=True):
            at, burnt = clock(), time.process_time()
            call()
            times.append(clock() - at)
            if times is took[1]:
                processor.append(time.process_time() - burnt)
    return median(took[0]), median(took[1]), median(processor)


def bench_table(figures: Sequence[BenchFigures]) -> str:
    """The figures for people."""
    width = max(len("model"), *(len(row.model) for row in figures))
    lines = [f"{'model':{width}}  provider  threads  batch  inference ms  whole ms  processor ms  ratio_to_limit"]
    lines += [
        f"{row.model:{width}}  {row.provider:8}  {row.threads:7}  {row.batch:5}  {row.inference_ms:12.2f}"
        f"  {row.whole_ms:8.2f}  {row.processor_ms:12.2f}  {row.ratio_to_limit:14.2f}"
        for row in figures
    ]
    return "\n".join(
        [*lines, "", "whole: scaling, inference and decoding of one picture; the limit: the inference alone"]
    )
