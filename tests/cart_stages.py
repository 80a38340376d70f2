"""Carts, reminders and purchases as stages of three cells over one log, small enough that every order of them can be
tried.

A cell folds what stands in the log into its memory, entry by entry, and commits that as one stage: states, timers and
what it says become durable together, or are lost together in a crash. Between any two of these steps a shopper may do
something. The cart's domain and the notification's are the real ones; the rule that makes a request of an abandoned
cart stands in for a campaign.

The books beside it (`Books`) are kept of the log alone, when something is appended to it, and know neither domain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, ClassVar

import msgspec

from actors.behaviour.messages import ADD_TO_CART, PURCHASE_COMPLETE, REMOVE_FROM_CART, SEEN
from actors.cart.actor import ABANDONED, IDLE, CartWatcherActor
from actors.cart.cart import Cart
from actors.cart.messages import CartAbandoned
from actors.notification.actor import REQUESTED, SUPPRESSED, NotificationActor
from actors.notification.bought import Bought
from actors.notification.messages import BoughtSince, Notify, SendNotification, Unless
from actors.notification.recipient import Recipient
from actors.notification.templates import Templates
from supervision.domain import Domain, Event, TimerDue
from supervision.entry import Entry
from supervision.outputs import Arm, Cancel, Emit, Output

AT_MS = 1_790_000_000_000
SUBJECT = "user:1"
TIMER = "timer.cart"


class Seen(msgspec.Struct, frozen=True):
    """A shopper's act as the log has it; `order` is the number of his order, where it is one."""

    verb: str
    product: str = ""
    order: int = 0


@cache
def message(seen: Seen) -> bytes:
    """As the shop sends it."""
    fields: dict[str, Any] = {"behavior_type": seen.verb, "user_id": "1"}
    if seen.verb != PURCHASE_COMPLETE:
        fields |= {"product_id": seen.product, "quantity": 1}
    else:
        fields |= {"order_id": f"{seen.order}"}
        fields |= {"items": [{"product_id": seen.product, "quantity": 1}]} if seen.product else {}
    return msgspec.json.encode(fields)


class Rule(Domain[None]):
    """Who abandons a cart is reminded of it, unless he has bought of it since."""

    name: ClassVar[str] = "rule"
    reacts_to: ClassVar[Mapping[str, Any]] = {ABANDONED: CartAbandoned}

    def react(self, state: None, event: Event) -> Iterator[Output]:
        told: CartAbandoned = event.body
        unless = Unless(BoughtSince(told.changed_at, tuple(line.product_id for line in told.lines)))
        yield Emit(REQUESTED, SendNotification("cart_remind_sms", "sms", {"lines": len(told.lines)}, unless))


CART, RULE, NOTIFICATION = CartWatcherActor(), Rule(), NotificationActor(Templates())
DOMAINS: tuple[Domain[Any], ...] = (CART, RULE, NOTIFICATION)
KINDS = [{*domain.reacts_to, f"timer.{domain.name}"} for domain in DOMAINS]
FRESH = tuple(msgspec.msgpack.encode(domain.fresh(SUBJECT)) if domain.state_type else b"" for domain in DOMAINS)
UNCHANGED = -1


class Cell(msgspec.Struct, frozen=True):
    """What is durable of a domain, and ahead of that what it has in memory: a stage that is not committed yet."""

    state: bytes
    cursor: int = 0
    ahead_state: bytes = b""
    ahead: int = 0
    """Offset up to which it has folded; the cursor, when it has nothing in memory."""
    says: tuple[tuple[int, Emit], ...] = ()
    """(offset of the cause, what)."""
    timer: int = UNCHANGED
    """Generation, 0: ended."""


class Books(msgspec.Struct, frozen=True):
    """What the log says of the shopper. `holds`: the cart as of each offset; `changed`: when it did last; `purchases`:
    (offset, what, empty for everything); `reminded`: of the cart as of which change.
    """

    holds: tuple[Mapping[str, int], ...] = ({},)
    changed: int = 0
    purchases: tuple[tuple[int, str], ...] = ()
    reminded: int = 0


class World(msgspec.Struct, frozen=True):
    """`log[i]` stands at offset i + 1. `timer`: its generation, 0: none; `fired`: handed out, and not heard of yet."""

    log: tuple[tuple[str, Any], ...] = ()
    cells: tuple[Cell, ...] = tuple(Cell(state, ahead_state=state) for state in FRESH)
    timer: int = 0
    fired: bool = False
    books: Books = Books()


def shop(world: World, act: str) -> World:
    """What a shopper does: `add p`, `remove p`, `buy`, `buy p`, and `resend`, which tells of the last order again."""
    verb, _, product = act.partition(" ")
    purchases = world.books.purchases
    match verb:
        case "add":
            seen = Seen(ADD_TO_CART, product)
        case "remove":
            seen = Seen(REMOVE_FROM_CART, product)
        case "resend":
            seen = Seen(PURCHASE_COMPLETE, purchases[-1][1], len(purchases))
        case _:
            seen = Seen(PURCHASE_COMPLETE, product, len(purchases) + 1)
    return _booked(_appended(world, SEEN, seen), verb, product)


def fire(world: World) -> World:
    """The timer is due, and the journal says so."""
    return msgspec.structs.replace(_appended(world, TIMER, TimerDue(IDLE, world.timer, AT_MS, 0)), fired=True)


def crash(world: World) -> World:
    """Who has something in memory has it no more."""
    cells = tuple(
        Cell(cell.state, cell.cursor, cell.state, cell.cursor) if cell.ahead > cell.cursor else cell
        for cell in world.cells
    )
    return msgspec.structs.replace(world, cells=cells)


def can_fold(world: World, n: int) -> bool:
    return world.cells[n].ahead < len(world.log)


def can_commit(world: World, n: int) -> bool:
    return world.cells[n].ahead > world.cells[n].cursor


def fold(world: World, n: int) -> World:
    """The next entry, in memory."""
    domain, cell = DOMAINS[n], world.cells[n]
    offset = cell.ahead + 1
    kind, body = world.log[cell.ahead]
    timer = cell.timer
    if kind == f"timer.{domain.name}":
        if body.gen != (world.timer if timer == UNCHANGED else timer):
            return _with_cell(world, n, msgspec.structs.replace(cell, ahead=offset))
        timer = 0
    state = msgspec.msgpack.decode(cell.ahead_state, type=domain.state_type) if domain.state_type else None
    raw = message(body) if isinstance(body, Seen) else b""
    entry = Entry(0, 1, offset, AT_MS, 0, kind, SUBJECT, raw)
    shared = domain.fresh_shared() if domain.shared_type else None
    event = Event(entry, msgspec.Raw(raw) if raw else body, AT_MS, SUBJECT, shared=shared)
    outputs = list(domain.react(state, event))
    domain.check(state)
    for output in outputs:
        if isinstance(output, Arm | Cancel):
            timer = offset if isinstance(output, Arm) else 0
    says = tuple((offset, output) for output in outputs if isinstance(output, Emit))
    encoded = msgspec.msgpack.encode(state) if state is not None else b""
    return _with_cell(world, n, Cell(cell.state, cell.cursor, encoded, offset, cell.says + says, timer))


def commit(world: World, n: int) -> World:
    """What it has in memory becomes durable, in one transaction."""
    cell = world.cells[n]
    done = _with_cell(world, n, Cell(cell.ahead_state, cell.ahead, cell.ahead_state, cell.ahead))
    if cell.timer != UNCHANGED:
        done = msgspec.structs.replace(done, timer=cell.timer, fired=False)
    for cause, said in cell.says:
        done = _heard(_appended(done, said.kind, said.body), cause, said)
    if n == 0:
        holds = {line.product: line.quantity for line in _cart(cell.ahead_state).lines}
        assert holds == done.books.holds[cell.ahead], (holds, done.books.holds[cell.ahead])
    return done


def _hears(n: int, entry: tuple[str, Any]) -> bool:
    """Whether the entry may mean something to the domain; of behaviours, notification cares for purchases alone."""
    kind, body = entry
    return kind in KINDS[n] and (n != 2 or not isinstance(body, Seen) or body.verb == PURCHASE_COMPLETE)


def _passed(log: Sequence[tuple[str, Any]], n: int, cell: Cell) -> Cell:
    """The cell behind the entries that are none of its business, which nobody could tell from in front of them."""
    ahead = cell.ahead
    while ahead < len(log) and not _hears(n, log[ahead]):
        ahead += 1
    cursor = ahead if cell.cursor == cell.ahead else cell.cursor
    return msgspec.structs.replace(cell, ahead=ahead, cursor=cursor)


def _with_cell(world: World, n: int, cell: Cell) -> World:
    cell = _passed(world.log, n, cell)
    return msgspec.structs.replace(world, cells=(*world.cells[:n], cell, *world.cells[n + 1 :]))


def _appended(world: World, kind: str, body: Any) -> World:
    books = world.books
    books = msgspec.structs.replace(books, holds=(*books.holds, books.holds[-1]))
    log = (*world.log, (kind, body))
    cells = tuple(_passed(log, n, cell) for n, cell in enumerate(world.cells))
    return World(log, cells, world.timer, world.fired, books)


def _booked(world: World, verb: str, product: str) -> World:
    books, offset = world.books, len(world.log)
    holds = Counter(books.holds[-1])
    if verb == "buy":
        books = msgspec.structs.replace(books, purchases=(*books.purchases, (offset, product)))
    if verb == "add":
        holds[product] += 1
    elif verb in ("remove", "buy") and product:
        holds[product] -= 1
    elif verb == "buy":
        holds.clear()
    now = dict(+holds)
    changed = offset if now != books.holds[-1] else books.changed
    books = msgspec.structs.replace(books, holds=(*books.holds[:-1], now), changed=changed)
    return msgspec.structs.replace(world, books=books)


def _heard(world: World, cause: int, said: Emit) -> World:
    """What must hold of each thing that is said. A message answers the request that stands at `cause`."""
    if said.kind not in ("notify.sms", SUPPRESSED):
        return world
    asked: SendNotification = world.log[cause - 1][1]
    assert asked.unless.bought is not None
    of, books = asked.unless.bought.changed_at, world.books
    bought = [at for at, what in books.purchases if of < at < cause and (not what or what in books.holds[of])]
    if isinstance(said.body, Notify):
        assert not bought, "a buyer is reminded"
        assert of > books.reminded, "twice"
        books = msgspec.structs.replace(books, reminded=of)
    else:
        assert bought, "who has not bought is not reminded"
    return msgspec.structs.replace(world, books=books)


def at_rest(world: World) -> bool:
    """Nobody has anything to do."""
    return not any(can_fold(world, n) or can_commit(world, n) for n in range(len(DOMAINS)))


def settled(world: World) -> World:
    """All is folded and committed, and nobody does anything meanwhile."""
    while True:
        for n in range(len(DOMAINS)):
            if can_fold(world, n):
                world = fold(world, n)
                break
            if can_commit(world, n):
                world = commit(world, n)
                break
        else:
            return world


def left_alone(world: World) -> None:
    """Raises AssertionError unless who abandons a cart now, in a world at rest, is reminded of it, and nobody else."""
    books = world.books
    assert not world.fired and bool(world.timer) <= bool(books.holds[-1]), "a timer of an empty cart"
    if world.timer:
        world = settled(fire(world))
        assert not world.timer, "the timer is set although nothing happened"
    if books.holds[-1]:
        assert world.books.reminded == books.changed, "who abandons is not reminded"


def known_as(world: World) -> tuple[Any, ...]:
    """Equal for worlds that go on alike.

    How a world goes on depends on which offsets lie before which others, on which firings are of the timer as it is,
    and on which orders are known of those of which somebody may still hear; neither on the carts' numbers, nor on what
    everybody has read, nor on purchases before every moment of the cart of which somebody may still speak.
    """
    last = len(world.books.purchases)
    offsets, versions, heard, shape = list[int](), [world.books.changed], {last}, list[Any]()
    for n, cell in enumerate(world.cells):
        shape.append((n, min(cell.timer, 1)))
        unread = [(at + 1, world.log[at][1]) for at in range(cell.cursor, len(world.log)) if _hears(n, world.log[at])]
        for offset, body in (*unread, *((0, emit.body) for _, emit in cell.says)):
            match body:
                case Seen(verb, product, order):
                    heard.add(order)
                    offsets.append(offset)
                    looks: Any = verb, product, order and last - order
                case TimerDue(gen=gen):
                    looks = gen == world.timer, gen == cell.timer
                case CartAbandoned(changed_at=changed, lines=lines):
                    versions.append(changed)
                    looks = tuple(line.product_id for line in lines)
                case SendNotification(unless=Unless(BoughtSince(changed, products))):
                    versions.append(changed)
                    offsets.append(offset)
                    looks = products
                case _:
                    looks = type(body).__name__
            shape.append((offset <= cell.ahead, looks))
    for state in (world.cells[0].state, world.cells[0].ahead_state):
        cart = _cart(state)
        versions.append(cart.changed)
        orders = heard.intersection(int(taken.order_id) for taken in cart.orders)
        lines = [(line.product, line.quantity) for line in cart.lines]
        shape.append((cart.told, *lines, *sorted(last - order for order in orders)))
    oldest = min(versions)
    for state in (world.cells[2].state, world.cells[2].ahead_state):
        bought = _bought(state)
        newest = {"": bought.anything, **dict(sorted(bought.products.items()))}
        offsets += [max(oldest, offset) for offset in newest.values()]
        orders = heard.intersection(map(int, bought.orders))
        shape.append((*newest, *sorted(last - order for order in orders)))
    lately = [(offset, what) for offset, what in world.books.purchases if offset > oldest]
    reminded = world.books.reminded if world.books.reminded >= oldest else 0
    offsets += (*versions, reminded, *(offset for offset, _ in lately))
    shape.append((bool(world.timer), world.fired, *world.books.holds[-1].items(), *(what for _, what in lately)))
    ranks = {offset: rank for rank, offset in enumerate(sorted(set(offsets)))}
    return tuple(ranks[offset] for offset in offsets), tuple(shape)


@lru_cache(maxsize=10_000)
def _cart(state: bytes) -> Cart:
    return msgspec.msgpack.decode(state, type=Cart)


@lru_cache(maxsize=10_000)
def _bought(state: bytes) -> Bought:
    return msgspec.msgpack.decode(state, type=Recipient).bought
