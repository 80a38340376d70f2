"""The inbox: suspension, order, closing."""

from __future__ import annotations

from typing import Any

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from supervision.inbox import Inbox
from supervision.orders import Incarnate


def filled(*messages: Any) -> Inbox:
    inbox = Inbox()
    for message in messages:
        inbox.put(Envelope(message))
    return inbox


def drained(inbox: Inbox) -> list[Any]:
    out: list[Any] = []
    while not inbox.empty():
        out.append(inbox.get().message)
    return out


def test_messages_come_out_in_the_order_they_were_put() -> None:
    assert drained(filled(1, 2, 3)) == [1, 2, 3]


def test_a_suspended_inbox_gives_out_orders_only_and_keeps_the_rest_in_order() -> None:
    inbox = filled(1, 2, Incarnate(), 3, _ActorStop(), 4)
    inbox.suspended = True
    assert isinstance(inbox.get().message, Incarnate)
    assert isinstance(inbox.get().message, _ActorStop)
    inbox.suspended = False
    assert drained(inbox) == [1, 2, 3, 4]


def test_a_second_suspension_keeps_what_the_first_put_by_in_front() -> None:
    inbox = filled(1, 2, Incarnate(), 3, Incarnate(), 4)
    inbox.suspended = True
    inbox.get()
    inbox.suspended = False
    assert inbox.get().message == 1
    inbox.suspended = True
    inbox.get()
    inbox.suspended = False
    assert drained(inbox) == [2, 3, 4]


def test_its_length_counts_what_was_put_by() -> None:
    inbox = filled(1, 2, Incarnate(), 3)
    inbox.suspended = True
    inbox.get()
    assert len(inbox) == 3


def test_closing_refuses_what_waits_and_whatever_comes_later() -> None:
    refused: list[Any] = []
    inbox = filled(1, 2, Incarnate(), 3)
    inbox.suspended = True
    inbox.get()
    inbox.close(lambda envelope: refused.append(envelope.message))
    inbox.put(Envelope(4))
    assert refused == [1, 2, 3, 4]
    assert inbox.empty()
    assert inbox.closed


def test_an_abandoned_inbox_forgets_without_a_word_and_refuses_the_rest() -> None:
    refused: list[Any] = []
    inbox = filled(1, 2)
    inbox.abandon(lambda envelope: refused.append(envelope.message))
    assert refused == []
    inbox.put(Envelope(3))
    assert refused == [3]
