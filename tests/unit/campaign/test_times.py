"""Campaigns that a clock starts: for everybody at once, page by page, and for each user at a time of his own."""

from __future__ import annotations

from typing import Any

import pytest

from actors.campaign.knowledge import FACTS_MAX
from actors.everyone import USERS
from actors.fields import rfc3339_ms
from supervision.envelope import rfc3339
from tests.campaign_user import SUBJECT, User, kinds

SMS = {"type": "send_notification", "channel": "sms", "template": "hello"}
HOUR, DAY = 3_600, 86_400
AT_TEN: dict[str, Any] = {
    "trigger": {"type": "schedule", "cron": "0 10 * * *"}, "zone": "Asia/Shanghai", "steps": [SMS]
}  # fmt: skip


def now(ann: User) -> str:
    return rfc3339(ann.at)


def test_at_ten_everybody_is_told_once_a_day() -> None:
    ann = User()  # it is 22:13 in Shanghai
    ann.does("sign_in")
    ann.campaign("FLASH", **AT_TEN)
    assert ann.waits(11 * HOUR) == []
    assert kinds(ann.waits(HOUR)) == ["campaign.entered", "notify.requested", "campaign.exited"]
    assert ann.lines[0].at == "2026-09-22T02:00:00.000Z"
    assert len(ann.waits(2 * DAY)) == 6


def test_many_users_are_told_page_by_page_and_each_once() -> None:
    ann = User()
    ann.others = [f"user:{n:04d}" for n in range(2 * USERS + 10)] + ["user:zoe"]
    ann.campaign("FLASH", **AT_TEN)
    ann.waits(12 * HOUR)
    assert ann.told == sorted([*ann.others, SUBJECT])


def test_a_campaign_that_is_paused_over_its_hour_tells_nobody_of_it_afterwards() -> None:
    ann = User()
    made = ann.campaign("FLASH", **AT_TEN)
    ann.status("FLASH", "paused", made)
    ann.waits(DAY)
    ann.status("FLASH", "active", made)
    assert ann.waits(HOUR) == [] and ann.told == []
    assert len(ann.waits(11 * HOUR)) == 3


def test_what_was_missed_is_caught_up_with_once_or_skipped() -> None:
    for catch_up, told in (("once", 1), ("skip", 0)):
        ann = User()
        ann.campaign("FLASH", **{**AT_TEN, "trigger": {**AT_TEN["trigger"], "catch_up": catch_up}})
        ann.at += 60 * HOUR * 1_000  # nobody was there for two and a half days
        ann.waits(1)
        assert len(ann.told) == told
        ann.waits(DAY)
        assert len(ann.told) == told + 1


def test_an_occurrence_that_is_due_when_its_campaign_is_edited_is_carried_out_by_the_new_version() -> None:
    ann = User()
    ann.campaign("FLASH", **AT_TEN)
    ann.at += 60 * HOUR * 1_000  # it was due meanwhile, and the edit comes before its firing
    edited = ann.campaign("FLASH", **{**AT_TEN, "steps": [{**SMS, "template": "newer"}]})
    assert kinds(ann.waits(1))[0] == "campaign.entered" and ann.lines[0].version == edited.version
    ann.at += 60 * HOUR * 1_000
    ann.campaign("FLASH", **{**AT_TEN, "zone": "Europe/Berlin"})
    assert ann.waits(1) == []


def test_a_birthday_is_told_of_in_the_morning_also_to_who_was_known_before_the_campaign() -> None:
    campaign: dict[str, Any] = {"trigger": {"type": "birthday", "at": "09:00"}, "zone": "UTC", "steps": [SMS]}
    for before in (True, False):
        ann = User()
        if before:
            ann.has(birthday="1990-09-23")
        ann.campaign("BIRTHDAY", **campaign)
        if not before:
            ann.has(birthday="1990-09-23")
        assert ann.waits(DAY) == []
        assert kinds(ann.waits(DAY))[0] == "campaign.entered"
        assert ann.lines[0].at == "2026-09-23T09:00:00.000Z"
        assert ann.waits(364 * DAY) == [] and kinds(ann.waits(2 * DAY))[0] == "campaign.entered"


def test_a_birthday_whose_firing_is_late_is_not_lost_when_something_else_is_heard_first() -> None:
    for late in ("profile", "version"):
        ann = User()
        campaign: dict[str, Any] = {"trigger": {"type": "birthday"}, "zone": "UTC", "steps": [SMS]}
        ann.campaign("BIRTHDAY", **campaign)
        ann.has(birthday="1990-09-22")
        ann.at += DAY * 1_000  # 22 September, in the afternoon, and nothing has fired yet
        if late == "profile":
            assert ann.has(shoe=43) == []
        else:
            ann.campaign("BIRTHDAY", **campaign, priority=1)
        assert kinds(ann.waits(1))[0] == "campaign.entered" and now(ann) < "2026-09-23"
        assert ann.waits(364 * DAY) == [] and kinds(ann.waits(DAY))[0] == "campaign.entered"


def test_seven_days_before_a_membership_ends_its_holder_hears_of_it() -> None:
    ann = User()
    trigger = {"type": "before", "what": "membership_end", "days": 7, "at": "10:00"}
    ann.campaign("RENEW", trigger=trigger, steps=[SMS])
    ann.has(membership_end="2026-10-10T12:00:00Z")
    ann.waits(30 * DAY)
    assert ann.lines[0].at == "2026-10-03T10:00:00.000Z" and ann.outcomes().count("entered") == 1


def test_a_memberships_end_is_known_however_much_else_is_in_the_profile() -> None:
    ann = User()
    trigger = {"type": "before", "what": "membership_end", "days": 7}
    ann.campaign("RENEW", trigger=trigger, steps=[SMS])
    ann.has(**{f"fact{n}": n for n in range(FACTS_MAX)})
    ann.has(membership_end="2026-10-10T12:00:00Z")
    assert ann.waits(30 * DAY)


@pytest.mark.parametrize("end", ["2026-10-10", "2026-02-30", "0001-01-01", "9999-12-31", "10 October", 20261010])
def test_a_membership_may_end_with_a_day_of_the_campaigns_zone(end: Any) -> None:
    ann = User()
    trigger = {"type": "before", "what": "membership_end", "days": 7, "at": "23:30"}
    ann.campaign("RENEW", trigger=trigger, zone="Asia/Shanghai", steps=[SMS])
    ann.has(membership_end=end)
    ann.waits(30 * DAY)
    assert [line.at for line in ann.lines][:1] == ["2026-10-03T15:30:00.000Z"] * (end == "2026-10-10")


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "3000-01-01T00:00:00Z"])
def test_what_ends_at_the_edge_of_time_ends_never(end: str) -> None:
    ann = User()
    for what in ("membership_end", "coupon_end"):
        trigger = {"type": "before", "what": what, "days": 366, "at": "23:30"}
        ann.campaign(what, trigger=trigger, zone="Asia/Shanghai", steps=[SMS])
    ann.has(membership_end=end)
    ann.hears("coupon.issued", template="T", valid_until=end)
    assert ann.waits(DAY) == [] and ann.member.dues == {}


def test_of_several_coupons_each_end_is_told_of() -> None:
    ann = User()
    trigger = {"type": "before", "what": "coupon_end", "days": 1, "at": "10:00"}
    ann.campaign("USE_IT", trigger=trigger, steps=[SMS])
    for day in (1, 5):
        ann.hears("coupon.issued", template="T", valid_until=f"2026-10-0{day}T16:00:00Z")
    ann.waits(30 * DAY)
    assert [line.at for line in ann.lines if line.outcome == "entered"] == [
        "2026-09-30T10:00:00.000Z", "2026-10-04T10:00:00.000Z"
    ]  # fmt: skip


def test_of_several_ends_each_is_told_of_also_when_the_firings_are_late() -> None:
    ann = User()
    trigger = {"type": "before", "what": "coupon_end", "days": 1, "at": "10:00"}
    ann.campaign("USE_IT", trigger=trigger, steps=[SMS])
    for day in (10, 11, 13):
        ann.hears("coupon.issued", template="T", valid_until=f"2026-10-{day}T16:00:00Z")
    ann.at += 20 * DAY * 1_000  # 11 October: nobody was there since before the first
    ann.waits(1)
    assert ann.outcomes().count("entered") == 2
    ann.waits(DAY)
    assert ann.outcomes().count("entered") == 3


@pytest.mark.parametrize("days", [10, 60])
def test_who_is_missed_when_the_campaign_is_edited_is_missed_for_as_long_as_the_new_version_says(days: int) -> None:
    ann = User()
    trigger = {"type": "absent_for", "days": 30, "at": "10:00"}
    ann.campaign("COME_BACK", trigger=trigger, steps=[SMS])
    ann.does("purchase_complete", order_id="A-1", order_value=1)
    ann.waits(DAY)
    ann.campaign("COME_BACK", trigger={**trigger, "days": days}, steps=[SMS])
    assert ann.waits((days - 2) * DAY) == []
    assert kinds(ann.waits(DAY))[0] == "campaign.entered" and ann.waits(60 * DAY) == []


def test_a_campaign_whose_trigger_is_another_by_then_is_not_started_by_a_moment_of_the_old_one() -> None:
    ann = User()
    ann.campaign("COME_BACK", trigger={"type": "absent_for", "days": 30, "at": "10:00"}, steps=[SMS])
    ann.waits(60)
    ann.does("purchase_complete", order_id="A-1", order_value=1)
    ann.campaign("COME_BACK", trigger={"type": "event", "event": "favorite"}, steps=[SMS])
    assert ann.member.dues and ann.waits(40 * DAY) == [] and not ann.member.dues


@pytest.mark.parametrize("moved", ["tier.upgraded", "tier.dropped"])
def test_an_end_of_a_level_that_was_left_is_not_told_of(moved: str) -> None:
    ann = User()
    trigger = {"type": "before", "what": "tier_end", "days": 7, "at": "10:00"}
    ann.campaign("KEEP_IT", trigger=trigger, steps=[SMS])
    ann.hears("tier.will_drop", level="gold", next_level="silver", drop_at="2026-10-20T00:00:00Z")
    assert ann.member.dues
    ann.hears(moved, level="platinum", before="gold")
    assert ann.waits(60 * DAY) == []


def test_who_has_not_bought_for_long_is_asked_back_and_every_purchase_begins_the_time_anew() -> None:
    ann = User()
    ann.campaign("COME_BACK", trigger={"type": "absent_for", "days": 30, "at": "10:00"}, steps=[SMS])
    ann.does("purchase_complete", order_id="A-1", order_value=1)
    ann.waits(20 * DAY)
    ann.does("purchase_complete", order_id="A-2", order_value=1)
    assert ann.waits(29 * DAY) == []
    assert kinds(ann.waits(2 * DAY))[0] == "campaign.entered"
    assert rfc3339_ms(ann.lines[0].at) == rfc3339_ms("2026-11-10T10:00:00Z"), now(ann)


def test_who_buys_while_the_campaign_that_would_ask_him_back_is_paused_has_not_been_away() -> None:
    ann = User()
    made = ann.campaign("COME_BACK", trigger={"type": "absent_for", "days": 30, "at": "10:00"}, steps=[SMS])
    ann.does("purchase_complete", order_id="A-1", order_value=1)
    ann.waits(10 * DAY)
    ann.status("COME_BACK", "paused", made)
    ann.waits(10 * DAY)
    ann.does("purchase_complete", order_id="A-2", order_value=1)
    ann.status("COME_BACK", "active", made)
    assert ann.waits(29 * DAY) == []
    assert kinds(ann.waits(2 * DAY))[0] == "campaign.entered"


def test_a_firing_that_is_discarded_comes_again_and_nothing_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = User()
    left = {"type": "no_action", "event": "add_to_cart", "seconds": HOUR}
    ann.campaign("LATER", trigger={"type": "event", "event": "sign_in"}, steps=[{"type": "wait", "seconds": HOUR}, SMS])
    ann.campaign("LEFT", trigger=left, steps=[SMS])
    ann.does("sign_in")
    ann.does("add_to_cart", product_id="p1")
    with monkeypatch.context() as operator:
        operator.setattr(ann.actor, "react", ann.actor.discarded)
        assert ann.waits(HOUR) == []
    assert kinds(ann.waits(1)).count("notify.requested") == 2 and ann.timers == {}


def test_what_a_segment_is_told_is_carried_out_also_when_it_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = User()
    ann.does("sign_in")
    with monkeypatch.context() as operator:
        operator.setattr(ann.actor, "react", ann.actor.discarded)
        ann.campaign("FLASH", **AT_TEN)
        ann.waits(12 * HOUR)
        assert ann.told == [SUBJECT] and ann.lines == []  # the page was sent, what she was told is forgotten
    assert kinds(ann.waits(DAY)) == ["campaign.entered", "notify.requested", "campaign.exited"]
