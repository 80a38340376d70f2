"""Other systems that leave messages at `marketing.delay`, to be published later, and take some of them back.

Few names, so that a message meets another of its name: the same one sent again, another by the same system or by
another one, a cancel before and after. What they send is any bytes; what they are told is what any sender is: an ack
means that it is in the log, or among the dead with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Protocol

import msgspec

from simulation.broker import Message, SimulatedBroker
from simulation.checker import Checker
from simulation.draw import Draw
from simulation.tellers import BEGIN, TOO_FAR
from simulation.violation import Violation
from supervision.messages import Item
from topology import delay_door
from topology.ports import Delivery, Props
from topology.table import DELAY

NAMES = 16
SYSTEMS = ("erp", "erp", "erp", "crm")
DELAYS_MS = (0, 0, 300, 1_000, 60_000, 40_000_000, 100_000_000)
MOMENTS_S = (-600, 1, 1, 2, 4_000, 90_000, 200_000)
"""After the world begins."""
CANCELS_SHARE = 0.25
BAD_SHARE = 0.05
LATE_SHARE = 0.05
"""Of what was sent in an earlier round, in each: it comes again."""
NUMBERS = 1_000_000
"""Beyond those of other messages."""


class Place(Protocol):
    """What they need of their world."""

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...


class Delayers:
    """All of a world's; outlive processes."""

    def __init__(
        self, rng: Random, draw: Draw, world: Place, broker: SimulatedBroker, checker: Checker,
        heard: Callable[[Message], bool],
    ) -> None:  # fmt: skip
        """`heard`, as the broker's `on_ack`: of all others' messages."""
        self._rng, self._draw, self._world = rng, draw, world
        self._broker, self._checker = broker, checker
        self._sent: list[Message] = []
        self._others_acked, self._others_heard = broker.on_ack, heard
        if draw.delayed:
            broker.on_ack = self._acked

    @property
    def sent(self) -> int:
        """Messages, resends not counted."""
        return len(self._sent)

    def plan_round(self, number: int) -> None:
        """Send so many in the world's window, some of them again, and some of earlier rounds."""
        rng, window_s = self._rng, self._draw.window_s
        again = [old for old in self._sent if rng.random() < LATE_SHARE]
        for _ in range(number):
            message = self._message()
            self._sent.append(message)
            again += [message] * (rng.random() < self._draw.resend_rate)
            self._world.at(rng.uniform(0, window_s), partial(self._broker.put, message))
        for message in again:
            self._world.at(rng.uniform(0, window_s * 1.5), partial(self._broker.put, message))

    def _message(self) -> Message:
        rng, n = self._rng, self.sent
        props = Props(message_id=f"d{rng.randrange(NAMES)}", app_id=rng.choice(SYSTEMS))
        if rng.random() < CANCELS_SHARE:
            props = msgspec.structs.replace(props, type="cancel", correlation_id=rng.choice((None, "x")))
        else:
            when = {} if rng.random() < BAD_SHARE else self._when()
            props = msgspec.structs.replace(props, headers={"n": n, **when})
        return Message(NUMBERS + n, DELAY, rng.choice(("mail.news", "erp")), props, b"%d \xff\x00" % n)

    def _when(self) -> dict[str, Any]:
        rng = self._rng
        if rng.random() < 0.5:
            return {"delay_ms": rng.choice(DELAYS_MS)}
        at = (BEGIN + timedelta(seconds=rng.choice(MOMENTS_S))).isoformat()
        return {"deliver_at": at if rng.random() < 0.95 else TOO_FAR}

    def of(self, message_id: str | None, body: bytes) -> Message | None:
        """What was sent so."""
        mine = (each for each in self._sent if each.props.message_id == message_id and each.body == body)
        return next(mine, None)

    # What the broker and the checkers ask.

    def _acked(self, message: Message) -> None:
        if message.exchange != DELAY:
            self._others_acked(message)
            return
        known = self._known_by(message)
        logged = known is not None and self._checker.acked(*known)
        if not logged and not any(letter.body == message.body for letter in self._broker.dead):
            raise Violation("invariant 5: a message for later was acked that is neither in the log nor dead")

    def heard(self, message: Message) -> bool:
        """Whether it is in the log, or cannot be."""
        if message.exchange != DELAY:
            return self._others_heard(message)
        known = self._known_by(message)
        return known is None or self._checker.knows(*known[:2])

    def _known_by(self, message: Message) -> tuple[str, str, bytes] | None:
        """(id, subject, body) of what it becomes in the log; None: nothing."""
        delivery = Delivery(1, message.exchange, message.key, message.props, message.body)
        item = delay_door.read(delivery, message.props.app_id or "", self._draw.segments)
        return (item.draft.id, item.draft.subject, item.draft.body) if isinstance(item, Item) else None
