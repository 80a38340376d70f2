"""Known ids in buckets of time: found at once, forgotten in slices, bounded in number."""

from __future__ import annotations

import sqlite3
from random import Random

import pytest

from supervision.store import IdRow
from supervision.store_sqlite import ids as ids_module
from supervision.store_sqlite import schema
from supervision.store_sqlite.ids import IdBook, bucket_of, expires_at, signed, unsigned

HOUR = 3_600_000
NOW = 1_790_000_000_000 // (6 * HOUR) * 6 * HOUR


@pytest.fixture
def db() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    schema.create(db, 1, "test")
    return db


def rows(n: int, at: int, seed: int = 1, keep_long: bool = False) -> list[IdRow]:
    rng = Random(seed)
    return [IdRow(rng.getrandbits(64), rng.getrandbits(64), 0, 1, i + 1, at, keep_long) for i in range(n)]


def add(book: IdBook, some: list[IdRow]) -> None:
    book.inserted(book.insert(some))


def drop_all(book: IdBook, now_ms: int) -> int:
    slices = 0
    while (bucket := book.doomed(now_ms)) is not None:
        book.dropped(bucket, book.drop_slice(bucket), now_ms)
        slices += 1
    return slices


@pytest.mark.parametrize("number", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_hashes_survive_sqlites_signed_numbers(number: int) -> None:
    assert -(2**63) <= signed(number) < 2**63
    assert unsigned(signed(number)) == number


def test_a_bucket_lasts_as_long_as_its_youngest_id(db: sqlite3.Connection) -> None:
    assert expires_at(bucket_of(NOW, False)) == NOW + HOUR + 24 * HOUR
    assert expires_at(bucket_of(NOW + HOUR - 1, False)) == NOW + HOUR + 24 * HOUR
    assert expires_at(bucket_of(NOW, True)) == NOW + 6 * HOUR + 7 * 24 * HOUR
    assert bucket_of(NOW, False) != bucket_of(NOW, True)


def test_ids_are_found_before_during_and_after_the_filter_is_built(db: sqlite3.Connection) -> None:
    book = IdBook(db, slots=1 << 12)
    all_rows = [row for hour in range(5) for row in rows(3_000, NOW + hour * HOUR, seed=hour)]
    all_rows += [IdRow(2**63, 1, 0, 1, 1, NOW), IdRow(2**63 - 1, 1, 0, 1, 1, NOW), IdRow(0, 1, 0, 1, 1, NOW)]
    add(book, all_rows)
    wanted = {row.id_hash: row for row in all_rows}
    assert book.known(list(wanted), NOW + 5 * HOUR) == wanted
    again = IdBook(db, slots=1 << 12)
    steps = 0
    while again.building:
        assert again.known(list(wanted)[::97], NOW + 5 * HOUR).keys() == set(list(wanted)[::97])
        again.build_slice()
        steps += 1
    assert steps >= 5
    assert again.known(list(wanted), NOW + 5 * HOUR) == wanted
    again.check()


def test_a_built_filter_spares_nearly_all_look_ups_of_new_ids(db: sqlite3.Connection) -> None:
    book = IdBook(db, slots=1 << 16)
    for hour in range(20):
        add(book, rows(200, NOW + hour * HOUR, seed=hour))
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    assert book.known([row.id_hash for row in rows(1_000, NOW, seed=99)], NOW + 20 * HOUR) == {}
    assert len(asked) < 20


def test_expired_ids_are_dropped_in_slices_and_their_columns_used_again(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids_module, "DROP_IDS_MAX", 100)
    book = IdBook(db, slots=1 << 10)
    for hour in range(24 * 10):
        now = NOW + hour * HOUR
        add(book, rows(150, now, seed=hour))
        assert drop_all(book, now) <= 2, "one bucket's worth an hour, in slices of a hundred"
        while book.sweeping:
            book.sweep_slice()
    assert 24 * 150 <= book.total <= 26 * 150
    assert not book.building, "no bucket ever lacked a column"
    assert book.dropped_early == 0
    book.check()


def test_above_the_limit_the_oldest_bucket_goes_early_and_that_is_counted(db: sqlite3.Connection) -> None:
    book = IdBook(db, ids_max=1_000, slots=1 << 10)
    for hour in range(4):
        add(book, rows(400, NOW + hour * HOUR, seed=hour))
    now = NOW + 3 * HOUR
    drop_all(book, now)
    assert book.total == 800 and book.dropped_early == 800
    assert book.known([row.id_hash for row in rows(400, NOW, seed=0)], now) == {}
    assert len(book.known([row.id_hash for row in rows(400, NOW, seed=3)], now)) == 400
    book.check()


def test_a_bucket_that_still_grows_is_never_dropped(db: sqlite3.Connection) -> None:
    book = IdBook(db, ids_max=10, slots=1 << 10)
    add(book, rows(100, NOW) + rows(100, NOW, seed=2, keep_long=True))
    assert book.doomed(NOW) is None
    assert book.doomed(NOW + HOUR) == bucket_of(NOW, False)


def test_more_buckets_than_columns_only_cost_look_ups(db: sqlite3.Connection) -> None:
    book = IdBook(db, slots=1 << 10)
    for hour in range(70):  # nobody has been idle for three days
        add(book, rows(10, NOW + hour * HOUR, seed=hour))
    for hour in range(47, 70):
        wanted = {row.id_hash for row in rows(10, NOW, seed=hour)}
        assert book.known(list(wanted), NOW + 70 * HOUR).keys() == wanted
    drop_all(book, NOW + 70 * HOUR)
    while book.sweeping:
        book.sweep_slice()
    while book.building:
        book.build_slice()
    book.check()


def test_a_lost_insert_only_makes_the_filter_say_maybe(db: sqlite3.Connection) -> None:
    book = IdBook(db, slots=1 << 10)
    some = rows(50, NOW)
    db.execute("BEGIN")
    book.insert(some)
    db.execute("ROLLBACK")
    book.recount()
    assert book.known([row.id_hash for row in some], NOW) == {}
    add(book, some)
    assert len(book.known([row.id_hash for row in some], NOW)) == 50
    book.check()
