"""What a shelf does for itself: it hears of versions, takes in what the template lends, gives back, and lets those who
wait go on. Functions over a Shelf's state for entries about it, or about its segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from actors.coupon import shelf
from actors.coupon.directory import Directory, enter
from actors.coupon.lending import ASK, BACK, SERVE, SERVED, Ask, CallBack, GiveBack, Lend, Serve, Served
from actors.coupon.listing import judging, limits, listed_of, read, subject_of, template_of
from actors.coupon.shelf import Resource, Shelf, Slice, Ticket
from actors.programmes.messages import ProgrammeActivated
from supervision.domain import Event, TimerDue
from supervision.entry import part_subject
from supervision.outputs import Arm, Emit, Output

IDLE_TIMER = "idle"
IDLE_MS = 30_000
"""Scarce stock that nobody here took for so long goes back."""

_ticket = msgspec.msgpack.Decoder(Ticket).decode


def template_at(subject: str) -> str:
    """The template whose shelf `subject` is."""
    return template_of(subject.partition("/")[2])


def told(directory: Directory, here: Shelf, template: str, event: Event, said: ProgrammeActivated) -> Iterator[Output]:
    """The segment hears of a version of the template."""
    if said.number <= here.number:
        return
    status, text = read(said.body)
    enter(directory, template, listed_of(said.number, said.body))
    here.number, here.status, here.template = said.number, status, text
    shelf.remember(here, *judging(text))
    limited = limits(said.body)
    here.stock = _slice(here.stock, limited["stock"])
    here.budget = _slice(here.budget, limited["budget"])
    if status == "closed":
        yield from _clear(here, template, event.entry.segment)
    yield from tend(here, template, event.entry.segment)


def _slice(present: Slice | None, total: int | None) -> Slice | None:
    """None: without limit. A new one asks at once."""
    if total is None:
        return None
    return Slice(mark=1) if present is None else present


def lent(here: Shelf, event: Event, body: Lend) -> Iterator[Output]:
    """The template's answer."""
    slice = _of(here, body.resource)
    if slice is None:  # there is no limit any more
        return
    shelf.granted(slice, body.amount, body.dry, body.scarce)
    template, segment = template_at(event.subject), event.entry.segment
    if here.status == "closed":
        yield from _clear(here, template, segment)
    elif slice.scarce and slice.left:
        yield Arm(IDLE_TIMER, event.at + IDLE_MS)
    yield from _let_go(here, template, segment)
    yield from tend(here, template, segment)


def called_back(here: Shelf, event: Event, body: CallBack) -> Iterator[Output]:
    """Give back what nobody waits for."""
    slice = _of(here, body.resource)
    if slice is None:
        return
    slice.scarce = True
    amount = shelf.unused(slice)
    yield _back(template_at(event.subject), GiveBack(body.resource, event.entry.segment, amount, recalled=True))


def idle(here: Shelf, event: Event, _: TimerDue) -> Iterator[Output]:
    """What is scarce and was not used for a while goes back."""
    for name, slice in shelf.slices(here):
        if not slice.scarce or not slice.left:
            continue
        if event.at < slice.used_at + IDLE_MS:
            yield Arm(IDLE_TIMER, slice.used_at + IDLE_MS)
        elif amount := shelf.unused(slice):
            yield _back(template_at(event.subject), GiveBack(name, event.entry.segment, amount))


def serve(here: Shelf, event: Event, body: Serve) -> Iterator[Output]:
    """Let those who wait go on, in the order of their tickets. What was kept for one who is refused for want of
    something else is spare.
    """
    here.serving = False
    before = spare(here)
    end = min(here.next, here.first + shelf.SERVED_MAX)
    for number in range(here.first, end):
        ticket = _ticket(event.claimed[shelf.ticket_key(body.template, number)])
        promised = shelf.let_go(here, ticket)
        if promised is None:
            break
        served = Served(
            body.template, number, ticket.kind, ticket.occasion, promised.stock, promised.budget,
            msgspec.Raw(ticket.body),
        )  # fmt: skip
        yield Emit(SERVED, served, subject=ticket.subject, same_depth=True, chain=ticket.chain)
    segment = event.entry.segment
    yield from freed(here, before, body.template, segment)
    if here.first == end:
        yield from _let_go(here, body.template, segment)
    yield from tend(here, body.template, segment)


def tend(here: Shelf, template: str, segment: int) -> Iterator[Output]:
    """Tell the template what the shelf wants, and let those go on who need not wait any more. A draft lends nothing."""
    if here.status == "draft":
        return
    for resource, need in shelf.wanting(here):
        yield Emit(ASK, Ask(resource, segment, need), subject=subject_of(template), same_depth=True)
    if shelf.ready(here):
        yield from _let_go(here, template, segment)


def spare(here: Shelf) -> dict[Resource, int]:
    """What of each slice nobody was promised and nobody waits for."""
    return {name: max(0, slice.free - slice.queued) for name, slice in shelf.slices(here)}


def freed(here: Shelf, before: Mapping[Resource, int], template: str, segment: int) -> Iterator[Output]:
    """What has become `spare` since `before` of something that is scarce goes back at once. Others may have been told
    that there is none, and a segment that once said that it has nothing is not asked again.
    """
    for name, slice in shelf.slices(here):
        more = max(0, slice.free - slice.queued) - before.get(name, 0)
        if (slice.scarce or slice.dry) and more > 0 and (amount := shelf.unused(slice, more)):
            yield _back(template, GiveBack(name, segment, amount))


def _let_go(here: Shelf, template: str, segment: int) -> Iterator[Output]:
    """See to those who wait, by an entry of its own."""
    if shelf.waits(here) and not here.serving:
        here.serving = True
        yield Emit(SERVE, Serve(template), subject=part_subject(segment, subject_of(template)), same_depth=True)


def _clear(here: Shelf, template: str, segment: int) -> Iterator[Output]:
    """Of a closed template: no coupon is left for those who wait, and all go back. Not so its budget, from which what
    was issued is still paid.
    """
    if (slice := here.stock) is None:
        return
    slice.dry, slice.mark = True, 0
    if amount := slice.free:
        slice.left -= amount
        yield _back(template, GiveBack("stock", segment, amount))


def _back(template: str, body: GiveBack) -> Emit:
    return Emit(BACK, body, subject=subject_of(template), same_depth=True)


def _of(here: Shelf, resource: Resource) -> Slice | None:
    return here.stock if resource == "stock" else here.budget
