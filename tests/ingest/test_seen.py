from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from ingest import schema
from ingest.records import Records
from ingest.seen import MAX_BOOTS, MAX_RANGES, BootKey, SeenBook, SeenRanges, save_seen

BOOT = ("demo", "f1", "edge-f1", "boot-1")


@settings(max_examples=80, deadline=None)
@given(numbers=st.lists(st.integers(0, 60)))
def test_it_counts_each_number_once_and_keeps_few_ranges(numbers: list[int]) -> None:
    ranges, known = SeenRanges(), set[int]()
    for number in numbers:
        assert ranges.add(number) == (number not in known)
        known.add(number)
    assert {n for first, last in ranges.ranges for n in range(first, last + 1)} == known
    assert all(a[1] + 1 < b[0] for a, b in zip(ranges.ranges, ranges.ranges[1:], strict=False))
    assert SeenRanges.from_json(ranges.to_json()).ranges == ranges.ranges


def test_the_ranges_are_bounded_and_the_newest_gaps_stay_open() -> None:
    ranges = SeenRanges()
    for number in range(0, 4 * MAX_RANGES, 2):
        ranges.add(number)
    assert len(ranges.ranges) == MAX_RANGES
    assert not ranges.add(1)
    assert ranges.add(4 * MAX_RANGES - 3)


def _count(records: Records, boot: BootKey, seq: int, at: float = 1.0) -> bool:
    """Count one message as a process that begins now would."""
    book = SeenBook(records)
    book.load([boot])
    fresh = book.add(boot, seq)
    with records.writing() as connection:
        save_seen(connection, book.take_changes(), at)
    return fresh


def test_what_is_not_on_record_was_not_counted(records: Records) -> None:
    book = SeenBook(records)
    book.load([BOOT])
    assert book.add(BOOT, 0)
    assert not book.add(BOOT, 0)
    assert _count(records, BOOT, 0)
    assert not _count(records, BOOT, 0)
    assert _count(records, (*BOOT[:3], "boot-2"), 0)


def test_changes_are_those_up_to_now(records: Records) -> None:
    book = SeenBook(records)
    book.load([BOOT])
    book.add(BOOT, 0)
    first = book.take_changes()
    book.add(BOOT, 1)
    assert [change.ranges for change in first] == ["[[0,0]]"]
    assert [change.ranges for change in book.take_changes()] == ["[[0,1]]"]
    assert book.take_changes() == []


def test_old_boots_of_a_node_are_forgotten(records: Records) -> None:
    for i in range(MAX_BOOTS + 5):
        _count(records, (*BOOT[:3], f"boot-{i}"), 0, float(i))
    with records.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.seen)) == MAX_BOOTS
    assert not _count(records, (*BOOT[:3], f"boot-{MAX_BOOTS + 4}"), 0)
