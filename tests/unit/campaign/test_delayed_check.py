"""The original's delayed checks: the live cart decides, a purchase ends them, each is told of."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.campaign.delayed_check import CHECK, DELAYED_CHECK, MARK, SNAPSHOT_BYTES_MAX, CheckLater
from actors.campaign.desk import TURN_MS
from actors.campaign.seed_form import ACTIONS_MAX
from actors.campaign.state import CHECKS_MAX
from actors.commands import Command, Refusal
from actors.notification.messages import SendNotification, said_again
from actors.registry import COMMANDS
from supervision.envelope import rfc3339
from supervision.outputs import Emit
from tests.campaign_user import START, User, kinds
from topology.wire import Door, MadeUp

REMIND: dict[str, Any] = {"type": "send_notification", "template": "cart_remind_sms"}
COUPON: dict[str, Any] = {"type": "issue_coupon", "template": "cart_save_10", "delay": 1_800}
HOUR_S = 3_600
WAIT = {"type": "wait", "seconds": 60}


def message(**fields: Any) -> dict[str, Any]:
    return {
        "trigger_id": "CART_ABANDON_001", "user_id": "ann",
        "cart_snapshot": {"items": ["p1"], "total_value": 299.00}, "check_time": rfc3339(START + HOUR_S * 1_000),
        "actions_if_match": [REMIND, COUPON],
    } | fields  # fmt: skip


def asks(user: User, **fields: Any) -> list[Emit]:
    raw = msgspec.json.encode(message(**fields))
    assert isinstance(DELAYED_CHECK.spec.decode(raw, {}), Command)
    return user._react(CHECK, msgspec.json.decode(raw, type=CheckLater), raw)  # pyright: ignore[reportPrivateUsage]


def reasons(user: User) -> list[tuple[str, Any]]:
    return [(line.outcome, line.reason) for line in user.lines]


def test_the_originals_message_is_known_by_its_check_time_and_is_about_its_user() -> None:
    taken = Door(COMMANDS, 16).decode(msgspec.json.encode(message()), "shop", "m-1", MadeUp("x"))
    assert not isinstance(taken, Refusal)
    assert (taken.draft.kind, taken.draft.subject) == (CHECK, "user:ann")
    assert [spec.event_type for spec in COMMANDS.values() if spec.mark == MARK] == ["delayed_check"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"check_time": "soon"}, ("not_rfc3339", "check_time")),
        ({"user_id": ""}, ("empty", "user_id")),
        ({"actions_if_match": []}, ("out_of_range", "actions_if_match")),
        ({"actions_if_match": [REMIND] * (ACTIONS_MAX + 1)}, ("out_of_range", "actions_if_match")),
        ({"actions_if_match": [{"type": "issue_coupon"}]}, ("missing", "actions_if_match[0].template")),
        ({"actions_if_match": [{"type": "call"}]}, ("unknown_value", "actions_if_match[0].type")),
        ({"cart_snapshot": "x" * SNAPSHOT_BYTES_MAX}, ("too_large", "cart_snapshot")),
    ],
)
def test_what_is_wrong_is_refused_at_the_door_with_its_place(wrong: dict[str, Any], why: tuple[str, str]) -> None:
    refused = DELAYED_CHECK.spec.decode(msgspec.json.encode(message(**wrong)), {})
    assert isinstance(refused, Refusal) and (refused.code, refused.field) == why


def test_a_cart_that_is_still_there_gets_the_actions_each_at_its_time() -> None:
    user = User()
    user.cart(29_900, "p1")
    assert asks(user) == [] and user.waits(HOUR_S - 1) == []
    (reminder,) = user.waits(1)
    assert isinstance(reminder.body, SendNotification) and reminder.body.unless.bought is not None
    assert user.waits(1_799) == [] and kinds(user.waits(1)) == ["coupon.issue"]
    assert [line.outcome for line in user.lines] == ["waits", "acted", "acted", "finished"]
    assert user.lines[0].snapshot == msgspec.Raw(b'{"items":["p1"],"total_value":299.0}'), "kept for audit"


def test_the_live_cart_decides_and_not_the_snapshot() -> None:
    user = User()
    asks(user)
    assert user.waits(2 * HOUR_S) == []
    assert reasons(user)[1:] == [("exited", "cart_empty")]
    user = User()
    user.cart(29_900, "p1")
    asks(user, cart_snapshot={"items": [], "total_value": 0})
    assert kinds(user.waits(2 * HOUR_S)) == ["notify.requested", "coupon.issue"]


@pytest.mark.parametrize(("after_s", "acted"), [(60, 0), (HOUR_S + 60, 1)])
def test_who_buys_meanwhile_gets_no_more_and_the_reason_is_told(after_s: int, acted: int) -> None:
    user = User()
    user.cart(29_900, "p1")
    asks(user)
    user.waits(after_s)
    user.does("purchase_complete", order_id="o-1", order_value=299)
    user.waits(2 * HOUR_S)
    assert len(user.emits) == acted and reasons(user)[-1] == ("exited", "bought")


def test_the_same_trigger_again_is_a_duplicate_and_another_moment_waits_until_the_first_is_over() -> None:
    user = User()
    user.cart(29_900, "p1")
    asks(user)
    asks(user)
    later = rfc3339(START + 3 * HOUR_S * 1_000)
    asks(user, check_time=later)
    assert reasons(user)[1:] == [("refused", "one_waits_already")]
    assert len(user.waits(2 * HOUR_S)) == 2
    assert asks(user) == [] and len(user.lines) == 5, "known when it is over, too"
    asks(user, check_time=later)
    assert len(user.waits(2 * HOUR_S)) == 2


def test_a_moment_that_is_past_is_now_and_one_too_far_is_none() -> None:
    user = User()
    user.cart(29_900, "p1")
    asks(user, check_time="2020-01-01T00:00:00Z")
    assert kinds(user.waits(0)) == ["notify.requested"]
    user = User()
    asks(user, check_time="2099-01-01T00:00:00Z")
    assert reasons(user) == [("refused", "too_far")] and user.member.checks == {}


def test_so_many_checks_wait_for_a_user_and_those_that_are_over_make_room() -> None:
    user = User()
    for n in range(CHECKS_MAX + 1):
        asks(user, trigger_id=f"T{n}")
    assert reasons(user)[-1] == ("refused", "too_many_checks") and len(user.member.checks) == CHECKS_MAX
    user.waits(2 * HOUR_S)
    asks(user, trigger_id="T99", check_time=rfc3339(user.at + 1_000))
    assert user.lines[-1].outcome == "waits" and len(user.member.checks) == CHECKS_MAX


@pytest.mark.parametrize("scope", ["all", "campaign:CART_ABANDON_001"])
@pytest.mark.parametrize("bought", [False, True])
def test_a_check_that_is_stopped_waits_for_go_and_then_looks_at_the_cart(scope: str, bought: bool) -> None:
    user = User()
    user.cart(29_900, "p1")
    asks(user)
    user.stop(scope)
    assert user.waits(2 * HOUR_S) == [] and user.timers == {} and reasons(user)[-1] == ("held", "stopped")
    if bought:
        user.does("purchase_complete", order_id="o1")
    user.stop()
    assert kinds(user.waits(1)) == ([] if bought else ["notify.requested"])
    assert not bought or reasons(user)[-1] == ("exited", "bought")


def test_a_firing_that_is_discarded_comes_again_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    user = User()
    user.cart(29_900, "p1")
    asks(user)
    with monkeypatch.context() as operator:
        operator.setattr(user.actor, "react", user.actor.discarded)
        assert user.waits(HOUR_S) == []
    assert user.timers["next"][0] == user.at + TURN_MS
    assert kinds(user.waits(1)) == ["notify.requested"]


def test_a_go_that_is_discarded_leaves_no_check_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    user = User()
    user.cart(29_900, "p1")
    asks(user)
    user.stop("all")
    user.waits(2 * HOUR_S)
    user.stop()
    with monkeypatch.context() as operator:
        operator.setattr(user.actor, "react", user.actor.discarded)
        user.waits(0)
    assert kinds(user.waits(1)) == ["notify.requested"]
    assert user.waits(1_799) == [] and kinds(user.waits(1)) == ["coupon.issue"]


def test_messages_of_a_check_are_not_counted_as_those_of_the_campaign_of_its_name() -> None:
    user = User()
    user.campaign("CART_ABANDON_001", trigger={"type": "event", "event": "sign_in"}, steps=[WAIT])
    user.cart(29_900, "p1")
    asks(user)
    (reminder,) = user.waits(HOUR_S)
    assert isinstance(reminder.body, SendNotification)
    user.hears("message.sent", template="t", channel="sms", **said_again(reminder.body))
    assert user.totals.campaigns == {}
