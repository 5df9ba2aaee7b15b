"""Duty commands: a manager opens a window, pauses it, gives its clerk leave; all see what is in force, and by whom."""

from dashboards.duty._panel import HEAD_FOLDER, DutyFeed, DutyPanel, feed_of

__all__ = ["HEAD_FOLDER", "DutyFeed", "DutyPanel", "feed_of"]
