"""Pages of the people who use the console: users and the audit log for admins, one's own account for everybody."""

from dashboards.people.page import add

__all__ = ["add"]
