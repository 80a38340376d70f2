"""What follows from an attempt."""

from __future__ import annotations

import time

import pytest

from topology.webhooks.ports import Answered, NotReached, Outcome
from topology.webhooks.verdict import (
    FIRST_MS,
    GIVE_UP_MS,
    GRACE_MS,
    PAUSE_MS_MAX,
    WAIT_MS_MAX,
    Again,
    Delivered,
    Failed,
    expired,
    verdict,
)

ASKED = 1_790_000_000_000


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_success_is_the_end(status: int) -> None:
    assert verdict(Answered(status), 1, ASKED, ASKED, 0.5) == Delivered(status)
    assert verdict(Answered(status), 9, ASKED, ASKED + 2 * GIVE_UP_MS, 0.5) == Delivered(status)


def test_gone_is_the_end_at_once() -> None:
    assert verdict(Answered(410), 1, ASKED, ASKED, 0.5) == Failed("gone", "status 410")


@pytest.mark.parametrize("outcome", [Answered(301), Answered(400), Answered(404), Answered(500), NotReached("timeout")])
def test_everything_else_a_redirect_too_is_tried_again(outcome: Outcome) -> None:
    assert isinstance(verdict(outcome, 1, ASKED, ASKED, 0.5), Again)


def test_waits_grow_threefold_up_to_the_longest_and_chance_moves_them_by_a_quarter() -> None:
    def wait(attempts: int, chance: float) -> int:
        found = verdict(Answered(500), attempts, ASKED, ASKED, chance)
        assert isinstance(found, Again)
        return found.due - ASKED

    assert [wait(n, 0.5) for n in (1, 2, 3)] == [FIRST_MS, 3 * FIRST_MS, 9 * FIRST_MS]
    assert wait(9, 0.5) == wait(1_000, 0.5) == WAIT_MS_MAX
    assert wait(1, 0.0) == 3 * FIRST_MS // 4 and wait(1, 1.0) == 5 * FIRST_MS // 4


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_a_call_is_tried_for_24_hours_the_last_time_at_their_end_and_then_given_up(chance: float) -> None:
    now, attempts = ASKED, 0
    while True:
        attempts += 1
        found = verdict(NotReached("unreachable"), attempts, ASKED, now, chance)
        if isinstance(found, Failed):
            break
        assert isinstance(found, Again) and found.due > now
        now = found.due
    assert found == Failed("undelivered", "unreachable")
    assert now == ASKED + GIVE_UP_MS and 12 <= attempts <= 20


def test_a_retry_after_is_heeded_by_the_call_and_up_to_an_hour_by_all_of_its_endpoint() -> None:
    found = verdict(Answered(503, "120"), 1, ASKED, ASKED, 0.5)
    assert found == Again(ASKED + 120_000, ASKED + 120_000)
    found = verdict(Answered(429, "7200"), 1, ASKED, ASKED, 0.5)
    assert found == Again(ASKED + 7_200_000, ASKED + PAUSE_MS_MAX)
    found = verdict(Answered(429, "Mon, 21 Sep 2026 14:15:20 GMT"), 1, ASKED, ASKED, 0.5)
    assert found == Again(ASKED + 120_000, ASKED + 120_000)
    assert verdict(Answered(503, "999999999"), 1, ASKED, ASKED, 0.5) == Again(ASKED + GIVE_UP_MS, ASKED + PAUSE_MS_MAX)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize(
    "text", ["Monday, 21-Sep-26 14:15:20 GMT", "Mon Sep 21 14:15:20 2026", "Mon, 21 Sep 2026 14:15:20 -0000"]
)
def test_a_date_in_a_retry_after_is_read_the_same_on_every_machine(
    text: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9110 has three forms, of which one names no zone and means GMT as well."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        found = verdict(Answered(503, text), 1, ASKED, ASKED, 0.5)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == Again(ASKED + 120_000, ASKED + 120_000)


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "٣", "Mon, 99 Sep 2026", "Mon, 21 Sep 2020 14:15:20 GMT"])
def test_a_retry_after_that_says_nothing_changes_nothing(text: str) -> None:
    assert verdict(Answered(503, text), 1, ASKED, ASKED, 0.5) == Again(ASKED + FIRST_MS)


def test_other_answers_ask_for_no_pause() -> None:
    assert verdict(Answered(500, "120"), 1, ASKED, ASKED, 0.5) == Again(ASKED + FIRST_MS)


def test_a_last_attempt_may_be_a_little_late() -> None:
    assert not expired(ASKED, ASKED + GIVE_UP_MS + GRACE_MS)
    assert expired(ASKED, ASKED + GIVE_UP_MS + GRACE_MS + 1)
