from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from hall.errors import InputError, RecordsError
from ingest.records import Records
from ingest.schema import meta


@pytest.mark.parametrize(
    "url",
    [
        "",
        "records.db",
        "postgresql://user:hush@db",
        "mysql://user:hush@db/hall",
        "sqlite://x.db",
        "sqlite:///no/such/folder/r.db",
    ],
)
def test_a_wrong_address_says_the_form_and_no_secret(url: str) -> None:
    with pytest.raises(InputError, match="sqlite:///FILE") as caught:
        Records(url)
    assert "hush" not in str(caught.value)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.write_text("a diary, not a database\n" * 100)
    with pytest.raises(RecordsError, match="not a database"):
        Records(f"sqlite:///{path}")
    assert path.read_text().startswith("a diary")


def test_an_exception_rolls_back(records: Records) -> None:
    def fail() -> None:
        with records.writing() as connection:
            connection.execute(insert(meta).values(key="x", value="y"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with records.reading() as connection:
        assert connection.scalar(select(meta.c.value).where(meta.c.key == "x")) is None


def test_two_writers_that_read_first_both_get_through(records: Records) -> None:
    """Without taking the lock at BEGIN, one of them would fail for having read an old picture."""
    with records.writing() as connection:
        connection.execute(insert(meta).values(key="count", value="0"))

    def add() -> None:
        for _ in range(20):
            with records.writing() as connection:
                count = connection.scalar(select(meta.c.value).where(meta.c.key == "count"))
                connection.execute(meta.update().where(meta.c.key == "count").values(value=str(int(count or 0) + 1)))

    threads = [threading.Thread(target=add, name=f"add-{i}") for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with records.reading() as connection:
        assert connection.scalar(select(meta.c.value).where(meta.c.key == "count")) == "60"
