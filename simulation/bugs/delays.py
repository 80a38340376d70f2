"""Bugs of what waits for a moment of its own: delayed checks, messages for later, carts that are left alone, those who
stay away, conditions that come to hold.
"""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from actors.campaign import delayed_check, entering, timed
from actors.campaign.campaign import CartIdle
from actors.delay import actor as delay
from simulation.bugs.bug import Bug, Method, Swap
from supervision.outputs import Arm


def _as_its_sender_saw_it(_go: Method) -> Method:
    def wrong(desk: Any, id: str, check: Any) -> None:
        knows = desk.member.knows
        cart, knows.cart = knows.cart, msgspec.structs.replace(knows.cart, lines=1)
        _go(desk, id, check)
        knows.cart = cart

    return wrong


def _known_by_its_message(accept: Method) -> Method:
    def wrong(desk: Any, asked: Any) -> None:
        known = desk.member.checks.get(asked.trigger_id)
        if known is not None and not known.waits:
            del desk.member.checks[asked.trigger_id]
        accept(desk, asked)

    return wrong


def _kept_for_the_next_firing(_fired: Method) -> Method:
    def wrong(state: Any, event: Any) -> Iterator[Any]:
        message = state.message
        yield from _fired(state, event)
        if message is not None:
            state.status, state.message = "pending", message

    return wrong


def _without_its_timer(_cancel: Method) -> Method:
    def wrong(state: Any, event: Any) -> Iterator[Any]:
        yield from (output for output in _cancel(state, event) if not isinstance(output, Arm))

    return wrong


def _already_waited_for(_watch: Method) -> Method:
    def wrong(desk: Any, one: Any, origin: Any, seconds: int) -> None:
        if one.id not in desk.member.watches or not isinstance(one.compiled.campaign.trigger, CartIdle):
            _watch(desk, one, origin, seconds)

    return wrong


def _set_once(heard: Method) -> Method:
    def wrong(desk: Any, said: Any, changed: Any) -> None:
        before = dict(desk.member.dues)
        heard(desk, said, changed)
        desk.member.dues.update(before)

    return wrong


def _each_time_it_holds(by_change: Method) -> Method:
    def wrong(desk: Any, heard: Any, changed: Any) -> None:
        desk.member.met.clear()
        by_change(desk, heard, changed)

    return wrong


BUGS = (
    Bug(
        "delayed_check_trusts_the_snapshot",
        "Whoever asks for a check has just seen the cart, and has told us what lies in it.",
        (Swap(delayed_check, "_go", _as_its_sender_saw_it),),
    ),
    Bug(
        "delayed_check_known_by_its_message",
        "A check that is over is over; whoever asks again wants another one.",
        (Swap(delayed_check, "accept", _known_by_its_message),),
    ),
    Bug(
        "delayed_message_kept_when_it_went_out",
        "Until the broker has confirmed it the bytes may be wanted again; the next firing can clear them away.",
        (Swap(delay, "_fired", _kept_for_the_next_firing),),
        where="delayed",
    ),
    Bug(
        "cancelled_message_leaves_its_timer",
        "Its bytes are gone, so when its moment comes there is nothing to publish.",
        (Swap(delay, "_cancel", _without_its_timer),),
        where="delayed",
    ),
    Bug(
        "cart_left_alone_since_its_first_piece",
        "This cart is waited for already; to arm its timer once more changes nothing.",
        (Swap(entering, "_watch", _already_waited_for),),
    ),
    Bug(
        "away_since_the_first_visit",
        "A moment that is set stays set until it has come.",
        (Swap(timed, "heard", _set_once),),
    ),
    Bug(
        "condition_met_each_time_it_holds",
        "Whoever meets the condition enters; how often is what limits are for.",
        (Swap(entering, "by_change", _each_time_it_holds),),
    ),
)
