"""Weeks of a user as hypothesis draws them: near changes of clocks, with limits that are tight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.plain_campaigns import Campaign, Did, Send, Wait
from tests.plain_limits import USER, Clocks, Limit
from tests.plain_messages import Policy
from tests.weeks import Act, Agree, Ask, Away, Do, Earn, Move, Prefer, Story
from tests.zones import DAY, HOUR, ms

ZONES = (
    "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Shanghai", "Australia/Lord_Howe", "UTC",
    "America/St_Johns", "Pacific/Apia",
)  # fmt: skip
"""Clocks that do what clocks do; in one that is here none is ever changed, in another by half an hour."""
SEASONS = ("2026-03-05T00:00", "2026-09-24T00:00")
"""In the weeks after each of which clocks are changed in four of the zones or more."""
ODD_SEASONS = ("2011-12-18T00:00", "2010-10-28T00:00")
"""A day is left out in Apia, and in Saint John's midnight comes twice."""
STORY_MAX, REST = 42 * DAY, 14 * DAY
"""How long a story is told, and how long anybody may look beyond it."""
GAP_MAX, ACTS_MAX = DAY, 70
MINUTE, SECOND = 60_000, 1_000
CHANNELS, EVENTS, TAGS, CATEGORIES = ("sms", "email"), ("product_view", "sign_in"), ("tea", "cups"), ("", "news")

zones = st.sampled_from(ZONES)
channels = st.sampled_from(CHANNELS)
events = st.sampled_from(EVENTS)
_units = st.sampled_from(["day", "day", "week", "month", "quarter", "year"])
_lengths = st.sampled_from(["1s", "45m", "90m", "6h", "24h", "36h", "3d", "7d", "720h"])
_days = st.sampled_from(["1 days", "2 days", "7 days", "30 days"])
_any = _units | _lengths | _days | st.just("ever")
_several_days = st.sampled_from(["7 days", "30 days", "week", "month", "ever"])
_counts = st.integers(1, 5)


def _limits(scopes: Any, pers: Any, of: Any, most: int) -> st.SearchStrategy[tuple[Limit, ...]]:
    return st.lists(st.builds(Limit, scopes, _counts, pers, of), max_size=most).map(tuple)


_of_messages = st.sampled_from(["all", "channel:sms", "channel:email"])
policies = st.builds(
    Policy,
    zones,
    st.none()
    | st.just((22, 8))
    | st.tuples(st.integers(0, 23), st.integers(0, 24)).filter(lambda one: one[0] != one[1] % 24),
    _limits(_of_messages, _units | _lengths, st.just(USER), 3),
    st.sampled_from([(), (), (), ("email",)]),
    st.booleans(),
    st.sampled_from([43_200, 172_800, 259_200]),
)
valid_s = st.sampled_from([86_400, 4 * 3_600, 12 * 3_600, 3 * 86_400, 5 * 86_400, 1])
asks = st.builds(
    Ask, channels, st.none() | valid_s, st.integers(0, 3), st.sampled_from([False, False, False, True]),
    st.sampled_from(CATEGORIES), _limits(_of_messages, _any, zones | st.just(USER), 2),
)  # fmt: skip
sends = st.builds(Send, channels, valid_s, st.booleans(), st.sampled_from(["", "", *CHANNELS]))
waits = st.builds(Wait, st.sampled_from([60, 3_600, 40_000, 200_000]), st.sampled_from(["", "02:30", "09:00", "00:00"]))


def _did(zone: str, days: bool, pers: st.SearchStrategy[str]) -> st.SearchStrategy[Did]:
    window = st.builds(Limit, st.just(""), st.just(1), pers, st.just(zone))
    return st.builds(Did, events, st.integers(1, 4), window, st.just(days))


@st.composite
def campaigns(draw: Any) -> tuple[Campaign, ...]:
    return tuple(draw(_campaign(f"C{number}")) for number in range(draw(st.integers(0, 3))))


@st.composite
def _campaign(draw: Any, id: str) -> Campaign:
    steps = draw(st.sampled_from(["s", "s", "s", "ws", "sw", "sws"]))
    laid = tuple(draw(sends if step == "s" else waits) for step in steps)
    zone = draw(zones)
    tags = tuple(draw(st.lists(st.sampled_from(TAGS), unique=True)))
    by = sorted(
        {channel for step in laid if isinstance(step, Send) for channel in (step.channel, step.instead) if channel}
    )
    scopes = ["campaign", "campaign", "all", *(f"tag:{tag}" for tag in tags), *(f"channel:{one}" for one in by)]
    limits = draw(_limits(st.sampled_from(scopes), _any, st.just(zone), 3))
    when = draw(st.none() | _did(zone, False, _units | _lengths | _days) | _did(zone, True, _several_days))
    return Campaign(id, draw(events), laid, zone, limits, tags, draw(st.integers(0, 3)), when)


acts = st.one_of(
    asks, asks, asks, st.just(Earn()), st.builds(Do, events), st.builds(Do, events), st.builds(Do, events),
    st.builds(Move, zones), st.builds(Prefer, st.none() | st.integers(0, 23)),
    st.builds(Agree, channels, st.sampled_from(CATEGORIES), st.sampled_from([True, True, False])),
    st.builds(Away, st.sampled_from([60, 7_200, 100_000])),
)  # fmt: skip
gaps = st.one_of(
    st.sampled_from([0, 0, 1, SECOND, MINUTE, HOUR]),
    st.integers(0, 240).map(lambda minutes: minutes * MINUTE),
    st.integers(0, GAP_MAX // MINUTE).map(lambda minutes: minutes * MINUTE),
    st.integers(0, GAP_MAX),
)  # fmt: skip


@st.composite
def stories(draw: Any, seasons: tuple[str, ...] = SEASONS) -> Story:
    begin = ms(draw(st.sampled_from(seasons))) + draw(st.integers(0, 2 * DAY // HOUR)) * HOUR
    told = draw(st.lists(st.tuples(gaps, acts), min_size=20, max_size=ACTS_MAX))
    return Story(begin, draw(policies), draw(campaigns()), tuple(_in_time(told)))


def _in_time(told: list[tuple[int, Act]]) -> Iterator[tuple[int, Act]]:
    passed = 0
    for after, act in told:
        passed += after + (act.seconds * SECOND if isinstance(act, Away) else 0)
        if passed > STORY_MAX:
            return
        yield after, act


def clocks(story: Story) -> Clocks:
    season = max(begin for begin in map(ms, (*SEASONS, *ODD_SEASONS)) if begin <= story.begin)
    return Clocks(season, season + 2 * DAY + STORY_MAX + REST)
