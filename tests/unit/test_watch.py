"""The watch: refusals that are too many, money that is set aside; each told once, whatever falls over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.watch import refusals
from actors.watch.actor import WatchActor
from actors.watch.messages import REFUSAL, PointsRefusedSeen, Refusal
from actors.watch.refusals import WINDOW_MS, WINDOW_S, Refusals
from supervision.domain import Event
from supervision.engine_events import ALARM, DISCARD, PARKED, RETRY, Parked
from supervision.entry import Entry, segment_of, segment_subject
from supervision.outputs import Emit
from tests.points_engine import SEGMENTS, PointsEngine

SEGMENT = 2
USERS = [user for n in range(100) if segment_of(f"user:{(user := f'u{n}')}", SEGMENTS) == SEGMENT]
LIMIT = 5


@contextmanager
def engine_in(folder: Path, **more: Any) -> Iterator[PointsEngine]:
    engine = PointsEngine(folder, refusals_max=LIMIT, **more)
    yield engine
    engine.close()


def refused(engine: PointsEngine, times: int, seconds: float = 3.0) -> None:
    """So many who have nothing wish to spend something."""
    for n in range(times):
        engine.say("points_redeem", USERS[n % len(USERS)], points=10, reason="mug")
    engine.settle(seconds)


def told(engine: PointsEngine, alarm: str) -> list[dict[str, Any]]:
    return [said for entry, said in engine.said(ALARM) if said["alarm"] == alarm and entry.route == f"{ALARM}.{alarm}"]


def test_one_refusal_more_than_the_limit_raises_one_alarm_and_the_next_window_may_raise_its_own(tmp_path: Path) -> None:
    with engine_in(tmp_path) as engine:
        refused(engine, LIMIT)
        assert told(engine, "refusals_rate") == []
        refused(engine, 3)
        [alarm] = told(engine, "refusals_rate")
        assert (alarm["value"], alarm["limit"], alarm["segment"]) == (LIMIT + 1, LIMIT, SEGMENT)
        assert alarm["window_s"] == WINDOW_S and "user_id" not in alarm
        engine.settle(WINDOW_S)
        refused(engine, LIMIT)
        assert len(told(engine, "refusals_rate")) == 1
        refused(engine, 1)
        assert len(told(engine, "refusals_rate")) == 2
        assert engine.tally.counted("alarms", alarm="refusals_rate") == 2
        assert engine.tally.counted("refusals", kind="points.refused") == 2 * LIMIT + 4


def test_refusals_of_other_segments_are_not_added_up(tmp_path: Path) -> None:
    with engine_in(tmp_path) as engine:
        for n in range(LIMIT * SEGMENTS):
            user = next(u for i in range(99) if segment_of(f"user:{(u := f'{n}-{i}')}", SEGMENTS) == n % SEGMENTS)
            engine.say("points_redeem", user, points=10, reason="mug")
        engine.settle()
        assert engine.tally.counted("refusals") == LIMIT * SEGMENTS and engine.said(ALARM) == []


def test_a_flood_of_refusals_is_noted_no_more_once_it_was_told(tmp_path: Path) -> None:
    with engine_in(tmp_path) as engine:
        refused(engine, LIMIT + 1)
        noted = len(engine.said(REFUSAL))
        for _ in range(10):
            refused(engine, 30)
        assert len(engine.said(REFUSAL)) == noted and len(told(engine, "refusals_rate")) == 1


@pytest.mark.parametrize("steps", range(0, 60, 3))
def test_the_alarm_comes_once_whenever_the_process_dies(tmp_path: Path, steps: int) -> None:
    engine = PointsEngine(tmp_path, refusals_max=LIMIT)
    for n in range(LIMIT + 2):
        engine.say("points_redeem", USERS[n], points=10, reason="mug")
    engine.step(steps)
    engine.kill()
    with engine_in(tmp_path, clock=engine.clock) as again:
        again.settle()
        known = len(again.said("points.refused"))
        assert len(told(again, "refusals_rate")) == (known > LIMIT)
        refused(again, LIMIT + 2)
        assert len(again.said("points.refused")) == known + LIMIT + 2
        assert [alarm["value"] for alarm in told(again, "refusals_rate")] == [LIMIT + 1]


def test_without_a_limit_nothing_is_noted(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path, refusals_max=0)
    refused(engine, 50)
    assert engine.said(REFUSAL) == engine.said(ALARM) == []
    engine.close()


def test_money_set_aside_raises_one_alarm_about_its_user_which_a_retry_that_fails_does_not_repeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = USERS[0]
    with engine_in(tmp_path) as engine:
        with monkeypatch.context() as ill:
            ill.setattr("actors.points.redemptions.redeem_points", lambda *_: 1 // 0)
            refused(engine, 1, seconds=100.0)
            engine.say("points_accrue", user, points=5)  # waits behind it
            engine.decide(RETRY, user)
            engine.settle(100.0)
        [(parked, said)] = engine.said(PARKED)
        [(entry, alarm)] = engine.said(ALARM)
        assert (alarm["alarm"], alarm["user_id"], alarm["cause"]) == ("money_parked", user, parked.place)
        for name in ("domain", "segment", "subject", "offset"):
            assert alarm[name] == said[name]
        assert (alarm["value"], alarm["limit"], entry.route) == (1, 0, "engine.alarm.money_parked")
        assert engine.tally.counted("alarms", alarm="money_parked") == 1
        engine.decide(DISCARD, user)
        engine.settle()
        with monkeypatch.context() as ill:
            ill.setattr("actors.points.redemptions.redeem_points", lambda *_: 1 // 0)
            refused(engine, 1, seconds=100.0)
        assert len(told(engine, "money_parked")) == 2


def test_a_whole_domain_of_money_that_stands_still_raises_it_too_and_one_without_money_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine_in(tmp_path) as engine, monkeypatch.context() as ill:
        ill.setattr("actors.points.redemptions.redeem_points", lambda *_: 1 // 0)
        refused(engine, 22, seconds=600.0)
        subjects = [alarm["subject"] for alarm in told(engine, "money_parked")]
        assert subjects.count("*") == 1 and len(set(subjects)) == len(subjects) == 22
        assert len(engine.said(PARKED)) == 22
    parked = Parked("notification", SEGMENT, "user:u1", 7, "ill", 3)
    entry = Entry(SEGMENT, 1, 8, 0, 1, PARKED, "user:u1", b"{}")
    assert list(WatchActor(["points"]).react(None, Event(entry, parked, 1, "user:u1"))) == []


def test_a_refusal_at_the_depth_limit_is_noted_and_told_like_any_other() -> None:
    watch, here = WatchActor(["points"], 1), segment_subject(SEGMENT)
    entry = Entry(SEGMENT, 1, 8, WINDOW_MS, 1, "points.refused", "user:u1", b"{}", depth=16)
    event = Event(entry, PointsRefusedSeen(), WINDOW_MS, "user:u1", shared=Refusals())
    shared = Refusals(1, 1, 1)
    counted = Event(entry, Refusal(WINDOW_MS), WINDOW_MS, here)
    for outputs in (watch.react(None, event), watch.react(shared, counted)):
        [emit] = outputs
        assert isinstance(emit, Emit) and emit.same_depth


def test_a_refusal_of_a_window_that_is_over_counts_no_more() -> None:
    seen = Refusals()
    assert [refusals.count(seen, WINDOW_MS * 7, 1), refusals.count(seen, WINDOW_MS * 7 + 5, 1)] == [0, 2]
    assert refusals.told(seen, WINDOW_MS * 8 - 1) and not refusals.told(seen, WINDOW_MS * 8)
    assert not refusals.count(seen, WINDOW_MS * 8, 1)
    assert not refusals.count(seen, WINDOW_MS * 8 - 1, 1)
    assert (seen.window, seen.count) == (8, 1)
    refusals.check(seen)


def test_a_limit_that_is_lowered_below_what_was_counted_is_told_with_the_next_refusal_and_once() -> None:
    seen, at = Refusals(), WINDOW_MS * 7
    assert [refusals.count(seen, at, 9) for _ in range(5)] == [0] * 5
    assert not refusals.told(seen, at)
    assert [refusals.count(seen, at, 2), refusals.count(seen, at, 2)] == [6, 0]
    assert refusals.told(seen, at)
    assert not refusals.count(seen, at, 1), "nor when it is lowered once more, or raised again"
    refusals.check(seen)


def test_a_limit_lowered_between_two_starts_is_for_the_window_that_is_under_way(tmp_path: Path) -> None:
    with engine_in(tmp_path) as engine:
        refused(engine, LIMIT)
        clock = engine.clock
    engine = PointsEngine(tmp_path, refusals_max=2, clock=clock)
    refused(engine, 2)
    assert [(alarm["value"], alarm["limit"]) for alarm in told(engine, "refusals_rate")] == [(LIMIT + 1, 2)]
    engine.close()
