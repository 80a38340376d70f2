"""Messages to be published later, and one segment's worth of what becomes of them without an engine."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.delay.actor import DelayActor
from actors.delay.messages import DUE, CancelDelayed, DelayCancelled, DelayedDue, DelayRefused, PublishLater
from actors.delay.waiting import Waiting
from supervision.domain import Event, TimerDue
from supervision.entry import Entry, Origin
from supervision.envelope import envelope
from supervision.messages import Item
from supervision.outputs import Arm, Emit
from topology import delay_door
from topology.delayed import delayed
from topology.ports import Delivery, Props
from topology.table import DELAY
from topology.wire import BadMessage

AT = 1_790_000_000_000
SEGMENTS = 16
BYTES = bytes(range(256))


def delivery(
    body: bytes = BYTES,
    key: str = "mail.news",
    headers: dict[Any, Any] | None = None,
    message_id: str | None = "m-1",
    **props: Any,
) -> Delivery:
    """A message to `marketing.delay`, due in a second unless its headers say when."""
    headers = {"delay_ms": 1_000} if headers is None else headers
    return Delivery(1, DELAY, key, Props(headers=headers, message_id=message_id, **props), body)


def item(delivery: Delivery) -> Item:
    taken = delay_door.read(delivery, "shop", SEGMENTS)
    assert isinstance(taken, Item), taken
    return taken


def refused(delivery: Delivery) -> tuple[str, str]:
    """(code, field)."""
    bad = delay_door.read(delivery, "shop", SEGMENTS)
    assert isinstance(bad, BadMessage), bad
    return bad.code, bad.field


class One:
    """One message's state in the domain, its timer, and what is said of it."""

    def __init__(self) -> None:
        self.actor = DelayActor()
        self.state = Waiting()
        self.armed: int | None = None
        self._offset = 0

    def hears(self, item: Item, at: int = AT) -> list[Any]:
        """What is said at that."""
        types = {"delay.later": PublishLater, "delay.cancel": CancelDelayed}
        body = msgspec.json.decode(item.draft.body, type=types[item.draft.kind])
        return self._take(item.draft.kind, item.draft.subject, item.draft.body, body, at)

    def fires(self, discarded: bool = False) -> list[Any]:
        """The timer that is armed, at its moment."""
        assert self.armed is not None
        at, self.armed = self.armed, None
        body = TimerDue("next", 1, at, 0)
        return self._take("timer.delay", "delay:m-1", msgspec.json.encode(body), body, at, discarded)

    def _take(self, kind: str, subject: str, raw: bytes, body: Any, at: int, discarded: bool = False) -> list[Any]:
        self._offset += 1
        entry = Entry(3, 7, self._offset, at, 0, kind, subject, raw, origin=Origin.OUTSIDE)
        event = Event(entry, body, at, subject)
        react = self.actor.discarded if discarded else self.actor.react
        said: list[Any] = []
        for output in react(self.state, event):
            match output:
                case Arm(due=due):
                    self.armed = due
                case Emit(body=DelayedDue()):
                    assert (output.kind, output.route) == (DUE, ""), "it takes no number of the effects'"
                    told = envelope(DUE, output.body, subject, event)
                    said.append(delayed(Entry(3, 7, 99, at, 0, DUE, subject, told)))
                case Emit(body=DelayCancelled() | DelayRefused()):
                    assert output.route == output.kind
                    said.append(output.body)
                case _:
                    raise AssertionError(output)
        self.actor.check(self.state)
        return said
