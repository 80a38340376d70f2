"""Limits, windows, quiet and preferred hours over weeks in which clocks are changed and a user moves: the actors of
campaigns and of messages, against lists that are gone through from their beginning for each question.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from tests.any_story import ODD_SEASONS, SEASONS, clocks, stories
from tests.plain_limits import Clocks, Limit
from tests.plain_messages import HELD_MAX, PlainMessages, Policy
from tests.weeks import Act, Ask, Expected, Story, Told, tell
from tests.zones import ms

USUAL, MANY = 150, 10_000
KINDS = {
    "entered", "capped", "sent", "held capped", "held quiet_hours", "held preferred_hour", "suppressed capped",
    "suppressed quiet_hours", "suppressed preferred_hour", "suppressed no_consent",
}  # fmt: skip


def compared(story: Story) -> Counter[str]:
    """Raises AssertionError unless actors and lists tell the same; how often what was said."""
    shown = clocks(story)
    told, expected = Told(story, shown), Expected(story, shown)
    tell(story, told)
    tell(story, expected)
    assert sorted(told.said) == sorted(expected.said)
    exceeds_no_limit(told, expected.messages, shown)
    return Counter(f"{what} {why.partition(' ')[0]}" if what in ("held", "suppressed") else what
                   for _, what, _, why in told.said)  # fmt: skip


def exceeds_no_limit(told: Told, messages: PlainMessages, shown: Clocks) -> None:
    """Whatever was expected: of nothing that went out was there too much in any window at its moment."""
    counted = [(at, messages.asked[name], zone) for at, name, zone in told.sent if messages.asked[name].counted]
    for number, (at, message, zone) in enumerate(counted):
        for limit in messages.limits(message):
            before = [when for when, other, _ in counted[:number] if limit.scope in ("all", f"channel:{other.channel}")]
            assert shown.room(limit, zone, before, at), (limit, message)


def test_whatever_happens_in_weeks_each_message_goes_at_the_first_moment_that_satisfies_all_at_once() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=USUAL, derandomize=True, database=None)
    @given(stories())
    def told_alike(story: Story) -> None:
        seen.update(compared(story))

    told_alike()
    assert seen.keys() >= KINDS, seen


@pytest.mark.long
@pytest.mark.parametrize("season", [*SEASONS, *ODD_SEASONS])
def test_whatever_happens_in_weeks_each_message_goes_at_that_moment_in_many_stories(season: str) -> None:
    @settings(max_examples=MANY // len((*SEASONS, *ODD_SEASONS)))
    @given(stories((season,)))
    def told_alike(story: Story) -> None:
        compared(story)

    told_alike()


def test_of_too_many_that_wait_over_the_night_when_clocks_are_changed_the_least_important_go() -> None:
    policy = Policy("Europe/Berlin", (22, 8), (Limit("all", 9, "day"), Limit("channel:sms", 2, "6h")))
    asks: list[tuple[int, Act]] = [
        (60_000, Ask("sms" if n % 2 else "email", 86_400, priority=n % 3)) for n in range(HELD_MAX + 9)
    ]
    seen = compared(Story(ms("2026-03-28T22:00"), policy, (), tuple(asks)))
    assert seen["suppressed held_full"] == 9 and seen["sent"] == 9
