"""Messages that an operator has stopped: held as long as they are worth it, whoever asked, and sent after go."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.notification.actor import REQUESTED, NotificationActor
from actors.notification.held import HELD_MAX
from actors.notification.messages import Channel, SendNotification
from actors.notification.recipient import Recipient
from actors.notification.stopped import GO_ON, GoOn
from actors.notification.templates import TEXTS, Templates
from actors.points.effects import PointsEarned
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from actors.stops.stops import PROGRAMME, Stopped, Stops
from actors.stops.switches import Switches
from supervision.domain import Event, TimerDue
from supervision.entry import Entry, segment_subject
from supervision.outputs import Arm, Cancel, Emit, Output

SUBJECT, SEGMENT = "user:1", segment_subject(0)
START = 1_790_000_000_000
TEXT = {"zh-Hans": {**TEXTS["zh-Hans"], "hello": "hello"}}
SENT = ["notify.sms", "message.sent"]


class Shop:
    """One user, his segment and its timers. Whoever is told to go on with him is `others`."""

    def __init__(self) -> None:
        self.actor = NotificationActor(Templates(TEXT))
        self.state, self.segment, self.waiting = Recipient(), self.actor.fresh_shared(), self.actor.fresh_companion("")
        self.at, self.offset, self.number, self.timer = START, 0, 0, 0
        self.others: list[str] = []
        self.told: list[str] = []
        self.discards: str = ""
        """Entries of this kind are forgotten by an operator."""
        self.bodies: list[Any] = []

    def stop(self, *scopes: str) -> list[str]:
        """These are stopped, and nothing else any more; what is said in consequence."""
        self.number += 1
        made = Stops(tuple(Stopped(scope, "key:1", "", self.at) for scope in scopes))
        return self._tell(ACTIVATED, ProgrammeActivated(PROGRAMME, self.number, made.version, made.canonical.decode()))

    def asks(self, channel: Channel = "sms", **fields: Any) -> list[str]:
        return self.hears(REQUESTED, SendNotification("hello", channel, {}, **fields))

    def earns(self) -> list[str]:
        return self.hears("points.earned", PointsEarned(1, 1, "gift", None, None, None))

    def waits(self, seconds: int) -> list[str]:
        said: list[str] = []
        end = self.at + seconds * 1_000
        while 0 < self.timer <= end:
            self.at, self.timer = self.timer, 0
            said += self.hears("timer.notification", TimerDue("held", 1, self.at, 0))
        self.at = end
        return said

    def hears(self, kind: str, body: Any) -> list[str]:
        event = self._event(kind, body, SUBJECT, shared=self.segment)
        outputs = self._react(self.state, event)
        for output in outputs:
            match output:
                case Arm(due=due):
                    self.timer = due
                case Cancel():
                    self.timer = 0
                case _:
                    pass
        self.actor.check(self.state)
        emits = [output for output in outputs if isinstance(output, Emit)]
        self.bodies += [emit.body for emit in emits]
        return [emit.kind for emit in emits]

    def _tell(self, kind: str, body: Any) -> list[str]:
        """Tell the segment, then page after page whom it tells."""
        said: list[str] = []
        event = self._event(kind, body, SEGMENT)
        if asked := self.actor.page(event):
            after, limit = asked
            page = [one for one in sorted([SUBJECT, *self.others]) if one > after][:limit]
            event = msgspec.structs.replace(event, page=page)
        for output in self._react(self.segment, event):
            match output:
                case Emit(kind=kind, subject=subject):
                    assert kind == GO_ON
                    self.told.append(subject or "")
                    said += self.hears(GO_ON, GoOn()) if subject == SUBJECT else []
                case Arm(key=key, body=after, lane="bulk"):
                    said += self._tell("timer.notification", TimerDue(key, 1, self.at, 0, body=after))
                case _:
                    raise TypeError(f"a segment does not yield {output}")
        return said

    def _event(self, kind: str, body: Any, subject: str, **more: Any) -> Event:
        self.offset += 1
        return Event(Entry(0, 1, self.offset, self.at, 0, kind, subject, b""), body, self.at, subject, **more)

    def _react(self, state: Any, event: Event) -> list[Output]:
        beside = self.actor.companion(state, event)
        self.accompanied = bool(beside)
        react = self.actor.discarded if event.entry.kind == self.discards else self.actor.react
        return list(react(state, msgspec.structs.replace(event, companion=self.waiting if beside else None)))


@pytest.mark.parametrize("scope", ["all", "channel:sms", "campaign:c"])
@pytest.mark.parametrize("transactional", [False, True])
def test_what_is_stopped_is_held_and_goes_out_after_go_transactional_or_not(scope: str, transactional: bool) -> None:
    shop = Shop()
    shop.stop(scope)
    assert shop.asks(campaign_id="c", transactional=transactional) == ["message.held"]
    assert shop.bodies[-1].reason == "stopped"
    assert shop.waits(60) == []
    assert shop.stop() == SENT and shop.timer == 0


def test_only_what_the_scope_names_is_held() -> None:
    shop = Shop()
    shop.stop("channel:email", "campaign:c")
    assert shop.asks() == SENT and shop.asks(campaign_id="d") == SENT and shop.earns() == ["notify.sms"]
    assert shop.asks("email") == ["message.held"]


def test_a_text_of_a_fact_is_held_too() -> None:
    shop = Shop()
    shop.stop("channel:sms")
    assert shop.earns() == ["message.held"]
    assert shop.stop() == SENT


def test_what_is_worth_nothing_any_more_before_go_is_suppressed_because_it_was_stopped() -> None:
    shop = Shop()
    shop.stop("all")
    shop.asks(valid_for_s=600)
    assert shop.waits(600) == ["message.suppressed"] and shop.bodies[-1].reason == "stopped"
    assert shop.stop() == []


def test_of_more_than_wait_for_a_user_the_last_are_suppressed() -> None:
    shop = Shop()
    shop.stop("all")
    for _ in range(HELD_MAX):
        assert shop.asks() == ["message.held"]
    assert shop.asks() == ["message.suppressed"] and shop.bodies[-1].reason == "held_full"
    assert shop.stop() == SENT * HELD_MAX


def test_what_another_stop_still_holds_waits_on_and_is_told_again() -> None:
    shop = Shop()
    shop.stop("all", "channel:sms")
    shop.asks()
    assert shop.stop("channel:sms") == [] and shop.waiting.anybody
    assert shop.stop() == SENT and not shop.waiting.anybody


def test_a_go_tells_all_users_page_by_page_and_nobody_where_nobody_waits() -> None:
    shop = Shop()
    shop.others = [f"user:{n:04d}" for n in range(450)]
    shop.stop("all")
    assert shop.stop() == [] and shop.told == []
    shop.stop("all")
    shop.asks()
    assert shop.stop() == SENT and sorted(shop.told) == sorted([SUBJECT, *shop.others])


def test_while_nothing_is_stopped_nothing_is_kept_of_who_waits() -> None:
    shop = Shop()
    shop.asks()
    assert not shop.accompanied
    shop.stop("all")
    shop.asks()
    assert shop.accompanied


def test_what_a_segment_is_told_of_stops_is_carried_out_also_when_it_is_discarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop()
    shop.others = [f"user:{n:04d}" for n in range(450)]
    with monkeypatch.context() as operator:
        operator.setattr(shop.actor, "react", shop.actor.discarded)
        shop.stop("all")
    assert shop.asks() == ["message.held"]
    with monkeypatch.context() as operator:
        operator.setattr(shop.actor, "react", shop.actor.discarded)
        assert shop.stop() == SENT, "what he was told is discarded too"
    assert sorted(shop.told) == sorted([SUBJECT, *shop.others]) and shop.timer == 0


def test_what_was_held_goes_before_what_comes_after_go() -> None:
    shop = Shop()
    shop.stop("all")
    assert shop.earns() == ["message.held"]
    shop.segment.stops = Switches(2)  # lifted, and his page is not sent yet
    assert shop.earns() == SENT * 2, "the older one first"


@pytest.mark.parametrize("kind", [ACTIVATED, GO_ON, "timer.notification"])
def test_a_go_that_is_discarded_on_its_way_leaves_nobody_waiting(kind: str) -> None:
    shop = Shop()
    shop.stop("all")
    shop.asks()
    shop.discards = kind
    assert shop.stop() == SENT and shop.timer == 0


def test_a_stop_that_is_discarded_holds_all_the_same() -> None:
    shop = Shop()
    shop.discards = ACTIVATED
    shop.stop("all")
    assert shop.asks() == ["message.held"]
