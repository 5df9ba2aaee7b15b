"""The centre: subscriber, points, store, incidents, alerts, records, API."""
