"""The actor of the stock domain: what each template has to give, lent to the segments (pool.py says how).

It hears of a template's limits from the domain of programmes, on the template's own subject; so what is lent is never
more than the newest version says, or, after a cut, not more than was lent before it.

What a segment said is never forgotten by an operator's word: stock that came back would be lost, and who asked would
wait for ever. A discard carries it out like a retry, and forgets only what cannot be carried out even then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from actors.coupon import pool
from actors.coupon.lending import ASK, BACK, GRANT, RECALL, Ask, CallBack, GiveBack, Lend
from actors.coupon.listing import limits, template_of
from actors.coupon.pool import Grant, Pool, Recall
from actors.coupon.shelf import Resource
from actors.programmes.messages import CHANGED, ProgrammeTold
from supervision.domain import Domain, Event
from supervision.entry import part_subject
from supervision.outputs import Emit, Output


class Stock(msgspec.Struct, array_like=True):
    """Of one template, as version `number` limits it; None: not limited."""

    format: int = 1
    number: int = 0
    stock: Pool | None = None
    budget: Pool | None = None


class CouponStockActor(Domain[Stock]):
    """For a store of `segments` segments."""

    name: ClassVar[str] = "coupon_stock"
    reacts_to: ClassVar[Mapping[str, Any]] = {CHANGED: ProgrammeTold, ASK: Ask, BACK: GiveBack}
    state_type = Stock
    format = 1
    parks = "subject"
    holds_money = True

    def __init__(self, segments: int) -> None:
        self._segments = segments

    def fresh(self, subject: str) -> Stock:
        return Stock()

    def check(self, state: Stock) -> None:
        for each in (state.stock, state.budget):
            if each is not None:
                pool.check(each)

    def react(self, state: Stock, event: Event) -> Iterable[Output]:
        body = event.body
        if isinstance(body, ProgrammeTold):
            return self._limited(state, event, body) if template_of(body.name) else ()
        lent: Pool | None = getattr(state, body.resource)
        if lent is None:  # it was limited when this was said, and is so no more
            return ()
        if isinstance(body, Ask):
            words = pool.ask(lent, body.segment, body.need, self._segments)
        else:
            words = pool.give_back(lent, body.segment, body.amount, body.recalled)
        return _said(event.subject, body.resource, words)

    def discarded(self, state: Stock, event: Event) -> Iterable[Output]:
        """As if it had not been: see the module's essay."""
        return self.react(state, event)

    def _limited(self, state: Stock, event: Event, told: ProgrammeTold) -> Iterator[Output]:
        """The limits of another version. What was not limited can become so only before it is lent: the door sees to
        that.
        """
        if told.number <= state.number:
            return
        state.number = told.number
        new = limits(told.body)
        for name, total in new.items():
            present: Pool | None = getattr(state, name)
            if present is not None and total is not None:
                yield from _said(event.subject, name, pool.resize(present, total))
            else:
                setattr(state, name, None if total is None else pool.begin(total))


def _said(template: str, resource: Resource, words: Iterable[Grant | Recall]) -> Iterator[Output]:
    """To the shelves, as answers: no step deeper than what was asked."""
    for word in words:
        subject = part_subject(word.segment, template)
        if isinstance(word, Grant):
            lend = Lend(resource, word.amount, word.dry, word.scarce)
            yield Emit(GRANT, lend, subject=subject, same_depth=True)
        else:
            yield Emit(RECALL, CallBack(resource), subject=subject, same_depth=True)
