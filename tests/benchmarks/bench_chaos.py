"""`make chaos`: everything that can be killed, stopped or filled is, at random moments, and nothing may be lost by it.

`box`: a box killed while it publishes, its broker stopped, or frozen and killed. The others disturb the centre: it is
`killed`; its `broker` restarted; its `store` fails, hangs, or takes what it gets without an answer (`swallowed`: and
the centre is killed then); its `disk` full; its `clock` stepped; more waits for the store than the `quota` allows.
`workers`: two centres that share the work are killed, and their PostgreSQL is stopped, crashes and comes back.
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
from tests.support.servers import mosquitto, postgresql, running, victoria_metrics
from tests.support.webhook import Webhook
from tests.support.workers import disturbed


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


def _workers(folder: Path, seed: int) -> list[str]:
    # PostgreSQL runs as a user of its own, which cannot reach our folder.
    with (
        tempfile.TemporaryDirectory(prefix="hallwatch-postgres-", ignore_cleanup_errors=True) as text,
        running(mosquitto(folder)) as broker,
        running(victoria_metrics(folder)) as victoria,
        running(postgresql(Path(text))) as postgres,
        Webhook() as webhook,
    ):
        database = f"postgresql+psycopg://postgres:hush@127.0.0.1:{postgres.port}/postgres"
        servers = (broker, victoria, postgres)
        wrong = disturbed(folder, servers, database, webhook, seed=seed, rounds=400, kills=8, restarts=10)
        print(f"PostgreSQL 10 times stopped or crashed, 8 times kill -9; {len(webhook.delivered)} alerts")
    return wrong


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=["box", *CASES, "workers"], default=["box", *CASES, "workers"])
    parser.add_argument("--kills", type=int, default=200, help="of the box")
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    failed = []
    for name in options.only:
        began = time.monotonic()
        print(f"{name}, seed {options.seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="hallwatch-chaos-") as text:
            folder = Path(text)
            if name == "box":
                wrong = _box(folder, options.seed, options.kills)
            else:
                wrong = _workers(folder, options.seed) if name == "workers" else _centre(folder, options.seed, name)
        for one in wrong:
            print(f"WRONG: {one}")
        print(
            f"{'failed' if wrong else 'all as if nothing had happened'}, {time.monotonic() - began:.0f} s\n", flush=True
        )
        failed += [name] if wrong else []
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
