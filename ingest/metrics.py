"""What the centre counts about itself, for Prometheus. The registry is passed in."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Counters and gauges of one centre, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.messages = Counter("hallwatch_messages", "Messages counted, by kind", ["kind"], registry=registry)
        self.duplicates = Counter(
            "hallwatch_duplicates", "Messages that came again and were not counted", registry=registry
        )
        self.dead_letters = Counter(
            "hallwatch_dead_letters", "Messages and points refused, by reason", ["reason"], registry=registry
        )
        self.last_message = Gauge(
            "hallwatch_last_message_timestamp_seconds", "When the last message came", registry=registry
        )
        self.connected = Gauge("hallwatch_broker_connected", "1 while the broker is there", registry=registry)
        self.leader = Gauge(
            "hallwatch_leader", "1 in the process that runs the timers and sends the alerts", registry=registry
        )
        self.spill_bytes = Gauge(
            "hallwatch_points_spill_bytes", "Points on disk that the store has not taken yet", registry=registry
        )
        self.spill_dropped = Counter(
            "hallwatch_points_dropped_bytes",
            "Points given up because the spill was full",
            ["telemetry"],
            registry=registry,
        )
        self.points = Counter("hallwatch_points_written", "Lines the store took", registry=registry)
        self.store_errors = Counter("hallwatch_store_errors", "Writes the store did not take", registry=registry)
        self.alerts = Counter(
            "hallwatch_alerts",
            "Alerts by outcome of the attempt: sent, merged into a newer one, retried, failed",
            ["outcome"],
            registry=registry,
        )
