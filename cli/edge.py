"""`hallwatch edge`: the service of one box."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from cli._edge import ModelOption, ProviderOption, open_detector, recordings, register_sim
from cli._options import LOCAL_BROKER, BrokerOption, NodeOption, address_of
from edge.config import HallConfig
from edge.live import LoopClock
from edge.memory import few_arenas
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.config_set import KEY_VARIABLE
from hall.load import load_hall


def edge(
    hall_file: Annotated[Path, typer.Argument(metavar="HALL.yaml", help="The hall.")],
    *,
    node: NodeOption = None,
    broker: BrokerOption = LOCAL_BROKER,
    data: Annotated[
        Path, typer.Option(envvar="HALLWATCH_DATA_DIR", help="Folder of the outbox and the rule state.")
    ] = Path(".hallwatch"),
    threads: Annotated[int, typer.Option(min=1, help="Threads of one inference.")] = 1,
    parallel: Annotated[
        int | None, typer.Option(min=1, help="Inferences side by side; as many as there are processors by default.")
    ] = None,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    loop: Annotated[bool, typer.Option("--loop", help="Play recordings over and over, in step.")] = False,
    loop_from: Annotated[
        float | None,
        typer.Option(metavar="UNIX_S", help="As --loop; when the first loop began, for another that plays along."),
    ] = None,
) -> None:
    """Watch the cameras of one box and publish what is seen. SIGHUP reads the hall file again.

    Example: hallwatch edge hall.yaml --node edge-f1 --broker mqtt://10.0.0.5
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    few_arenas()
    register_sim()
    name = address_of(load_hall(hall_file), node).node
    config = HallConfig(hall_file, data / name, SystemClock(), key=os.environ.get(KEY_VARIABLE) or None)
    hall = config.hall
    settings = parse_broker(broker)
    epoch = time.time() if loop_from is None else loop_from
    sources = list(recordings(hall, []).values())
    looped = LoopClock.around(sources, epoch) if loop or loop_from is not None else None
    detector = open_detector(hall, threads, model, provider, parallel=parallel or os.cpu_count() or 1)
    service = EdgeService(hall, name, detector, settings, data / name, loop=looped, config=config)

    def _end(_number: int, _frame: FrameType | None) -> None:
        service.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    signal.signal(signal.SIGHUP, lambda _number, _frame: service.reload())
    threading.excepthook = service.fail
    print(f"hallwatch edge {name} to {settings.address}", file=sys.stderr, flush=True)
    left = service.run()
    print("stopped" + (f", {left} messages wait for the broker" if left else ""), file=sys.stderr)
