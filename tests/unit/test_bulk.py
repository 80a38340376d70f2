"""The bulk lane: at once when nothing else comes, now and then amid ordinary traffic, never not at all."""

from __future__ import annotations

from supervision.bulk import LULL_MS, BulkLane


def test_without_ordinary_traffic_all_fire() -> None:
    lane = BulkLane(100, 1_000)
    assert lane.free(0) and lane.quota(0, kept_up=False, limit=500) == 500


def test_amid_ordinary_traffic_one_fires_at_a_time_at_its_pace() -> None:
    lane = BulkLane(100, 1_000)
    lane.ordinary(5_000)
    assert lane.quota(5_000, kept_up=True, limit=500) == 1
    lane.fired(5_000)
    assert [lane.quota(at, kept_up=True, limit=500) for at in (5_000, 5_099, 5_100)] == [0, 0, 1]
    assert lane.opens_at(5_001) == 5_100


def test_when_the_journal_does_not_keep_up_one_fires_a_second() -> None:
    lane = BulkLane(100, 1_000)
    lane.fired(5_000)
    for at in range(5_000, 6_001, 50):
        lane.ordinary(at)
        assert lane.quota(at, kept_up=False, limit=500) == (at == 6_000)


def test_traffic_that_has_ended_holds_nobody_up() -> None:
    lane = BulkLane(100, 1_000)
    lane.ordinary(5_000)
    assert not lane.free(5_000 + LULL_MS - 1) and lane.free(5_000 + LULL_MS)
