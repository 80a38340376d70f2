"""Limits that another one never lets be reached are named, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from actors.campaign.limits import dead, limits_of
from tests.campaign_world import typed, words


def idle(*limits: Any, **more: Any) -> list[tuple[str, str]]:
    campaign = typed(words(limits=limits, **more))
    return [(limit.place, other.place) for limit, other in dead(limits_of(campaign), campaign.tags)]


def test_the_seeds_three_limits_are_one() -> None:
    found = idle({"count": 3, "window": {"days": 1}}, {"count": 1}, {"count": 1, "window": {"seconds": 86_400}})
    assert found == [("limits[0]", "limits[1]"), ("limits[2]", "limits[1]")]


def test_a_cool_down_of_a_day_makes_three_a_day_idle_but_not_one() -> None:
    cool_down = {"count": 1, "window": {"seconds": 86_400}}
    assert idle({"count": 3, "window": {"days": 1}}, cool_down) == [("limits[0]", "limits[1]")]
    # On a day of 25 hours a cool-down of 24 lets two pass.
    assert idle({"count": 1, "window": {"days": 1}}, cool_down) == []


@pytest.mark.parametrize(
    ("window", "count", "other", "other_count", "is_idle"),
    [
        ({"calendar": "day"}, 2, {"calendar": "month"}, 2, True),
        ({"calendar": "week"}, 2, {"calendar": "month"}, 2, False),
        ({"calendar": "week"}, 4, {"calendar": "month"}, 2, True),
        ({"calendar": "month"}, 31, {"calendar": "day"}, 1, True),
        ({"calendar": "month"}, 30, {"calendar": "day"}, 1, False),
        ({"calendar": "quarter"}, 9, {"calendar": "year"}, 9, True),
        ({"days": 7}, 7, {"days": 1}, 1, True),
        ({"days": 7}, 6, {"days": 1}, 1, False),
        ({"days": 8}, 2, {"days": 7}, 1, True),
        ({"seconds": 3_600}, 2, {"seconds": 7_200}, 2, True),
        ({"seconds": 7_201}, 2, {"seconds": 3_600}, 1, False),
        ({"seconds": 3_600}, 2, {"days": 1}, 1, True),
        ({}, 100, {"days": 1}, 1, False),
    ],
)
def test_a_limit_is_idle_when_another_lets_no_more_pass(
    window: Any, count: int, other: Any, other_count: int, is_idle: bool
) -> None:
    found = idle({"count": count, "window": window}, {"count": other_count, "window": other})
    assert (("limits[0]", "limits[1]") in found) is is_idle


def test_of_two_alike_the_later_is_idle() -> None:
    assert idle({"count": 2}, {"count": 2}) == [("limits[1]", "limits[0]")]


def test_only_a_limit_on_at_least_the_same_makes_another_idle() -> None:
    sms, everything, tag = ({"count": 1, "scope": scope} for scope in ("channel:sms", "all", "tag:tea"))
    assert idle({"count": 2}, everything, sms) == [("limits[2]", "limits[1]")]
    assert idle({"count": 2}, tag, tags=["tea"]) == [("limits[0]", "limits[1]")]
    assert idle({"count": 2, "scope": "tag:tea"}, {"count": 1}, tags=["tea"]) == []
