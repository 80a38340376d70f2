"""Calendar days: when points expire, and when their owner hears of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actors.points.programme import LOTS_MAX_MAX, VALID_DAYS_MAX, Programme
from actors.registry import domains
from actors.routes import effect_route


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize("earned", ["2025-09-20T00:00:00", "2025-09-20T14:30:00", "2025-09-20T23:59:59.999"])
def test_whatever_is_earned_in_one_day_expires_at_the_end_of_the_same_day(earned: str) -> None:
    programme = Programme()
    assert programme.expiry(ms(earned)) == ms("2026-09-21T00:00:00")
    assert programme.expires_on(programme.expiry(ms(earned))) == "2026-09-20"


def test_a_leap_year_is_counted_in_days() -> None:
    assert Programme().expiry(ms("2027-09-20T12:00:00")) == ms("2028-09-20T00:00:00")


def test_the_day_ends_where_the_programme_lives() -> None:
    shanghai = Programme(zone="Asia/Shanghai")
    late = ms("2025-09-20T23:30:00", "Asia/Shanghai")
    assert shanghai.expiry(late) == ms("2026-09-21T00:00:00", "Asia/Shanghai")
    assert shanghai.expires_on(shanghai.expiry(late)) == "2026-09-20"


def test_where_clocks_jump_at_midnight_the_day_ends_at_the_first_instant_of_the_next() -> None:
    # In Beirut 2022-03-27 began at 01:00; in Havana 2022-11-06 had its first hour twice.
    assert Programme(10, 0, zone="Asia/Beirut").expiry(ms("2022-03-16T12:00:00")) == ms("2022-03-26T22:00:00")
    assert Programme(10, 0, zone="America/Havana").expiry(ms("2022-10-26T12:00:00")) == ms("2022-11-06T04:00:00")


def test_a_reminder_comes_in_the_morning_so_many_days_before_the_last() -> None:
    programme = Programme(zone="Asia/Shanghai")
    expires = ms("2026-09-21T00:00:00", "Asia/Shanghai")
    assert programme.reminder(expires) == ms("2026-09-13T10:00:00", "Asia/Shanghai")
    assert Programme(points_reminder_days=0).reminder(expires) == 0


def test_a_reminder_is_never_due_when_the_points_are_earned() -> None:
    for valid in (2, 7, 365):
        programme = Programme(points_valid_days=valid, points_reminder_days=valid - 1)
        at = ms("2025-09-20T23:59:59")
        assert programme.reminder(programme.expiry(at)) > at


def test_the_memo_of_one_day_does_not_serve_another() -> None:
    programme = Programme()
    days = [ms("2025-09-20T12:00:00") + day * 86_400_000 for day in (0, 1, 0, -1, 400)]
    assert [programme.expiry(at) for at in days] == [Programme().expiry(at) for at in days]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"points_valid_days": 0}, f"points_valid_days must be from 1 to {VALID_DAYS_MAX}, not 0"),
        ({"points_valid_days": 36_501}, f"points_valid_days must be from 1 to {VALID_DAYS_MAX}, not 36501"),
        ({"points_reminder_days": 365}, "points_reminder_days must be from 0 to 364, not 365"),
        ({"lots_max": 1}, f"lots_max must be from 2 to {LOTS_MAX_MAX}, not 1"),
        ({"zone": "Asia/Atlantis"}, "zone must be .* not 'Asia/Atlantis'"),
        ({"zone": "../etc/passwd"}, "zone must be"),
        ({"zone": ""}, "zone must be"),
    ],
)
def test_a_programme_that_makes_no_sense_is_refused_with_the_settings_name(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Programme(**settings)


def test_the_registry_lists_each_domain_once() -> None:
    assert [domain.name for domain in domains(Programme(), 16)] == ["points", "notification", "profile", "programmes"]


def test_a_reason_becomes_one_safe_word_of_the_routing_key() -> None:
    assert effect_route("points.earned", "purchase_order") == "points.earned.purchase_order"
    assert effect_route("points.earned", "下单.a#*b c") == "points.earned.___a__b_c"
    assert effect_route("points.refused", "x" * 128) == "points.refused." + "x" * 64
