"""`make chaos`: a box killed 200 times at random moments while it publishes, its broker stopped, or frozen and killed.

Prints what must have arrived, what has, and what is wrong; ends with 1 if anything is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.support.chaos import chaos


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hallwatch-chaos-") as folder:
        verdict = chaos(Path(folder), seed=options.seed, kills=options.kills)
    print(
        f"seed {options.seed}: {verdict.kills} times kill -9, {verdict.boots} boots, broker stopped "
        f"{verdict.broker_stops} times, {verdict.looks} looks judged, {time.monotonic() - began:.0f} s\n"
        f"{verdict.expected} messages of the replay, {verdict.events} of them events\n"
        f"{verdict.received} received, {verdict.again} of them a second time, by (boot, seq)"
    )
    for wrong in verdict.wrong:
        print(f"WRONG: {wrong}")
    print("the far end has what the replay says, each once" if not verdict.wrong else "failed")
    sys.exit(bool(verdict.wrong))


if __name__ == "__main__":
    main()
