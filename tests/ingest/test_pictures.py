"""Pictures that the centre has in memory for a while, and who looked at them."""

from __future__ import annotations

from hall.clock import ManualClock
from ingest import audit
from ingest._routes_pictures import AGAIN_S, KEPT_S, Looks, PictureCache
from ingest.boxes import BoxPicture
from ingest.records import Records
from ingest.users import Account
from tests.support.centre import T0


def _picture(size: int) -> BoxPicture:
    return BoxPicture(b"x" * size, {})


def test_no_more_is_kept_than_may_be_and_the_oldest_goes() -> None:
    cache = PictureCache(ManualClock(T0), most_bytes=100)
    for name in ("a", "b", "c"):
        cache.put(name, _picture(40))
    assert [cache.get(name) is None for name in ("a", "b", "c")] == [True, False, False]
    cache.put("b", _picture(60))
    assert [cache.get(name) is None for name in ("b", "c")] == [False, False]
    cache.put("d", _picture(101))
    assert [cache.get(name) is None for name in ("b", "c", "d")] == [True, True, True]


def test_nothing_is_kept_for_long() -> None:
    clock = ManualClock(T0)
    cache = PictureCache(clock)
    cache.put("a", _picture(1))
    clock.advance(KEPT_S)
    assert cache.get("a") is not None
    clock.advance(1)
    assert cache.get("a") is None


def test_who_looks_on_is_on_record_once_in_a_while(records: Records) -> None:
    clock = ManualClock(T0)
    looks, li, wang = Looks(records, clock), Account("li", "viewer", None), Account("wang", "viewer", None)
    for account in (li, li, wang):
        looks.note(account, "incident.picture", "incident/1")
    looks.note(li, "incident.picture", "incident/2")
    clock.advance(AGAIN_S)
    looks.note(li, "incident.picture", "incident/1")
    with records.reading() as connection:
        rows = [(row.actor, row.subject) for row in audit.rows(connection)][::-1]
    assert rows == [("li", "incident/1"), ("wang", "incident/1"), ("li", "incident/2"), ("li", "incident/1")]
