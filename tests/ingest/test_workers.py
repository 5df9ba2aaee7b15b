"""Two `hallwatch ingest` of one group on a real broker and a real PostgreSQL."""

from __future__ import annotations

import random
from pathlib import Path

from sqlalchemy import func, select

from ingest import schema
from ingest.records import Records
from tests.support.centre import T0, Numbered, Publisher, an_event
from tests.support.servers import Server, wait_until
from tests.support.webhook import Webhook
from tests.support.workers import Workers, disturbed

EVENTS = 1_000


def test_the_same_events_in_any_order_and_twice_make_one_incident_and_one_alert_each(
    tmp_path: Path, broker: Server, database: str, webhook: Webhook
) -> None:
    boxes = [Numbered(boot="boot-1"), Numbered(boot="boot-2")]
    events = [boxes[i % 2].message(T0 + i, an_event("raised", started_at=T0 + i)) for i in range(EVENTS)]
    told = events * 2
    random.Random(5).shuffle(told)
    workers = Workers(tmp_path, broker.port, database, f"--alert={webhook.url}")
    with workers.running(), Publisher(broker.port) as box:
        box.send(*told)
        wait_until(lambda: len(webhook.delivered) >= EVENTS, "an alert for each", 60)
        shares = [one.metrics()['hallwatch_messages_total{kind="event"}'] for one in workers.each]
        leaders = [one.metrics()["hallwatch_leader"] for one in workers.each]
        assert [one.stop() for one in workers.each] == [0, 0]
    assert sorted(webhook.delivered) == sorted(f"{e.body.event_id}:raised" for e in events)  # type: ignore[union-attr]
    records = Records(database)
    with records.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.incidents)) == EVENTS
        states = select(schema.alerts.c.status, func.count()).group_by(schema.alerts.c.status)
        assert [tuple(row) for row in connection.execute(states)] == [("sent", EVENTS)]
    records.close()
    assert min(shares) > EVENTS / 4, "both have worked"
    assert sorted(leaders) == [0, 1]


def test_after_restarts_and_a_kill_all_is_as_if_nothing_had_happened(
    tmp_path: Path, broker: Server, victoria: Server, postgres: Server, database: str, webhook: Webhook
) -> None:
    servers = (broker, victoria, postgres)
    assert disturbed(tmp_path, servers, database, webhook, seed=3, rounds=40, kills=1, restarts=2) == []
