"""The actor of the delay domain: keeps messages of other systems until they are due, one durable timer each.

Each message is a subject of its own, so one that is due in a year holds up nobody who is due in a second. The stage
that ends a message's waiting is the one that says it is to be published: it is said once, whatever crashes, and the
relay publishes what was said until the broker has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, ClassVar

from actors.delay import waiting
from actors.delay.messages import (
    CANCEL,
    CANCELLED,
    DUE,
    LATER,
    REFUSED,
    SUBJECT,
    CancelDelayed,
    Code,
    DelayCancelled,
    DelayedDue,
    DelayRefused,
    PublishLater,
)
from actors.delay.waiting import DELAY_DAYS_MAX, REMEMBERED_MS, Waiting
from supervision.domain import Domain, Event, TimerDue
from supervision.outputs import Arm, Emit, Output

NEXT = "next"
"""Key of the timer: for the publishing first, for the forgetting then."""
DIGEST_BYTES = 16


class DelayActor(Domain[Waiting]):
    """The subject is `delay:<message_id>`."""

    name: ClassVar[str] = "delay"
    reacts_to: ClassVar[Mapping[str, Any]] = {LATER: PublishLater, CANCEL: CancelDelayed}
    state_type = Waiting
    format = 1
    parks = "subject"
    entries_at_once: ClassVar[int] = 16
    """Of up to 256 KiB each, as states, entries and outputs at the same time."""

    def fresh(self, subject: str) -> Waiting:
        return Waiting()

    def check(self, state: Any) -> None:
        waiting.check(state)

    def react(self, state: Waiting, event: Event) -> Iterable[Output]:
        match event.body:
            case PublishLater() as asked:
                return _later(state, event, asked)
            case CancelDelayed():
                return _cancel(state, event)
            case _:
                return _fired(state, event)

    def discarded(self, state: Waiting, event: Event) -> Iterable[Output]:
        """A message whose firing is given up will not go out, and is forgotten in its time; at once, if that time was
        what the firing was for, or it would be remembered for ever.
        """
        if not isinstance(event.body, TimerDue):
            return ()
        if state.status != "pending":
            waiting.forget(state)
            return ()
        waiting.end(state, "cancelled")
        return [_forget_later(event)]


def _later(state: Waiting, event: Event, asked: PublishLater) -> Iterator[Output]:
    digest = blake2b(event.entry.body, digest_size=DIGEST_BYTES).digest()
    due = waiting.due_of(asked, event.at)
    if state.status:
        if state.digest != digest:
            yield _refused(event, "id_reused", f"this message_id is known with another message, {state.status}")
    elif due is None:
        yield _refused(event, "too_far", f"deliver_at must be within {DELAY_DAYS_MAX} days")
    else:
        waiting.begin(state, digest, due, asked.message)
        yield Arm(NEXT, due)


def _cancel(state: Waiting, event: Event) -> Iterator[Output]:
    match state.status:
        case "pending":
            waiting.end(state, "cancelled")
            yield _forget_later(event)
            yield Emit(CANCELLED, DelayCancelled(_id(event)), route=CANCELLED)
        case "published":
            yield _refused(event, "already_published", "the message has gone out")
        case "cancelled":
            pass
        case _:
            yield _refused(event, "unknown_message", "no such message waits")


def _fired(state: Waiting, event: Event) -> Iterator[Output]:
    if state.message is None:
        waiting.forget(state)
        return
    yield Emit(DUE, DelayedDue(state.message, state.due))
    waiting.end(state, "published")
    yield _forget_later(event)


def _forget_later(event: Event) -> Arm:
    return Arm(NEXT, event.at + REMEMBERED_MS)


def _refused(event: Event, code: Code, detail: str) -> Emit:
    return Emit(REFUSED, DelayRefused(_id(event), code, detail), route=REFUSED)


def _id(event: Event) -> str:
    return event.subject.removeprefix(SUBJECT)
