"""`make fuzz`: bytes to the MQTT decoder, messages to the intake and requests to the counter, for ten minutes.

Prints how many of each; ends with Hypothesis' smallest example where something that must hold does not.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from hypothesis import HealthCheck, seed, settings

from hall.wake import Wake
from tests.support.fuzzing import Broker, Centre, counter_test, decoder_test, intake_test

_EXAMPLES = 500


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    some = settings(
        max_examples=_EXAMPLES, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck)
    )
    ends, number = time.monotonic() + 60 * options.minutes, options.seed
    tried: Counter[str] = Counter()
    letters = 0
    logging.disable(logging.WARNING)  # of every bad message
    with closing(Broker()) as broker, closing(Wake()) as wake:
        while time.monotonic() < ends:
            with tempfile.TemporaryDirectory(prefix="hallwatch-fuzz-") as folder:
                centre = Centre(Path(folder))
                for name, test in (
                    ("streams of bytes", decoder_test(broker, wake)),
                    ("batches of messages", intake_test(centre)),
                    ("requests", counter_test(centre)),
                ):
                    seed(number)(some(test))()
                    tried[name] += _EXAMPLES
                letters += centre.letters()
                centre.end()
            number += 1
    print(f"seeds {options.seed} to {number - 1}: " + ", ".join(f"{count} {name}" for name, count in tried.items()))
    print(f"no crash; {letters} bad messages and requests, each of them a dead letter")


if __name__ == "__main__":
    main()
