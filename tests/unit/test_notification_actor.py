"""Facts become texts, or a reason why not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.calendar import DAY_MS
from actors.notification.actor import NotificationActor
from actors.notification.directory import Directory
from actors.notification.messages import Notify, NotifyRefused, Param
from actors.notification.recipient import Recipient
from actors.notification.templates import NAMES, TEXT_CHARS_MAX, TEXTS, NotRendered, Reader, Said, Templates
from supervision.domain import Event
from supervision.entry import Entry
from supervision.envelope import rfc3339
from supervision.outputs import Emit

FACT = {
    "points": 100,
    "balance": 250,
    "reason": "purchase_order",
    "order_id": "A",
    "expires_at": "2026-09-21T00:00:00Z",
}
ENVELOPE = {
    "event_type": "points_earned",
    "schema_version": 1,
    "user_id": "1",
    "at": "",
    "cause": "0.1.2",
    "later": [1],
}


def react(actor: NotificationActor, kind: str, **fields: Any) -> Emit:
    """The one output for a fact as it stands in the log, envelope and all."""
    raw = msgspec.json.encode({**ENVELOPE, **FACT, **fields})
    entry = Entry(0, 1, 1, 5, 1, kind, "user:1", raw)
    body = msgspec.json.decode(raw, type=actor.reacts_to[kind])
    [emit] = list(actor.react(Recipient(), Event(entry, body, 5, "user:1", shared=Directory())))
    assert isinstance(emit, Emit)
    return emit


def with_text(text: str) -> NotificationActor:
    return NotificationActor(Templates({"zh-Hans": dict.fromkeys(NAMES, text)}))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("points.earned", "您获得100积分"),
        ("points.spent", "您使用了100积分，剩余250积分"),
        ("points.expiring", "您有100积分将于2026-09-20到期，请尽快使用"),
        ("points.expired", "您有100积分已过期，剩余250积分"),
    ],
)
def test_each_fact_becomes_its_text_in_the_default_locale(kind: str, text: str) -> None:
    emit = react(NotificationActor(Templates()), kind, expires_on="2026-09-20")
    assert emit.kind == emit.route == "notify.sms"
    assert isinstance(emit.body, Notify)
    assert (emit.body.text, emit.body.locale) == (text, "zh-Hans")
    assert emit.body.template == kind.replace(".", "_")
    assert emit.body.params["points"] == 100


COUPON = {"code": "C-1", "template": "T1", "template_version": "v", "trigger_source": "gift"}


@pytest.mark.parametrize(
    ("kind", "locale", "days", "text"),
    [
        ("coupon.issued", "zh-Hans", 30.9, "您获得一张优惠券，券码C-1，30天内有效"),
        ("coupon.expiring", "zh-Hans", 0.99, "您的优惠券C-1将在1天内到期，请尽快使用"),
        ("coupon.issued", "en", 2, "You have a new coupon, C-1, valid for 2 days"),
        ("coupon.expiring", "en", 1, "Your coupon C-1 ends within 1 day"),
    ],
)
def test_a_coupon_that_is_new_or_about_to_end_becomes_a_text(kind: str, locale: str, days: float, text: str) -> None:
    until = rfc3339(5 + int(days * DAY_MS))
    emit = react(NotificationActor(Templates(locale=locale)), kind, **COUPON, valid_from="", valid_until=until)
    assert isinstance(emit.body, Notify)
    assert (emit.body.template, emit.body.text) == (kind.replace(".", "_"), text)
    assert emit.body.params == {"code": "C-1", "template": "T1", "valid_until": until, "days": max(1, int(days))}


def test_a_coupon_that_has_expired_is_no_news() -> None:
    assert not {"coupon.expired", "coupon.redeemed"} & set(NotificationActor.reacts_to)


def test_another_locale_is_a_matter_of_configuration() -> None:
    emit = react(NotificationActor(Templates(locale="en")), "points.earned")
    assert emit.body == Notify(
        "points_earned",
        "en",
        {"points": 100, "balance": 250, "reason": "purchase_order", "order_id": "A"},
        "You have earned 100 points",
    )


def test_a_missing_variable_refuses_to_send_and_says_which() -> None:
    emit = react(with_text("您好{{ nickname }}，您获得{{ points }}积分"), "points.earned")
    assert emit.kind == emit.route == "notify.refused"
    assert isinstance(emit.body, NotifyRefused)
    assert emit.body.code == "missing_variable"
    assert "nickname" in emit.body.detail


def test_a_fact_without_an_order_has_no_order_to_speak_of() -> None:
    emit = react(with_text("订单{{ order_id }}"), "points.earned", order_id=None)
    assert isinstance(emit.body, NotifyRefused)
    assert emit.body.code == "missing_variable"


def test_a_text_that_is_empty_or_too_long_is_not_sent() -> None:
    empty, long = react(with_text(" {# nothing #} "), "points.earned"), react(with_text("长" * 501), "points.earned")
    assert isinstance(empty.body, NotifyRefused)
    assert empty.body.code == "text_empty"
    assert isinstance(long.body, NotifyRefused)
    assert long.body.code == "text_too_long"
    assert str(TEXT_CHARS_MAX) in long.body.detail


def test_values_are_never_compiled() -> None:
    emit = react(with_text("{{ reason }}"), "points.earned", reason="{{ 7 * 7 }}")
    assert isinstance(emit.body, Notify)
    assert emit.body.text == "{{ 7 * 7 }}"


def test_a_template_that_draws_lots_is_none() -> None:
    with pytest.raises(ValueError, match=r"points_earned \(zh-Hans\) is no text: No filter named 'random'"):
        with_text("{{ points | random }}")


def test_a_locale_without_all_texts_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="locale fr lacks the templates points_earned"):
        Templates(locale="fr")


def test_a_locale_that_lacks_a_text_gets_the_default_one() -> None:
    templates = Templates({**TEXTS, "fr": {"points_spent": "{{ points }} points"}})

    def said(name: str, **params: Param) -> Said | NotRendered:
        return templates.render(Directory(), name, "sms", params, Reader("fr", "UTC"))

    assert said("points_spent", points=1, balance=2) == Said("1 points", "fr")
    assert said("points_earned", points=1, balance=2) == Said("您获得1积分", "zh-Hans")
    refused = said("points_earned")
    assert isinstance(refused, NotRendered) and refused.missing == ("points",)


def test_a_poisonous_entry_is_set_aside_alone() -> None:
    assert NotificationActor.parks == "entry"
