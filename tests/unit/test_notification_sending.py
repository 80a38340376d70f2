"""Who hears what, and when: consent, limits, quiet and preferred hours, and what is said to whoever asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from actors.behaviour.messages import SEEN
from actors.notification import outbox
from actors.notification.actor import REQUESTED, NotificationActor
from actors.notification.consent import CATEGORIES_MAX
from actors.notification.directory import Directory
from actors.notification.door import CONSENT
from actors.notification.held import HELD_MAX
from actors.notification.messages import (
    CHANNELS,
    KEPT_MAX,
    BoughtSince,
    Channel,
    ConsentChange,
    MessageLimit,
    Notify,
    SendNotification,
    Unless,
)
from actors.notification.policy import Policy, ScopeLimit
from actors.notification.recipient import Recipient
from actors.notification.templates import TEXTS, Templates
from actors.points.effects import PointsEarned
from actors.profile.messages import UPDATE
from actors.windows.window_spec import Calendar, Ever, Rolling, WindowSpec
from supervision.domain import Event, TimerDue
from supervision.entry import Entry
from supervision.envelope import rfc3339
from supervision.outputs import Arm, Cancel, Emit, Record
from tests.zones import DAY, HOUR, ms

NOON = ms("2026-03-04T12:00")
QUIET = Policy(quiet=(22, 8))
TEXT = {"zh-Hans": {**TEXTS["zh-Hans"], "hello": "hello {{ n }}"}}


def day(count: int, scope: str = "all") -> ScopeLimit:
    return ScopeLimit(scope, Calendar("day", "user"), count)


class User:
    """What is said to one and of him, each entry at the next offset; his state is read anew from its bytes each time.
    The timer fires when he is asked to `sleep` until it is due.
    """

    def __init__(self, policy: Policy | None = None, at: int = NOON) -> None:
        self.actor = NotificationActor(Templates(TEXT), policy=policy)
        self.state, self.at, self.offset = Recipient(), at, 0
        self.timer = 0
        self.records: list[Any] = []

    def asks(self, n: int = 0, template: str = "hello", channel: Channel = "sms", **fields: Any) -> list[str]:
        asked = SendNotification(template, channel, {"n": n}, reference=f"r{n}", **fields)
        return self.hears(REQUESTED, msgspec.json.decode(msgspec.json.encode(asked), type=SendNotification))

    def earns(self) -> list[str]:
        return self.hears("points.earned", PointsEarned(1, 1, "gift", None, None, None))

    def agrees(
        self, consent: Any, channel: Channel = "sms", category: str | None = None, occurred_at: int = 0
    ) -> list[str]:
        return self.hears(CONSENT, ConsentChange("consent_changed", "1", channel, consent, category), occurred_at)

    def profile(self, **changes: Any) -> list[str]:
        body = {"event_type": "user_profile_update", "user_id": "1", "profile_changes": changes}
        return self.hears(UPDATE, msgspec.json.decode(msgspec.json.encode(body), type=self.actor.reacts_to[UPDATE]))

    def buys(self) -> None:
        raw = msgspec.json.encode({"user_id": "1", "behavior_type": "purchase_complete", "order_id": "A"})
        assert self.hears(SEEN, msgspec.Raw(raw), raw=raw) == []

    def sleeps(self, until: str) -> list[str]:
        """Up to that time of the day after NOON's; what is said meanwhile."""
        heard: list[str] = []
        end = ms(until)
        while 0 < self.timer <= end:
            self.at, due = self.timer, self.timer
            self.timer = 0
            heard += self.hears("timer.notification", TimerDue("held", 1, due, 0))
        self.at = end
        return heard

    def hears(self, kind: str, body: Any, occurred_at: int = 0, raw: bytes = b"") -> list[str]:
        """`kind detail` of each effect."""
        self.offset += 1
        entry = Entry(0, 1, self.offset, self.at, 0, kind, "user:1", raw)
        entry = msgspec.structs.replace(entry, occurred_at=occurred_at)
        event = Event(entry, body, self.at, "user:1", shared=Directory())
        self.outputs: Sequence[Any] = list(self.actor.react(self.state, event))
        self.actor.check(self.state)
        self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=Recipient)
        for output in self.outputs:
            match output:
                case Arm(due=due):
                    self.timer = due
                case Cancel():
                    self.timer = 0
                case Record(body=record):
                    self.records.append(record)
                case _:
                    assert isinstance(output, Emit) and output.route == output.kind
        return [_said(output) for output in self.outputs if isinstance(output, Emit)]


def _said(emit: Emit) -> str:
    body: Any = emit.body
    match emit.kind:
        case "message.sent":
            return f"sent {body.reference}"
        case "message.held":
            return f"held {body.reference} {body.reason} {body.until[5:16]}"
        case "message.suppressed":
            return f"suppressed {body.reference} {body.reason}"
        case "notify.refused":
            return f"refused {body.reference} {body.code}"
        case _:
            return f"{emit.kind} {body.text}" if isinstance(body, Notify) else emit.kind


SENT = ["notify.sms hello 0", "sent r0"]


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_is_asked_for_goes_out_on_its_channel_and_who_asked_is_told(channel: Channel) -> None:
    user = User()
    assert user.asks(channel=channel, category="news", campaign_id="C", campaign_version="v3") == [
        f"notify.{channel} hello 0", "sent r0",
    ]  # fmt: skip
    bodies: list[Any] = [output.body for output in user.outputs if isinstance(output, Emit)]
    for said in (*bodies, *user.records):
        assert (said.category, said.reference, said.campaign_id, said.campaign_version) == (
            "news",
            "r0",
            "C",
            "v3",
        )
    [record] = user.records
    assert (record.message, record.entry, record.at) == ("sent", "0.1.1", rfc3339(NOON))


def test_a_text_of_a_fact_goes_out_at_once_where_nothing_is_configured_and_leaves_no_state() -> None:
    user = User()
    assert user.earns() == ["notify.sms 您获得1积分"]
    assert user.state == Recipient() and user.records == []


def test_a_text_of_a_fact_is_not_counted_where_nothing_is_configured_also_when_something_waits() -> None:
    user, once = User(), (MessageLimit("all", Rolling(HOUR), 1),)
    user.asks(1)
    assert user.asks(2, limits=once) == ["held r2 capped 03-04T13:00"]
    user.at += HOUR // 2
    assert user.earns() == ["notify.sms 您获得1积分", "sent "]
    assert user.sleeps("2026-03-04T13:00") == ["notify.sms hello 2", "sent r2"]


def test_a_long_text_says_how_many_sms_it_takes_and_only_an_sms_does() -> None:
    user = User()
    user.actor = NotificationActor(Templates({"zh-Hans": {**TEXTS["zh-Hans"], "hello": "长" * 71}}))
    user.asks()
    assert user.outputs[0].body.segments == 2
    user.asks(channel="email")
    assert user.outputs[0].body.segments == 1 and b"segments" not in msgspec.json.encode(user.outputs[0].body)


def test_who_has_withdrawn_his_consent_hears_nothing_on_that_channel_until_he_grants_it() -> None:
    user = User()
    assert user.agrees("withdrawn") == []
    assert user.asks() == ["suppressed r0 no_consent"]
    assert user.asks(channel="email") == ["notify.email hello 0", "sent r0"]
    assert user.earns() == ["suppressed  no_consent"]
    user.agrees("granted", category="points")
    assert user.earns() == ["notify.sms 您获得1积分"], "and of that category alone"
    assert user.asks(category="offers") == ["suppressed r0 no_consent"]
    user.agrees("granted")
    assert user.asks() == SENT
    assert [record.message for record in user.records] == [
        "suppressed", "sent", "suppressed", "suppressed", "sent",
    ]  # fmt: skip


def test_what_was_said_later_holds_in_whatever_order_it_comes() -> None:
    user = User()
    user.agrees("granted", occurred_at=NOON - 1)
    user.agrees("withdrawn", occurred_at=NOON - 2)
    assert user.asks() == SENT


def test_without_consent_nobody_hears_on_a_channel_that_wants_it() -> None:
    user = User(Policy(consent={"sms": "deny"}))
    assert user.asks() == ["suppressed r0 no_consent"]
    assert user.earns() == ["suppressed  no_consent"]
    user.agrees("granted")
    assert user.asks() == SENT


def test_a_permission_that_is_not_remembered_is_refused() -> None:
    user = User()
    for n in range(CATEGORIES_MAX):
        assert user.agrees("granted", category=f"c{n}") == []
    assert user.agrees("granted", category="one more") == ["consent.refused"]
    assert user.agrees("withdrawn", category="one more") == []
    assert user.asks() == ["suppressed r0 no_consent"], "it counts for the whole channel"


def test_a_full_limit_holds_a_message_until_it_has_room() -> None:
    user = User(Policy(limits=(day(1),)))
    assert user.asks() == SENT
    assert user.asks(1) == ["held r1 capped 03-05T00:00"]
    assert user.sleeps("2026-03-04T23:59") == []
    assert user.sleeps("2026-03-05T00:00") == ["notify.sms hello 1", "sent r1"]
    assert user.timer == 0 and user.state.queue.held == []
    assert [record.message for record in user.records] == ["sent", "held", "sent"]


def test_a_text_of_a_fact_is_limited_held_and_counted_like_any_other() -> None:
    user = User(Policy(limits=(day(1),)))
    assert user.earns() == ["notify.sms 您获得1积分", "sent "]
    assert user.earns() == ["held  capped 03-05T00:00"]
    assert user.asks() == ["held r0 capped 03-05T00:00"]
    assert user.sleeps("2026-03-06T00:00") == ["notify.sms 您获得1积分", "sent ", *SENT]


def test_a_limit_of_one_channel_is_not_asked_of_another() -> None:
    user = User(Policy(limits=(day(1, "channel:sms"),)))
    assert user.asks() == SENT
    assert user.asks(channel="email") == ["notify.email hello 0", "sent r0"]
    assert user.asks()[0].startswith("held")


def test_a_message_brings_limits_of_its_own_which_count_what_others_were_sent_too() -> None:
    user = User()
    limits = (MessageLimit("all", Rolling(2 * HOUR), 3), MessageLimit("channel:sms", Rolling(HOUR), 2))
    assert user.asks(1) == ["notify.sms hello 1", "sent r1"]
    assert user.asks(2, limits=limits) == ["notify.sms hello 2", "sent r2"]
    assert user.asks(3, limits=limits) == ["held r3 capped 03-04T13:00"]
    assert user.asks(4) == ["notify.sms hello 4", "sent r4"], "it has none"
    user.asks(5, limits=(MessageLimit("all", Rolling(HOUR), 1),))
    assert user.asks(6, channel="email", limits=limits) == ["held r6 capped 03-04T14:00"]


def test_a_small_limit_makes_none_of_a_larger_one_forget() -> None:
    user, day_long = User(), Rolling(DAY)
    for n in range(KEPT_MAX):
        user.asks(n, limits=(MessageLimit("all", Rolling(1_000), 1),))
        user.at += 1_000
    assert user.asks(limits=(MessageLimit("all", day_long, KEPT_MAX),))[0].startswith("held r0 capped 03-05")
    assert [len(times) for times in user.state.slots.times.values()] == [KEPT_MAX, KEPT_MAX]


def test_a_day_is_the_users() -> None:
    user = User(Policy(zone="UTC", limits=(day(1),)), ms("2026-03-04T15:59"))
    user.profile(zone="Asia/Shanghai")
    assert user.asks() == SENT
    assert user.asks(1) == ["held r1 capped 03-04T16:00"]
    assert user.sleeps("2026-03-04T16:00") == ["notify.sms hello 1", "sent r1"]


def test_in_quiet_hours_a_message_waits_and_a_transactional_one_does_not() -> None:
    user = User(QUIET, ms("2026-03-04T23:00"))
    assert user.asks(1) == ["held r1 quiet_hours 03-05T08:00"]
    assert user.asks(transactional=True) == SENT
    assert user.sleeps("2026-03-05T08:00") == ["notify.sms hello 1", "sent r1"]


def test_limits_and_quiet_hours_are_satisfied_at_once() -> None:
    user = User(Policy(quiet=(22, 8), limits=(ScopeLimit("all", Rolling(12 * HOUR), 1),)))
    assert user.asks() == SENT
    assert user.asks(1) == ["held r1 capped 03-05T08:00"]


def test_a_user_who_moves_has_other_quiet_hours_from_now_on() -> None:
    user = User(QUIET, ms("2026-03-04T23:00"))
    assert user.asks() == ["held r0 quiet_hours 03-05T08:00"]
    assert user.profile(zone="Asia/Shanghai") == [], "where it is seven in the morning"
    assert user.timer == ms("2026-03-05T00:00")
    assert user.profile(zone="America/New_York") == SENT
    assert user.timer == 0


def test_a_preferred_hour_is_waited_for_where_the_shop_says_so_unless_it_is_quiet_or_none() -> None:
    for policy, hour, says in (
        (Policy(preferred_hours=True), 18, "held r0 preferred_hour 03-04T18:00"),
        (Policy(), 18, SENT[0]),
        (Policy(preferred_hours=True, quiet=(17, 20)), 18, SENT[0]),
        (Policy(preferred_hours=True), "evening", SENT[0]),
        (Policy(preferred_hours=True), 24, SENT[0]),
        (Policy(preferred_hours=True), True, SENT[0]),
    ):
        user = User(policy)
        user.profile(preferred_hour=hour)
        assert user.asks()[0] == says, (policy, hour)
    user = User(Policy(preferred_hours=True))
    user.profile(preferred_hour=18)
    user.profile(preferred_hour=None)
    assert user.asks() == SENT
    assert user.profile(shoe_size=42) == []


def test_a_message_that_cannot_go_while_it_is_worth_something_is_suppressed_at_once() -> None:
    user = User(QUIET, ms("2026-03-04T23:00"))
    assert user.asks(valid_for_s=9 * 3600) == ["suppressed r0 quiet_hours"]
    assert user.asks(valid_for_s=9 * 3600 + 1) == ["held r0 quiet_hours 03-05T08:00"]
    user = User(Policy(limits=(day(1),), valid_for_s=3600))
    user.asks()
    assert user.asks(1) == ["suppressed r1 capped"]


def test_a_limit_that_never_has_room_again_suppresses_however_long_a_message_could_wait() -> None:
    user = User()
    limits = (MessageLimit("all", Ever(), 1),)
    assert user.asks(limits=limits) == SENT
    assert user.asks(1, limits=limits, valid_for_s=10**15) == ["suppressed r1 capped"]


def test_an_answer_is_no_deeper_than_what_it_answers() -> None:
    user = User(Policy(limits=(day(1),)))
    tries: list[dict[str, Any]] = [{}, {}, {"valid_for_s": 1}, {"template": "nothing"}]
    for fields in tries:
        user.asks(**fields)
        answers = [output for output in user.outputs if isinstance(output, Emit) and output.kind != "notify.sms"]
        assert [answer.same_depth for answer in answers] == [True]


def test_a_held_message_whose_time_comes_too_late_has_expired() -> None:
    user = User(QUIET, ms("2026-03-04T23:00"))
    user.asks(valid_for_s=10 * 3600)
    user.timer, user.at = 0, ms("2026-03-05T09:00")
    assert user.hears("timer.notification", TimerDue("held", 1, ms("2026-03-05T08:00"), HOUR)) == [
        "suppressed r0 expired"
    ]
    assert user.state.wake_at == 0


def test_what_waits_is_judged_anew_when_its_time_comes() -> None:
    unless = Unless(BoughtSince(0))
    user = User(QUIET, ms("2026-03-04T23:00"))
    user.asks(1, unless=unless)
    user.asks(2, category="offers")
    user.asks(3)
    user.buys()
    assert user.agrees("withdrawn", category="offers") == ["suppressed r1 bought", "suppressed r2 no_consent"]
    assert user.sleeps("2026-03-05T08:00") == ["notify.sms hello 3", "sent r3"]


def test_a_purchase_ends_what_waits_at_its_time_at_the_latest() -> None:
    user = User(QUIET, ms("2026-03-04T23:00"))
    user.asks(1, unless=Unless(BoughtSince(0)))
    user.buys()
    assert user.sleeps("2026-03-05T08:00") == ["suppressed r1 bought"]
    assert user.timer == 0


def test_the_most_important_of_those_that_wait_goes_first_also_before_who_comes_then() -> None:
    user = User(Policy(limits=(ScopeLimit("all", Rolling(HOUR), 1),)))
    user.asks()
    assert user.asks(1)[0].startswith("held") and user.asks(2, priority=5)[0].startswith("held")
    user.at, user.timer = NOON + HOUR, 0
    assert user.asks(3) == ["notify.sms hello 2", "sent r2", "held r3 capped 03-04T14:00"]
    assert user.sleeps("2026-03-04T15:00") == ["notify.sms hello 1", "sent r1", "notify.sms hello 3", "sent r3"]


def test_a_message_that_can_have_no_text_is_refused_at_once_and_uses_no_slot() -> None:
    user = User(Policy(limits=(day(1),)))
    assert user.asks(template="nothing") == ["refused r0 unknown_template"]
    assert user.asks() == SENT
    assert user.asks(template="nothing") == ["refused r0 unknown_template"], "it does not wait for that"
    assert [record.reason for record in user.records] == ["unknown_template", "", "unknown_template"]


def test_when_too_many_wait_the_least_important_is_dropped_with_a_reason() -> None:
    user = User(QUIET, ms("2026-03-04T23:00"))
    for n in range(HELD_MAX):
        assert user.asks(n, priority=1)[0].startswith(f"held r{n} ")
    assert user.asks(77) == ["suppressed r77 held_full"]
    assert user.asks(78, priority=2)[1:] == [f"suppressed r{HELD_MAX - 1} held_full"]
    heard = user.sleeps("2026-03-05T08:00")
    assert len(user.outputs) <= 3 * HELD_MAX + 1, "within what one reaction may say"
    assert heard[1] == "sent r78" and len(heard) == 2 * HELD_MAX


@pytest.mark.parametrize("window", [Rolling(DAY), Calendar("day", "user")])
def test_a_firing_that_is_set_aside_does_not_keep_what_waits_for_ever(window: WindowSpec) -> None:
    user = User(Policy(limits=(ScopeLimit("all", window, 1),)))
    user.asks()
    user.asks(1)
    user.timer, user.at = 0, user.timer
    assert user.asks(2)[:2] == ["notify.sms hello 1", "sent r1"]
    assert user.timer > user.at


def test_a_firing_that_is_forgotten_leaves_nobody_waiting_who_hears_nothing_else() -> None:
    user = User(QUIET, ms("2026-03-04T23:00"))
    assert user.asks(1) == ["held r1 quiet_hours 03-05T08:00"]
    firing = Event(Entry(0, 1, 2, user.timer, 0, "timer.notification", "user:1", b""), None, user.timer, "user:1")
    body = TimerDue("held", 1, user.timer, 0)
    forgotten = msgspec.structs.replace(firing, body=body, shared=user.actor.fresh_shared())
    outputs = list(user.actor.discarded(user.state, forgotten))
    user.actor.check(user.state)
    assert [output.kind for output in outputs if isinstance(output, Emit)] == ["notify.sms", "message.sent"]


def test_who_judges_asks_all_limits_of_a_scope_and_reserves_what_it_was_granted() -> None:
    user = User(Policy(limits=(day(1),)))
    asked = SendNotification("hello", "sms", {})
    outbox.count(user.state, Policy(limits=(day(1),)), asked, NOON)
    with pytest.raises(AssertionError, match="sent beyond"):
        outbox.count(user.state, Policy(limits=(day(1),)), asked, NOON)
