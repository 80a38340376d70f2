"""What of a client's claims cannot be so: flagged and never refused, and never said of who is honest."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.behaviour.behaviour import Behaviour
from actors.behaviour.plausible import SESSION_IDLE_MS, SLACK_MS, VIEW_MS_MAX, Session, judge
from supervision.domain import OCCURRED_AFTER_MS_MAX, OCCURRED_BEFORE_MS_MAX
from tests.behaviour_world import START_MS

NOW = START_MS
S = 1_000


def view(ms: int | None = None, session: str = "s", scroll: float | None = None) -> Behaviour:
    return Behaviour("product_view", "CNY", session, view_ms=ms, scroll=scroll)


def flags(behaviour: Behaviour, said_at: int = 0, session: Session | None = None) -> tuple[str, ...]:
    return judge(session or Session(), behaviour, said_at, NOW).flags


@pytest.mark.parametrize(
    ("said_at", "flagged"),
    [
        (0, ()),
        (NOW, ()),
        (NOW + OCCURRED_AFTER_MS_MAX, ()),
        (NOW + OCCURRED_AFTER_MS_MAX + 1, ("future",)),
        (NOW - OCCURRED_BEFORE_MS_MAX, ()),
        (NOW - OCCURRED_BEFORE_MS_MAX - 1, ("late",)),
        (-(10**13), ("late",)),
    ],
)
def test_a_time_that_cannot_be_is_flagged_as_what_it_is(said_at: int, flagged: tuple[str, ...]) -> None:
    assert flags(view(), said_at) == flagged


@pytest.mark.parametrize(
    ("ms", "flagged"),
    [(0, ()), (VIEW_MS_MAX, ()), (VIEW_MS_MAX + 1, ("too_long_view",)), (-1, ("view_out_of_range",))],
)
def test_a_view_of_a_length_that_none_has_is_flagged(ms: int, flagged: tuple[str, ...]) -> None:
    assert flags(view(ms)) == flagged


@pytest.mark.parametrize(("scroll", "flagged"), [(0.0, False), (1.0, False), (1.01, True), (-0.1, True), (80.0, True)])
def test_a_depth_outside_of_the_page_is_flagged(scroll: float, flagged: bool) -> None:
    assert flags(view(scroll=scroll)) == (("scroll_out_of_range",) if flagged else ())


def test_the_first_view_of_a_session_is_believed_and_the_next_held_against_the_time_between() -> None:
    first = judge(Session(), view(45 * S), 0, NOW)
    assert first == (type(first)(Session("s", NOW - 45 * S, NOW), ()))
    assert judge(first.session, view(55 * S), 0, NOW + 10 * S).flags == ()
    assert judge(first.session, view(55 * S + SLACK_MS), 0, NOW + 10 * S).flags == ()
    assert judge(first.session, view(55 * S + SLACK_MS + 1), 0, NOW + 10 * S).flags == ("longer_than_session",)


def test_another_session_has_a_beginning_of_its_own() -> None:
    session = judge(Session(), view(), 0, NOW).session
    assert judge(session, view(600 * S, "other"), 0, NOW + S) == judge(Session(), view(600 * S, "other"), 0, NOW + S)


def test_what_names_no_session_goes_on_until_nothing_comes_for_a_while() -> None:
    session = judge(Session(), view(session=""), 0, NOW).session
    soon, later = NOW + SESSION_IDLE_MS, NOW + SESSION_IDLE_MS + 1
    assert judge(session, view(session=""), 0, soon).session == Session("", NOW, soon)
    assert judge(session, view(session=""), 0, later).session == Session("", later, later)


def test_what_was_gathered_offline_is_judged_by_its_own_clock() -> None:
    session = Session()
    for minute in range(1, 11):
        judged = judge(session, view(60 * S), NOW - (11 - minute) * 60 * S, NOW)
        assert judged.flags == ()
        session = judged.session
    assert session == Session("s", NOW - 11 * 60 * S, NOW - 60 * S)


def test_a_time_that_cannot_be_begins_no_session() -> None:
    assert judge(Session(), view(5 * S), NOW + 10**9, NOW).session == Session("s", NOW - 5 * S, NOW)


def test_what_comes_late_from_before_all_else_shows_that_the_session_began_earlier() -> None:
    session = Session("s", NOW, NOW + 60 * S)
    judged = judge(session, view(30 * S), NOW - S, NOW + 60 * S)
    assert judged.session == Session("s", NOW - 31 * S, NOW + 60 * S) and judged.flags == ()


VIEWS = st.lists(st.tuples(st.integers(0, 600 * S), st.integers(0, 600 * S)), min_size=1, max_size=8)
"""(how long nothing was looked at, how long the next page was)."""


@given(VIEWS, st.data())
def test_who_looks_at_one_page_after_the_other_is_never_flagged_in_whatever_order_it_comes(
    views: list[tuple[int, int]], data: st.DataObject
) -> None:
    ends = [NOW + passed for passed in accumulate(idle + seen for idle, seen in views)]
    told = data.draw(st.permutations([(end, seen) for end, (_, seen) in zip(ends, views, strict=True)]))
    session, at = Session(), ends[-1]
    for end, seen in told:
        judged = judge(session, view(seen), end, at)
        assert judged.flags == ()
        assert NOW <= judged.session.began_at <= judged.session.last_at <= at
        session = judged.session


@given(VIEWS, st.integers(1, 10**6))
def test_who_claims_more_than_the_time_that_has_passed_is_flagged(views: list[tuple[int, int]], more: int) -> None:
    at = NOW
    session = judge(Session(), view(), 0, at).session
    for idle, seen in views:
        at += idle + seen
        session = judge(session, view(seen), 0, at).session
    claimed = at - NOW + SLACK_MS + more
    if at > NOW:
        assert "longer_than_session" in judge(session, view(claimed), 0, at).flags
