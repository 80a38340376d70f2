"""What a shelf does for itself: it hears of versions, takes in what the template lends, gives back, and lets those who
wait go on. Functions over a Shelf's state for entries about it, or about its segment.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors.coupon import shelf
from actors.coupon.directory import Directory, Listed, enter
from actors.coupon.lending import ASK, BACK, SERVE, SERVED, Ask, CallBack, GiveBack, Lend, Serve, Served
from actors.coupon.listing import compiled, judging, limits, read, subject_of
from actors.coupon.shelf import VERSIONS_MAX, Resource, Shelf, Slice, Ticket
from actors.coupon.spelling import normal
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
    return subject.partition("/")[2].removeprefix("template:")


def told(directory: Directory, here: Shelf, template: str, event: Event, said: ProgrammeActivated) -> Iterator[Output]:
    """The segment hears of a version of the template."""
    if said.number <= here.number:
        return
    status, text = read(said.body)
    rules = compiled(text).template
    public = normal(rules.code.public) if rules.code.public else ""
    assert isinstance(public, str), public
    enter(directory, template, Listed(said.number, status, public, rules.activity_id or ""))
    here.number, here.status, here.template = said.number, status, text
    here.version, body = judging(text)
    here.bodies.pop(here.version, None)
    here.bodies[here.version] = body
    while len(here.bodies) > VERSIONS_MAX:
        del here.bodies[next(iter(here.bodies))]
    limited = limits(said.body)
    here.stock = _slice(here.stock, limited["stock"])
    here.budget = _slice(here.budget, limited["budget"])
    segment = event.entry.segment
    if status == "active":
        yield from asks(here, template, segment)
    elif status == "closed":
        yield from _clear(here, template, segment)
        yield from _let_go(here, template, segment)


def _slice(present: Slice | None, total: int | None) -> Slice | None:
    """None: without limit. A new one asks at once."""
    if total is None:
        return None
    return Slice(mark=1) if present is None else present


def lent(here: Shelf, event: Event, body: Lend) -> Iterator[Output]:
    """The template's answer."""
    slice = _of(here, body.resource)
    assert slice is not None, f"{event.subject} does not count its {body.resource}"
    shelf.granted(slice, body.amount, body.dry, body.scarce)
    template, segment = template_at(event.subject), event.entry.segment
    if here.status == "closed":
        yield from _clear(here, template, segment)
    elif slice.scarce and slice.left:
        yield _watch(here, event.at + IDLE_MS)
    yield from _let_go(here, template, segment)
    yield from asks(here, template, segment)


def called_back(here: Shelf, event: Event, body: CallBack) -> Iterator[Output]:
    """Give back what nobody waits for."""
    slice = _of(here, body.resource)
    assert slice is not None, f"{event.subject} does not count its {body.resource}"
    slice.scarce = True
    amount = shelf.unused(slice)
    yield _back(template_at(event.subject), GiveBack(body.resource, event.entry.segment, amount, recalled=True))


def idle(here: Shelf, event: Event, _: TimerDue) -> Iterator[Output]:
    """What is scarce and was not used for a while goes back."""
    here.watched = False
    for name, slice in shelf.slices(here):
        if not slice.scarce or not slice.left:
            continue
        if event.at < slice.used_at + IDLE_MS:
            yield _watch(here, slice.used_at + IDLE_MS)
        elif amount := shelf.unused(slice):
            yield _back(template_at(event.subject), GiveBack(name, event.entry.segment, amount))


def _watch(here: Shelf, due: int) -> Arm:
    here.watched = True
    return Arm(IDLE_TIMER, due)


def serve(here: Shelf, event: Event, body: Serve) -> Iterator[Output]:
    """Let those who wait go on, in the order of their tickets; and watch what is left."""
    here.serving = False
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
    if here.first == end:
        yield from _let_go(here, body.template, segment)
    yield from asks(here, body.template, segment)
    if shelf.unwatched(here):
        yield _watch(here, event.at + IDLE_MS)


def sees_to(here: Shelf, template: str, segment: int) -> Iterator[Output]:
    """After a user's entry: ask for what is wanted. Who waits although no answer is awaited goes on at once: he came
    when an earlier command of his had been let go, and nothing else will think of him. Nor will anybody of what is
    scarce and came back, from a hold or a use that is no more, unless it is watched.
    """
    yield from asks(here, template, segment)
    if (shelf.waits(here) and not shelf.awaits(here)) or shelf.unwatched(here):
        yield from _serve(here, template, segment)


def asks(here: Shelf, template: str, segment: int) -> Iterator[Output]:
    """Tell the template what the shelf wants, if it wants something."""
    for resource, need in shelf.wanting(here):
        yield Emit(ASK, Ask(resource, segment, need), subject=subject_of(template), same_depth=True)


def _let_go(here: Shelf, template: str, segment: int) -> Iterator[Output]:
    """See to those who wait, by an entry of its own."""
    if shelf.waits(here):
        yield from _serve(here, template, segment)


def _serve(here: Shelf, template: str, segment: int) -> Iterator[Output]:
    if not here.serving:
        here.serving = True
        yield Emit(SERVE, Serve(template), subject=part_subject(segment, subject_of(template)), same_depth=True)


def _clear(here: Shelf, template: str, segment: int) -> Iterator[Output]:
    """Of a closed template: nothing is left for those who wait, and everything goes back."""
    for name, slice in shelf.slices(here):
        slice.dry, slice.mark = True, 0
        if amount := slice.free:
            slice.left -= amount
            yield _back(template, GiveBack(name, segment, amount))


def _back(template: str, body: GiveBack) -> Emit:
    return Emit(BACK, body, subject=subject_of(template), same_depth=True)


def _of(here: Shelf, resource: Resource) -> Slice | None:
    return here.stock if resource == "stock" else here.budget
