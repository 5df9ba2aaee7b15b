"""`make chaos`: everything that can be killed, stopped or filled is, at random moments, and nothing may be lost by it.

`box`: a box killed while it publishes, its broker stopped, or frozen and killed. The others disturb the centre: it is
`killed`; its `broker` restarted; its `store` fails, hangs, or takes what it gets without an answer (`swallowed`: and
the centre is killed then); its `disk` full; its `clock` stepped; more waits for the store than the `quota` allows.
Prints what must have arrived, what has, and what is wrong; ends with 1 if anything is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.support.centre_chaos import CASES, centre_chaos
from tests.support.chaos import chaos


def _box(folder: Path, seed: int, kills: int) -> list[str]:
    verdict = chaos(folder, seed=seed, kills=kills)
    print(
        f"{verdict.kills} times kill -9, {verdict.boots} boots, broker stopped {verdict.broker_stops} times, "
        f"{verdict.looks} looks judged\n{verdict.expected} messages of the replay, {verdict.events} of them events\n"
        f"{verdict.received} received, {verdict.again} of them a second time, by (boot, seq)"
    )
    return verdict.wrong


def _centre(folder: Path, seed: int, name: str) -> list[str]:
    case = CASES[name]
    verdict = centre_chaos(folder, case, seed=seed, times=case.times)
    print(
        f"{case.times} times disturbed, {verdict.starts} starts, {verdict.connected} times connected to the broker\n"
        f"{verdict.messages} messages: {verdict.points} numbers in the store ({verdict.dropped} dropped), "
        f"{verdict.alerts} alerts ({verdict.sent_again} sent again, with the same key)"
    )
    return verdict.wrong


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=["box", *CASES], default=["box", *CASES])
    parser.add_argument("--kills", type=int, default=200, help="of the box")
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    failed = []
    for name in options.only:
        began = time.monotonic()
        print(f"{name}, seed {options.seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="hallwatch-chaos-") as text:
            folder = Path(text)
            wrong = _box(folder, options.seed, options.kills) if name == "box" else _centre(folder, options.seed, name)
        for one in wrong:
            print(f"WRONG: {one}")
        print(
            f"{'failed' if wrong else 'all as if nothing had happened'}, {time.monotonic() - began:.0f} s\n", flush=True
        )
        failed += [name] if wrong else []
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
