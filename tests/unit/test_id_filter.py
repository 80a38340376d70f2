"""The filter over the buckets of known ids: it may say "maybe" too often, never "no" wrongly."""

from __future__ import annotations

from random import Random

from supervision.store_sqlite.id_filter import COLUMNS, IdFilter


def test_an_id_that_was_added_is_always_a_candidate() -> None:
    rng, ids = Random(1), IdFilter(1 << 12)
    columns = [ids.take_column() for _ in range(COLUMNS)]
    added = [(rng.getrandbits(64), rng.choice(columns)) for _ in range(5_000)]
    for id_hash, column in added:
        assert column is not None
        ids.add(id_hash, column)
    assert all(ids.candidates(id_hash) >> column & 1 for id_hash, column in added if column is not None)


def test_the_smallest_and_the_largest_hash_are_found() -> None:
    ids = IdFilter(1 << 12)
    column = ids.take_column()
    assert column is not None
    for id_hash in (0, 1, 2**63 - 1, 2**63, 2**64 - 1):
        ids.add(id_hash, column)
        assert ids.candidates(id_hash) == 1 << column


def test_few_strangers_are_candidates_while_the_filter_is_not_crowded() -> None:
    rng, ids = Random(2), IdFilter(1 << 14)
    column = ids.take_column()
    assert column is not None
    for _ in range(1_000):
        ids.add(rng.getrandbits(64), column)
    wrong = sum(bool(ids.candidates(rng.getrandbits(64))) for _ in range(10_000))
    assert wrong < 100, "one in hundreds is expected"


def test_there_are_64_columns_and_no_more() -> None:
    ids = IdFilter(1 << 8)
    taken = {ids.take_column() for _ in range(COLUMNS)}
    assert taken == set(range(64))
    assert ids.take_column() is None


def test_a_column_is_given_out_again_only_when_it_is_swept_clean() -> None:
    ids = IdFilter(1 << 8)
    first = ids.take_column()
    for _ in range(COLUMNS - 1):
        ids.take_column()
    assert first is not None
    ids.add(123, first)
    ids.give_back(first)
    ids.sweep(100)
    assert ids.take_column() is None and ids.dirty
    ids.sweep(100)
    ids.sweep(100)
    assert not ids.dirty
    ids.check()
    assert ids.take_column() == first
    assert ids.candidates(123) == 0


def test_sweeping_leaves_the_other_columns_alone() -> None:
    rng, ids = Random(3), IdFilter(1 << 10)
    kept, gone, late = (ids.take_column() for _ in range(3))
    assert kept is not None and gone is not None and late is not None
    hashes = [rng.getrandbits(64) for _ in range(300)]
    for id_hash in hashes:
        for column in (kept, gone, late):
            ids.add(id_hash, column)
    ids.give_back(gone)
    ids.sweep(500)
    ids.give_back(late)  # while the sweep is under way: it waits for the next one
    while ids.dirty:
        ids.sweep(500)
    ids.check()
    assert all(ids.candidates(id_hash) & (1 << kept) for id_hash in hashes)
