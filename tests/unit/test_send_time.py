"""When a message may go, against looking at the clock every minute."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from random import Random

import pytest

from actors.calendar import calendar
from actors.notification.send_time import Hold, Send, Suppress, Wishes, never_mistakes, next_allowed
from actors.rule_words import Hours, hours_of
from actors.windows.window_edges import NEVER
from tests.zones import CHANGES, DAY, HOUR, ZONES, ms

MINUTE = 60_000
AROUND = 3 * DAY
BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"
NIGHT: Hours = (22, 8)


@lru_cache
def shown(zone: str, begin: int) -> list[int]:
    """What hour the wall shows, minute by minute for six days."""
    return [calendar(zone).local(begin + n * MINUTE).hour for n in range(2 * AROUND // MINUTE)]


def looked_up(
    zone: str, begin: int, now: int, wishes: Wishes, free_at: int, valid_until: int, transactional: bool
) -> Iterator[int]:
    """Each minute at which the message may go, and `now`."""
    hours, quiet = shown(zone, begin), set[int]() if transactional else hours_of(wishes.quiet)
    preferred = None if transactional else wishes.preferred
    minutes = range(-(-(now - begin) // MINUTE) * MINUTE + begin, min(valid_until, begin + 2 * AROUND), MINUTE)
    for at in [now, *minutes] if minutes[:1] != range(now, now + 1) else minutes:
        hour = hours[(at - begin) // MINUTE]
        if free_at <= at < valid_until and hour not in quiet and preferred in (None, hour):
            yield at


def _compare(random: Random, zone: str, begin: int) -> str:
    now = begin + random.randrange(AROUND // MINUTE) * MINUTE + random.choice([0, 0, random.randrange(MINUTE)])
    quiet = random.choice([None, NIGHT, (0, 24), (random.randrange(24), random.randrange(25))])
    wishes = Wishes(zone, quiet, random.choice([None, None, random.randrange(24)]))
    free_at = random.choice([0, now, begin + random.randrange(2 * AROUND // MINUTE) * MINUTE, NEVER])
    valid_until = min(begin + 2 * AROUND, now + random.choice([0, random.randrange(DAY), random.randrange(3 * DAY)]))
    transactional = random.random() < 0.2
    answer = next_allowed(now, wishes, free_at, valid_until, transactional)
    expected = next(looked_up(zone, begin, now, wishes, free_at, valid_until, transactional), None)
    match answer:
        case Send():
            assert expected == now
        case Hold(until=until):
            assert expected == until and until > now, (wishes, now, free_at, valid_until)
        case Suppress():
            assert expected is None, (wishes, now, free_at, valid_until, answer)
    return type(answer).__name__


@pytest.mark.parametrize("zone", ZONES)
def test_a_message_goes_at_the_first_minute_that_satisfies_all_at_once(zone: str) -> None:
    random, answers = Random(zone), list[str]()
    for change in CHANGES[zone]:
        answers += [_compare(random, zone, ms(change) // MINUTE * MINUTE - AROUND) for _ in range(700)]
    assert {answers.count(kind) > 100 for kind in ("Send", "Hold", "Suppress")} == {True}


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
def test_a_message_goes_at_the_first_minute_that_satisfies_all_at_once_in_many_cases(zone: str) -> None:
    random = Random(f"{zone} long")
    for change in CHANGES[zone]:
        for _ in range(20_000):
            _compare(random, zone, ms(change) // MINUTE * MINUTE - AROUND)


def test_without_wishes_and_limits_a_message_goes_at_once() -> None:
    now = ms("2026-03-04T01:00")
    assert next_allowed(now, Wishes(BERLIN), 0, now + 1) == Send()
    assert next_allowed(now, Wishes(BERLIN), 0, now) == Suppress("expired")


def test_the_limit_that_has_room_at_night_is_waited_for_until_the_morning() -> None:
    evening, night, morning = ms("2026-03-04T19:00"), ms("2026-03-05T02:00"), ms("2026-03-05T07:00")
    wishes = Wishes(BERLIN, NIGHT)
    assert next_allowed(evening, wishes, night, morning + HOUR) == Hold(morning, "capped")
    assert next_allowed(evening, wishes, night, morning) == Suppress("quiet_hours")
    assert next_allowed(evening, wishes, night, night) == Suppress("capped")
    assert next_allowed(evening, wishes, NEVER, morning) == Suppress("capped")


def test_what_a_message_waits_for_first_is_said() -> None:
    night, morning, six = ms("2026-03-05T02:00"), ms("2026-03-05T07:00"), ms("2026-03-05T17:00")
    assert next_allowed(night, Wishes(BERLIN, NIGHT, 18), 0, six + 1) == Hold(six, "quiet_hours")
    assert next_allowed(morning, Wishes(BERLIN, NIGHT, 18), 0, six + 1) == Hold(six, "preferred_hour")
    assert next_allowed(morning, Wishes(BERLIN, NIGHT, 18), 0, six) == Suppress("preferred_hour")


def test_a_transactional_message_passes_quiet_and_preferred_hours_and_no_limit() -> None:
    night, wishes = ms("2026-03-05T02:00"), Wishes(BERLIN, NIGHT, 18)
    assert next_allowed(night, wishes, 0, night + HOUR, transactional=True) == Send()
    assert next_allowed(night, wishes, night + 1, night + HOUR, transactional=True) == Hold(night + 1, "capped")


def test_who_moves_is_woken_by_no_message_of_the_old_zone() -> None:
    evening = ms("2026-03-04T21:30")
    hold = next_allowed(evening, Wishes(BERLIN, NIGHT), 0, evening + 2 * DAY)
    assert hold == Hold(ms("2026-03-05T07:00"), "quiet_hours")
    # Asked again at that moment in another zone, the answer is of that zone.
    assert next_allowed(ms("2026-03-05T07:00"), Wishes("America/New_York", NIGHT), 0, evening + 2 * DAY) == Hold(
        ms("2026-03-05T13:00"), "quiet_hours"
    )
    assert next_allowed(evening, Wishes(SHANGHAI, NIGHT), 0, evening + 2 * DAY) == Hold(
        ms("2026-03-05T00:00"), "quiet_hours"
    )


def test_quiet_hours_end_when_the_clock_jumps_over_their_end() -> None:
    before_the_jump = ms("2026-03-29T00:30")
    assert next_allowed(before_the_jump, Wishes(BERLIN, (22, 2)), 0, before_the_jump + DAY) == Hold(
        ms("2026-03-29T01:00"), "quiet_hours"
    )


def test_a_preferred_hour_that_is_left_out_is_that_of_the_next_day() -> None:
    night = ms("2026-03-29T00:30")
    assert next_allowed(night, Wishes(BERLIN, None, 2), 0, night + 2 * DAY) == Hold(
        ms("2026-03-30T00:00"), "preferred_hour"
    )


def test_an_hour_that_comes_twice_is_quiet_both_times() -> None:
    first = ms("2026-10-25T00:10")
    assert next_allowed(first, Wishes(BERLIN, (2, 3)), 0, first + DAY) == Hold(ms("2026-10-25T02:00"), "quiet_hours")


def test_wishes_that_no_moment_meets_are_told_and_suppress_with_their_reason() -> None:
    now = ms("2026-03-04T12:00")
    quiet, within = Wishes(BERLIN, (0, 24)), Wishes(BERLIN, NIGHT, 23)
    assert [no.code for no in never_mistakes(quiet, "wishes")] == ["always_quiet"]
    assert [(no.code, no.field) for no in never_mistakes(within, "wishes")] == [("never_holds", "wishes.preferred")]
    assert not list(never_mistakes(Wishes(BERLIN, NIGHT, 21), "wishes"))
    assert next_allowed(now, quiet, 0, NEVER) == Suppress("quiet_hours")
    assert next_allowed(now, within, 0, NEVER) == Suppress("preferred_hour")
