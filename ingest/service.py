"""The centre: subscriber, intake, outlet to the store and alert senders around one set of records."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry

from hall.broker import BrokerSettings
from hall.clock import Clock, SystemClock
from hall.errors import InputError, RecordsError
from hall.layout import Hall
from hall.topics import shared, subscriptions
from ingest._change_poller import ChangePoller
from ingest._escalator import Escalator
from ingest._heirs import Heirs
from ingest._hour_closer import HourCloser
from ingest.alerts import AlertSender
from ingest.boxes import Boxes
from ingest.casebook import Casebook
from ingest.channels import Channel
from ingest.counter import Counter
from ingest.desk import Desk
from ingest.duty_forwarder import DutyForwarder
from ingest.hall_watch import HallWatch
from ingest.input_book import InputBook
from ingest.intake import Intake
from ingest.label_forwarder import LabelForwarder, save_label
from ingest.labels import Labels
from ingest.leader import Leader
from ingest.links import Links
from ingest.metrics import Metrics
from ingest.node_metrics import NodeMetrics
from ingest.node_watch import NodeWatch
from ingest.outlet import Outlet
from ingest.places import Places
from ingest.reader import Reader
from ingest.recipients import Recipient, Roster
from ingest.records import Records
from ingest.settings import CentrePlan
from ingest.spill import MAX_BYTES, Spill
from ingest.store import open_store, parse_store
from ingest.subscriber import Subscriber


def tune_process() -> None:
    """Set the interpreter to what the centre does, once everything is imported. It belongs to who owns the process."""
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 10, 10)


SESSION_NAME = "hallwatch-ingest"

_SWITCH_S = 0.001
"""The threads that talk to servers wait less for the one that computes."""

_GARBAGE_THRESHOLD = 20_000
"""Messages are made and dropped by the thousand, and none of them is part of a cycle."""


class Centre:
    """Everything the centre runs, but for HTTP; `ingest.api.create_app` shows it.

    Args:
        halls: the halls; with none, messages of any node count.
        broker: where nodes publish.
        store: address of the time-series store, `none` for none; see `ingest.store.FORMS`.
        records: address of the SQL records.
        alerts: apprise addresses, which are told of every incident.
        plan: what centre.yaml says.
        public_url: address at which phones reach the HTTP side, for links in alerts; None for no links.
        name: names the session at the broker; what arrives while the centre is away waits there under this name.
        share: name of a group of processes that share the work; each has the same records, on a server, and a name
            of its own.
        spool: folder for what waits, where the records are on a server; otherwise that lies beside their file.
        spill_bytes: how much may wait on disk for the store.
        registry: for Prometheus; one of its own by default.
        hall_files: where those of the halls lie, by the id of the hall; what may be sent to boxes.

    Raises:
        InputError: an address is wrong.
        RecordsError: the records cannot be opened.
    """

    def __init__(
        self,
        halls: Sequence[Hall],
        broker: BrokerSettings,
        *,
        store: str = "none",
        records: str,
        alerts: Sequence[str] = (),
        plan: CentrePlan | None = None,
        public_url: str | None = None,
        name: str = SESSION_NAME,
        share: str | None = None,
        clock: Clock | None = None,
        spool: Path = Path(),
        spill_bytes: int = MAX_BYTES,
        registry: CollectorRegistry | None = None,
        hall_files: Mapping[str, Path] | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.clock = clock
        settings = parse_store(store)
        plan = plan or CentrePlan()
        always = [*(Recipient(Channel(url)) for url in dict.fromkeys(alerts)), *plan.roster.always]
        roster = Roster(always, plan.roster.named)
        self.halls = tuple(halls)
        self.hall_files = dict(hall_files or {})
        self.boxes = Boxes(broker)
        self.labels = Labels(*halls)
        self.metrics = Metrics(registry or CollectorRegistry())
        if share is not None and records.startswith("sqlite"):
            raise InputError(
                f"--share {share}: several processes cannot share records in a file; "
                "expected --records postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
            )
        topics = subscriptions() if share is None else shared(share)
        self._records = Records(records, place=spool / f"{name}.db")
        self.reader = Reader(self._records)
        self.desk = Desk(on_label=save_label)
        self.metrics.registry.register(NodeMetrics(self.reader))
        self.leader = Leader(self._records, self.metrics, clock, name=name)
        self._outlet: Outlet | None = None
        if settings is not None:
            spill = Spill(_beside(self._records.place), self.metrics, max_bytes=spill_bytes)
            self._outlet = Outlet(open_store(settings), spill, self._records, self.metrics, clock)
        self.links = None if public_url is None else Links(self._records, public_url, clock)
        self._senders = [
            AlertSender(c, self._records, self.metrics, clock, labels=self.labels, links=self.links, leader=self.leader)
            for c in roster.channels
        ]
        self.casebook = Casebook(self.labels, roster, plan.chains, halls=halls)
        self._escalator = Escalator(self._records, self.casebook, self.leader, clock, self._wake_senders)
        make_intake = partial(
            Intake,
            self._records,
            self._outlet,
            self.metrics,
            clock,
            halls=halls,
            casebook=self.casebook,
            on_change=self.reader.changed,
            on_alert=self._wake_senders,
        )
        self._hall_watch = HallWatch(
            self._records,
            self.casebook,
            self.leader,
            clock,
            halls,
            outlet=self._outlet,
            on_change=self.reader.changed,
            on_alert=self._wake_senders,
        )
        self._poller = ChangePoller(self.reader)
        places = Places(*halls)
        self.inputs = InputBook(self._records, self._outlet, self.metrics, clock, places, on_duty=self._wake_duty)
        self._hours = HourCloser(self._records, self.leader, clock)
        self._watch = NodeWatch(
            self._records,
            self.casebook,
            self.leader,
            clock,
            lambda: self._subscriber.trouble is None,
            halls=halls,
            limit_s=plan.node_offline_s,
            on_alert=self._wake_senders,
        )
        subscriber = partial(Subscriber, broker, clock=clock, topics=topics, counter=Counter(self.inputs))
        self._subscriber = subscriber(name, make_intake(), self.metrics)
        self._labels = LabelForwarder(self._records, self.leader, self._subscriber.retain)
        self._duty = DutyForwarder(self._records, self.leader, clock, places, self._subscriber.retain)

        def heir(gone: str, is_gone: Callable[[], bool]) -> Subscriber:
            apart = Metrics(CollectorRegistry())  # ours say how our own connection is
            return subscriber(gone, make_intake(), apart, in_place_of=is_gone)

        self._heirs = None if share is None else Heirs(share, self._records, self.leader, clock, heir)

    def start(self) -> None:
        """Start every thread. Servers that are away are waited for; `health` says which."""
        if self._outlet is not None:
            self._outlet.start()
        for sender in self._senders:
            sender.start()
        self._hours.start()
        self._escalator.start()
        self._watch.start()
        self._poller.start()
        self._duty.start()
        self._hall_watch.start()
        self._labels.start()
        if self._heirs is not None:
            self._heirs.start()
        self._subscriber.start()
        self.boxes.start()

    def stop(self) -> None:
        """Take in and acknowledge what was delivered, write and send what can be, and end every thread.

        A centre that was never started only closes its files.
        """
        self.boxes.stop()
        self._duty.stop()
        self._hall_watch.stop()
        self._labels.stop()
        self._subscriber.stop()
        if self._heirs is not None:
            self._heirs.stop()
        self._escalator.stop()
        self._watch.stop()
        for sender in self._senders:
            sender.stop()
        self._hours.stop()
        self._poller.stop()
        if self._outlet is not None:
            self._outlet.stop()
        self.leader.close()
        self._records.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def records(self) -> Records:
        """The SQL records."""
        return self._records

    def health(self) -> dict[str, str | None]:
        """What is wrong with each part; None where it is well."""
        try:
            with self._records.writing():
                records = self._subscriber.records_trouble
        except RecordsError as exc:
            records = str(exc)
        return {
            "broker": self._subscriber.trouble,
            "records": records,
            "store": None if self._outlet is None else self._outlet.trouble,
        }

    def wait_connected(self, timeout_s: float = 10.0) -> bool:
        """Wait until the broker is there."""
        deadline = time.monotonic() + timeout_s
        while self._subscriber.trouble is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        return self._subscriber.trouble is None

    def _wake_duty(self) -> None:
        self._duty.wake()

    def _wake_senders(self) -> None:
        for sender in self._senders:
            sender.wake()


def _beside(records: Path) -> Path:
    """The file of the spill: `hallwatch-spill.db` beside `hallwatch.db`."""
    return records.with_name(f"{records.stem}-spill.db")
