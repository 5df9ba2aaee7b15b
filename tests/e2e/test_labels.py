"""A false alarm at the centre saves its picture on the box, by a real broker."""

from __future__ import annotations

from pathlib import Path

from edge.evidence import KEPT_FOLDER, EvidenceStore
from edge.outbox import Outbox
from edge.publisher import Publisher
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.labels import LabelTable
from hall.layout import Evidence
from ingest.desk import Act
from ingest.service import Centre
from tests.support.centre import ADDRESS, T0, Numbered, an_event
from tests.support.centre import Publisher as Node
from tests.support.servers import Server, wait_until


def test_the_box_keeps_the_picture_though_it_was_away(tmp_path: Path, broker: Server) -> None:
    event = an_event("raised")
    raised = an_event("raised", snapshot=f"{event.event_id}.jpg")
    settings = parse_broker(f"mqtt://127.0.0.1:{broker.port}")
    store = EvidenceStore(tmp_path / "evidence", Evidence(keep_days=1))
    store.put(f"{event.event_id}.jpg", b"sealed", T0)
    store.put("other.jpg", b"sealed", T0)
    with Centre((), settings, records=f"sqlite:///{tmp_path}/records.db") as centre:
        assert centre.wait_connected()
        with Node(broker.port) as node:
            node.send(Numbered().message(T0 + 300, raised))
        wait_until(lambda: len(centre.reader.incidents()) == 1, "the incident")
        act = Act(kind="false_alarm", actor="li")
        centre.records.write(lambda connection: centre.desk.act(connection, event.event_id, act, T0 + 400))
        came: list[LabelTable] = []
        outbox = Outbox(tmp_path / "outbox.db")
        box = Publisher(outbox, ADDRESS, "boot", "0", settings, SystemClock(), on_labels=came.append)
        box.start()
        wait_until(lambda: len(came) > 0, "the label")
        box.stop()
        outbox.close()
    store.keep([label.event_id for label in came[0].labels])
    store.expire(T0 + 2 * 86_400)
    assert [path.name for path in (tmp_path / KEPT_FOLDER).iterdir()] == [f"{event.event_id}.jpg"]
    assert list((tmp_path / "evidence").iterdir()) == []
