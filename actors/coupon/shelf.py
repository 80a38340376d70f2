"""The shelf: one segment's part of one template. What it may issue of it, who waits for more, and what became of it.

It is the companion of every entry about a user who gets or uses a coupon of the template, so that a coupon and the
piece of stock that it is, or a discount and the money that it costs, change in one stage. Where a slice is too small,
the command waits: it is written down under a ticket, the template is asked, and the answer lets those who wait go on in
the order of their tickets. Who comes meanwhile waits behind them. What a ticket is let go with is promised to it, and
nobody else can take it until it has gone on.

A command that waits is not in the shelf but in the store, by its ticket's number: a flash sale may bring thousands
before the first grant is back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from actors.coupon.lists import UnderWay
from supervision.entry import Chain
from supervision.outputs import business_key

SERVED_MAX = 200
"""Tickets that one reaction lets go on."""
VERSIONS_MAX = 20
BODIES_BYTES_MAX = 512 * 1024
"""Of the versions that coupons may have, the newest of all sizes. A coupon of one that was dropped is judged by the
newest.
"""

FORMAT = 2
"""Format 1 knew no coupon that is handed over."""

Room = Literal["now", "later", "never"]
Resource = Literal["stock", "budget"]


class Slice(msgspec.Struct, array_like=True):
    """What the segment holds of a template's stock (pieces) or budget (minor units). Of `left`, `promised` belongs to
    tickets that were let go and have not gone on yet; `queued` is what the tickets in the queue need.

    `asked`: the template's answer is awaited. `dry`: it has said that there is no more. `scarce`: what is not used soon
    shall go back. `mark`: when less than this is left, more is asked for; 0: not before somebody waits.
    """

    left: int = 0
    promised: int = 0
    queued: int = 0
    asked: bool = False
    dry: bool = False
    scarce: bool = False
    mark: int = 0
    used_at: int = 0

    @property
    def free(self) -> int:
        return self.left - self.promised


class Tally(msgspec.Struct, array_like=True):
    """How many coupons came to what in this segment, since the template began. `discount` and `revenue` in minor units:
    what is redeemed and not rolled back, and the orders it was for. `transferred`: handed over by users of the segment.
    """

    issued: int = 0
    held: int = 0
    released: int = 0
    redeemed: int = 0
    rolled_back: int = 0
    expired: int = 0
    orders: int = 0
    discount: int = 0
    revenue: int = 0
    transferred: int = 0


class Shelf(msgspec.Struct, array_like=True):
    """`number`: of the newest version heard of, `template` its JSON; `bodies`: what coupons are judged by, by version
    (listing.judging), the newest last. Tickets from `first` to before `next` wait; `serving`: an entry to let them go
    on is under way. `lists`: of jobs, that are being worked off (lists.py).
    """

    format: int = FORMAT
    number: int = 0
    status: str = ""
    template: str = ""
    version: str = ""
    bodies: dict[str, str] = {}
    stock: Slice | None = None
    budget: Slice | None = None
    first: int = 1
    next: int = 1
    serving: bool = False
    tally: Tally = msgspec.field(default_factory=Tally)
    lists: dict[str, UnderWay] = {}


def upgrade(fields: list[Any]) -> Shelf:
    """The shelf whose fields, as they were stored, are `fields`. Raises ValueError for what no version wrote."""
    if fields[0] != 1:
        raise ValueError(f"no shelf was ever written in format {fields[0]}")
    return msgspec.convert([FORMAT, *fields[1:]], Shelf)


class Need(msgspec.Struct, frozen=True, array_like=True):
    """What a command takes: pieces, and minor units of money."""

    stock: int = 0
    budget: int = 0


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """A command that waits: of `kind` with `body`, about `subject`, in its chain. `occasion`: keys.occasion of it."""

    subject: str
    kind: str
    body: bytes
    occasion: str
    need: Need
    chain: Chain


def ticket_key(template: str, number: int) -> bytes:
    """The business key that a ticket is kept under."""
    return business_key("coupon-ticket", template, str(number))


def remember(shelf: Shelf, version: str, body: str) -> None:
    """Coupons are issued by this version from now on."""
    bodies, shelf.version = shelf.bodies, version
    bodies.pop(version, None)
    bodies[version] = body
    size = sum(len(body.encode()) for body in bodies.values())
    while len(bodies) > VERSIONS_MAX or (size > BODIES_BYTES_MAX and len(bodies) > 1):
        size -= len(bodies.pop(next(iter(bodies))).encode())


def slices(shelf: Shelf) -> Iterator[tuple[Resource, Slice]]:
    """Those that are limited."""
    if shelf.stock is not None:
        yield "stock", shelf.stock
    if shelf.budget is not None:
        yield "budget", shelf.budget


def room(shelf: Shelf, need: Need, served: bool) -> tuple[Room, Resource]:
    """Whether there is enough, and of what not. Who was not let go from the queue waits behind those who are in it."""
    answer: tuple[Room, Resource] = ("now", "stock")
    for name, slice in slices(shelf):
        wanted: int = getattr(need, name)
        if wanted > slice.free and slice.dry:
            return "never", name
        if wanted > slice.free or (wanted and waits(shelf) and not served):
            answer = ("later", name)
    return answer


def waits(shelf: Shelf) -> bool:
    """Whether anybody does."""
    return shelf.first < shelf.next


def awaits(shelf: Shelf) -> bool:
    """Whether the template has been asked for something, and its answer will let those who wait go on."""
    return any(slice.asked for _, slice in slices(shelf))


def take(shelf: Shelf, need: Need, at: int) -> None:
    """Use up what there was room for."""
    for name, slice in slices(shelf):
        if wanted := getattr(need, name):
            slice.left -= wanted
            slice.used_at = at


def put(shelf: Shelf, need: Need) -> None:
    """What was used is free again."""
    for name, slice in slices(shelf):
        slice.left += getattr(need, name)


def keep_promise(shelf: Shelf, promised: Need) -> None:
    """The ticket goes on: what it was promised is to be taken now, or free for others."""
    for name, slice in slices(shelf):
        slice.promised -= getattr(promised, name)


def queue(shelf: Shelf, need: Need) -> int:
    """-> the number of a new ticket."""
    number, shelf.next = shelf.next, shelf.next + 1
    for name, slice in slices(shelf):
        slice.queued += getattr(need, name)
    return number


def let_go(shelf: Shelf, ticket: Ticket) -> Need | None:
    """The first ticket may go on: what it is promised, which is nothing when it will be refused. None: not yet."""
    need = ticket.need
    if any(getattr(need, name) > slice.free and not slice.dry for name, slice in slices(shelf)):
        return None
    fits = all(getattr(need, name) <= slice.free for name, slice in slices(shelf))
    shelf.first += 1
    for name, slice in slices(shelf):
        slice.queued -= getattr(need, name)
        slice.promised += getattr(need, name) if fits else 0
    return need if fits else Need()


def wanting(shelf: Shelf) -> Iterator[tuple[Resource, int]]:
    """What to ask the template for, and how much somebody waits for; from now on its answer is awaited."""
    for name, slice in slices(shelf):
        need = max(0, slice.queued - slice.free)
        if not slice.asked and not slice.dry and (need or slice.free < slice.mark):
            slice.asked, slice.mark = True, 0
            yield name, need


def ready(shelf: Shelf) -> bool:
    """Whether those who wait may go on: there is enough for all of them, or nothing more to wait for. While it is not
    so, an answer of the template is awaited.
    """
    return waits(shelf) and all(slice.queued <= slice.free or slice.dry for _, slice in slices(shelf))


def granted(slice: Slice, amount: int, dry: bool, scarce: bool) -> None:
    """The template's answer."""
    slice.left += amount
    slice.asked, slice.dry, slice.scarce = False, dry, scarce
    slice.mark = 0 if dry or scarce else max(0, slice.free - slice.queued) // 2


def unused(slice: Slice, most: int | None = None) -> int:
    """What nobody here waits for, at most `most`, is taken out of the slice, to be given back; -> how much."""
    amount = max(0, slice.free - slice.queued)
    amount = amount if most is None else min(amount, most)
    slice.left -= amount
    slice.mark = 0
    return amount


def check(shelf: Shelf) -> None:
    """Raise AssertionError unless the shelf makes sense."""
    assert 1 <= shelf.first <= shelf.next, shelf
    for _, slice in slices(shelf):
        assert 0 <= slice.promised <= slice.left and slice.queued >= 0 and slice.mark >= 0, shelf
        assert not slice.queued or waits(shelf), shelf
    assert not waits(shelf) or shelf.serving or awaits(shelf), f"nobody will let go on who waits: {shelf}"
    assert not shelf.number or shelf.version in shelf.bodies, shelf.version
    assert all(under_way.left > 0 for under_way in shelf.lists.values()), shelf.lists
