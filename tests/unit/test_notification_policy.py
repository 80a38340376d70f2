"""What an operator writes on a line of the settings, and what it means."""

from __future__ import annotations

import re

import pytest

from actors.calendar import DAY_MS, HOUR_MS
from actors.notification.messages import CHANNELS
from actors.notification.policy import CONSENT, LIMITS, QUIET, Policy, ScopeLimit, in_zone, parse
from actors.windows.window_spec import Calendar, Rolling


def read(consent: str = "allow", quiet: str = "", limits: str = "") -> Policy:
    for pattern, text in ((CONSENT, consent), (QUIET, quiet), (LIMITS, limits)):
        assert re.search(pattern, text), text
    return parse("UTC", consent, quiet, limits)


def test_where_nothing_is_written_all_goes() -> None:
    assert read() == Policy() and read().lets_all_go
    assert read("sms=allow").lets_all_go


def test_limits_are_rolling_or_of_the_users_calendar() -> None:
    assert read(limits="all 3 per day; channel:sms 366 per 24h;channel:in_app 1 per 2d").limits == (
        ScopeLimit("all", Calendar("day", "user"), 3),
        ScopeLimit("channel:sms", Rolling(24 * HOUR_MS), 366),
        ScopeLimit("channel:in_app", Rolling(2 * DAY_MS), 1),
    )


def test_the_users_calendar_is_that_of_his_zone_and_no_other_is_changed() -> None:
    limits = (ScopeLimit("all", Calendar("day", "user"), 3), ScopeLimit("all", Calendar("day", "UTC"), 3))
    assert in_zone([*limits, ScopeLimit("all", Rolling(5_000), 1)], "Asia/Shanghai") == [
        ScopeLimit("all", Calendar("day", "Asia/Shanghai"), 3), limits[1], ScopeLimit("all", Rolling(5_000), 1),
    ]  # fmt: skip


def test_consent_may_be_wanted_for_all_channels_or_for_some() -> None:
    assert read("deny").consent == dict.fromkeys(CHANNELS, "deny")
    assert read("sms=deny, email=allow").consent == {"sms": "deny"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (LIMITS, "all 0 per day"), (LIMITS, "all 367 per day"), (LIMITS, "channel:fax 1 per day"),
        (LIMITS, "all 1 per hour"), (LIMITS, "all 1 per day;"), (LIMITS, "all 1 per 0h"), (CONSENT, ""),
        (CONSENT, "fax=deny"), (CONSENT, "deny, sms=allow"), (QUIET, "24-8"), (QUIET, "22-25"), (QUIET, "22"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_not_taken(pattern: str, text: str) -> None:
    assert not re.search(pattern, text)


@pytest.mark.parametrize("quiet", ["8-8", "0-24"])
def test_hours_that_leave_none_are_refused(quiet: str) -> None:
    with pytest.raises(ValueError, match=f"less than the whole day, not {quiet}"):
        read(quiet=quiet)
