"""Sends boards, alert rules and what belongs to them to a Grafana that runs, by its HTTP API.

Everything has an id of ours, so it is looked for, then made or replaced: pushing again changes nothing else. What
stands under an id of ours but is not ours is left alone, and that is an error; nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Literal

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, TokenAuth
from requests.exceptions import RequestException

from dashboards.grafana.alerting import GROUP, ORIGIN, RECEIVER, contact_point, with_route
from dashboards.grafana.spec import DATA_SOURCE_UID, FOLDER_UID, Text
from hall.errors import ServiceError
from hall.words import Language

FOLDER = Text("政务大厅", "Service halls")
_TIMEOUT_S: Final = 20.0

Kind = Literal["folder", "data source", "board", "alert rule", "contact point", "notification policies"]


class PushError(ServiceError):
    """Grafana cannot be reached, refuses, or has something of somebody else where ours should go."""


@dataclass(frozen=True)
class Done:
    """One thing that was sent."""

    kind: Kind
    uid: str
    did: Literal["created", "updated"]


@dataclass(frozen=True)
class Delivery:
    """What is sent: boards and rules as `render` and `rule_json` make them.

    Attributes:
        data_source: the store as Grafana reaches it; None where Grafana has it under our id already.
        webhook: where alerts go; None where the notification policies have a place for them already.
    """

    language: Language
    boards: Iterable[dict[str, Any]]
    rules: Iterable[dict[str, Any]]
    data_source: dict[str, Any] | None = None
    webhook: str | None = None


def push(address: str, token: str, delivery: Delivery) -> list[Done]:
    """Send everything, in the order in which one part needs another.

    Args:
        address: of Grafana, such as http://127.0.0.1:3000.
        token: of a service account that may write folders, boards, data sources and alerting.
        delivery: what.

    Raises:
        PushError: it did not go through; what was sent before stays.
    """
    api = GrafanaApi.from_url(address, credential=TokenAuth(token), timeout=_TIMEOUT_S)
    with closing(api.client.s):
        try:
            return _Pusher(api).send(delivery)
        except GrafanaException as exc:
            raise PushError(f"{address}: {exc.status_code}: {exc.message}") from exc
        except RequestException as exc:
            raise PushError(f"{address}: {exc}; expected a Grafana") from exc


class _Pusher:
    def __init__(self, api: Any) -> None:
        self._api = api
        self._done: list[Done] = []

    def send(self, delivery: Delivery) -> list[Done]:
        self._folder(FOLDER[delivery.language])
        if delivery.data_source is not None:
            self._data_source(delivery.data_source)
        for board in delivery.boards:
            self._board(board)
        if delivery.webhook is not None:
            self._contact_point(contact_point(delivery.webhook))
        for rule in delivery.rules:
            self._rule(rule)
        if delivery.webhook is not None:
            self._policies()
        return self._done

    def _note(self, kind: Kind, uid: str, there: object) -> None:
        self._done.append(Done(kind, uid, "created" if there is None else "updated"))

    def _folder(self, title: str) -> None:
        there = _found(lambda: self._api.folder.get_folder(FOLDER_UID))
        if there is None:
            self._api.folder.create_folder(title, FOLDER_UID)
        else:
            self._api.folder.update_folder(FOLDER_UID, title, overwrite=True)
        self._note("folder", FOLDER_UID, there)

    def _data_source(self, wanted: dict[str, Any]) -> None:
        there = _found(lambda: self._api.datasource.get_datasource_by_uid(DATA_SOURCE_UID))
        if there is None:
            self._api.datasource.create_datasource(wanted)
        else:
            _ours(there["name"] == wanted["name"], "data source", DATA_SOURCE_UID, f"it is called {there['name']!r}")
            self._api.datasource.update_datasource_by_uid(DATA_SOURCE_UID, wanted)
        self._note("data source", DATA_SOURCE_UID, there)

    def _board(self, wanted: dict[str, Any]) -> None:
        uid = wanted["uid"]
        there = _found(lambda: self._api.dashboard.get_dashboard(uid))
        if there is not None:
            tags = there["dashboard"].get("tags") or []
            _ours("hallwatch" in tags, "board", uid, "it lacks the tag hallwatch")
            _ours(
                not there["meta"].get("provisioned"), "board", uid, "it comes from the files of Grafana's provisioning"
            )
        self._api.dashboard.update_dashboard(
            {
                "dashboard": {**wanted, "id": None},
                "folderUid": FOLDER_UID,
                "message": "hallwatch dashboards push",
                "overwrite": there is not None,
            }
        )
        self._note("board", uid, there)

    def _rule(self, wanted: dict[str, Any]) -> None:
        uid = wanted["uid"]
        there = _found(lambda: self._api.alertingprovisioning.get_alertrule(uid))
        if there is None:
            self._api.alertingprovisioning.create_alertrule(wanted)
        else:
            labels = there.get("labels") or {}
            _ours(labels.get(ORIGIN[0]) == ORIGIN[1], "alert rule", uid, f"it lacks the label {'='.join(ORIGIN)}")
            _ours(there.get("ruleGroup") == GROUP, "alert rule", uid, f"it is in the group {there.get('ruleGroup')!r}")
            self._api.alertingprovisioning.update_alertrule(uid, wanted)
        self._note("alert rule", uid, there)

    def _contact_point(self, wanted: dict[str, Any]) -> None:
        named = [one for one in self._api.alertingprovisioning.get_contactpoints() if one["name"] == RECEIVER]
        strangers = [one.get("uid") for one in named if one.get("uid") != wanted["uid"]]
        _ours(not strangers, "contact point", RECEIVER, f"others have its name: {strangers}")
        if not named:
            self._api.alertingprovisioning.create_contactpoint(wanted)
        else:
            self._api.alertingprovisioning.update_contactpoint(wanted["uid"], wanted)
        self._note("contact point", wanted["uid"], named[0] if named else None)

    def _policies(self) -> None:
        tree = self._api.alertingprovisioning.get_notification_policy_tree()
        wanted = with_route(tree)
        wanted.pop("provenance", None)
        self._api.alertingprovisioning.set_notification_policy_tree(wanted)
        known = len(wanted["routes"]) == len(tree.get("routes") or [])
        self._note("notification policies", RECEIVER, tree if known else None)


def _found(get: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What is there; None where Grafana says that nothing is."""
    try:
        return get()
    except GrafanaClientError as exc:
        if exc.status_code != 404:
            raise
        return None


def _ours(condition: bool, kind: Kind, uid: str, otherwise: str) -> None:  # noqa: FBT001
    if not condition:
        raise PushError(f"{kind} {uid!r}: is not one of ours: {otherwise}; it was left as it is")
