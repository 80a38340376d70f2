"""Campaigns that an operator has stopped: nobody enters, no step acts, and who is under way goes on after go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaign_user import SUBJECT, User, kinds

SMS = {"type": "send_notification", "channel": "sms", "template": "hello"}
GIFT = {"type": "emit", "effect": "gift"}
VIEW = {"type": "event", "event": "product_view"}
BOUGHT = {"type": "after_trigger", "event": "purchase_complete"}
WAIT = {"type": "wait", "seconds": 60}
SCOPES = ("all", "campaign:c")


def viewer(**fields: Any) -> User:
    """Ann, under a campaign that sends a message at once and a gift a minute later."""
    user = User()
    user.campaign("c", **{"trigger": VIEW, "steps": [SMS, WAIT, GIFT], "exit": BOUGHT, **fields})
    return user


@pytest.mark.parametrize("scope", SCOPES)
def test_nobody_enters_a_campaign_that_is_stopped_and_the_last_word_says_so(scope: str) -> None:
    user = viewer()
    user.stop(scope)
    assert user.does("product_view") == [] and user.last("c") == ("not_entered", "stopped")
    user.stop()
    assert "notify.requested" in kinds(user.does("product_view"))


def test_other_campaigns_and_channels_stop_nothing_of_this_one() -> None:
    user = viewer()
    user.stop("campaign:d", "channel:sms")
    assert "notify.requested" in kinds(user.does("product_view"))


@pytest.mark.parametrize("scope", SCOPES)
def test_who_is_under_way_waits_before_the_next_action_and_goes_on_there_after_go(scope: str) -> None:
    user = viewer()
    user.does("product_view")
    user.stop(scope)
    assert user.waits(600) == [] and user.timers == {}
    assert user.lines[-1].outcome == "held" and user.lines[-1].reason == "stopped" and user.lines[-1].step == "steps[2]"
    user.stop()
    assert kinds(user.waits(1)) == ["campaign.effect", "campaign.exited"]


def test_a_stop_of_the_channel_holds_calls_and_no_other_action() -> None:
    user = viewer(steps=[{"type": "webhook", "endpoint": "crm"}, GIFT])
    user.stop("channel:webhook")
    assert kinds(user.does("product_view")) == ["campaign.entered"]
    user.stop("all")
    assert user.waits(1) == [] and user.totals.held
    user.stop()
    assert kinds(user.waits(1)) == ["webhook.requested", "campaign.effect", "campaign.exited"]


def test_whom_the_word_of_go_does_not_reach_since_it_is_discarded_looks_a_moment_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = viewer()
    user.does("product_view")
    user.stop("all")
    user.waits(600)
    for stopped_again in (True, False):
        with monkeypatch.context() as operator:
            operator.setattr(user.actor, "react", user.actor.discarded)
            user.stop()
            assert user.waits(0) == []
        if stopped_again:
            user.stop("all")
            assert user.waits(1) == [] and user.totals.held and user.timers == {}
    assert kinds(user.waits(1)) == ["campaign.effect", "campaign.exited"]


def test_who_has_bought_while_it_was_stopped_gets_nothing_after_go() -> None:
    user = viewer()
    user.does("product_view")
    user.stop("campaign:c")
    user.waits(600)
    user.does("purchase_complete", order_id="o1")
    user.stop()
    assert kinds(user.waits(1)) == ["campaign.exited"] and user.outcomes("c")[-1] == "exited"


def test_who_is_held_by_two_stops_goes_on_when_both_are_lifted() -> None:
    user = viewer()
    user.does("product_view")
    user.stop("all", "campaign:c")
    user.waits(600)
    user.stop("campaign:c")
    assert user.waits(1) == [] and user.totals.held
    user.stop()
    assert "campaign.effect" in kinds(user.waits(1)) and not user.totals.held


def test_a_stop_that_comes_over_a_go_holds_those_who_were_not_yet_told() -> None:
    user = viewer()
    user.does("product_view")
    user.stop("all")
    user.waits(600)
    user.stop()
    user.stop("all")
    assert user.waits(1) == []
    user.stop()
    assert "campaign.effect" in kinds(user.waits(1))


def test_a_go_tells_nobody_where_nobody_waits() -> None:
    user = viewer()
    user.stop("all")
    user.stop()
    assert user.segment_timers == {}


def test_a_go_tells_all_users_page_by_page() -> None:
    user = viewer()
    user.others = [f"user:{n:04d}" for n in range(450)]
    user.does("product_view")
    user.stop("all")
    user.waits(600)
    user.stop()
    user.waits(1)
    assert sorted(user.told) == sorted([*user.others, SUBJECT])


@pytest.mark.parametrize(("status", "said"), [("paused", "campaign.effect"), ("archived", "campaign.exited")])
def test_who_was_held_goes_on_where_it_was_paused_meanwhile_and_is_through_where_it_was_archived(
    status: str, said: str
) -> None:
    user = viewer()
    made = user.campaign("c", trigger=VIEW, steps=[WAIT, GIFT])
    user.does("product_view")
    user.stop("campaign:c")
    user.waits(600)
    user.status("c", status, made)
    user.stop()
    assert kinds(user.waits(1))[0] == said


def test_an_answer_that_comes_while_it_is_stopped_is_followed_after_go() -> None:
    steps = [SMS | {"on_refused": [{"then": [GIFT]}]}]
    user = viewer(steps=steps)
    (asked,) = [emit for emit in user.does("product_view") if emit.kind == "notify.requested"]
    user.stop("campaign:c")
    refused = {"reference": asked.body.reference, "reason": "no_consent", "campaign_id": "c"}  # type: ignore[attr-defined]
    assert user.hears("message.suppressed", **refused) == []
    user.stop()
    assert "campaign.effect" in kinds(user.waits(1))


def test_news_of_stops_that_are_older_than_what_is_known_change_nothing() -> None:
    user = viewer()
    user.stop("all")
    user._numbers["stops"] = 0  # pyright: ignore[reportPrivateUsage]
    user.stop()
    assert user.does("product_view") == []


def test_a_go_that_is_discarded_leaves_nobody_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    user = viewer()
    user.does("product_view")
    user.stop("all")
    user.waits(600)
    user.stop()
    with monkeypatch.context() as operator:
        operator.setattr(user.actor, "react", user.actor.discarded)
        assert user.waits(1) == [] and "next" in user.timers
    assert kinds(user.waits(1)) == ["campaign.effect", "campaign.exited"]


def test_a_go_that_is_discarded_while_another_stop_holds_is_as_good_as_one_that_was_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = viewer()
    user.does("product_view")
    user.stop("all", "campaign:c")
    user.waits(600)
    user.stop("campaign:c")
    with monkeypatch.context() as operator:
        operator.setattr(user.actor, "react", user.actor.discarded)
        user.waits(1)
    assert user.waits(1) == [] and user.totals.held and user.timers == {}
    user.stop()
    assert kinds(user.waits(1)) == ["campaign.effect", "campaign.exited"]
