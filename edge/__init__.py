"""One box: capture, pipeline, rules, outbox, publisher, health."""
