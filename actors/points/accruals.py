"""Points that come: from orders by the rules, as somebody says, for signing in, for a referral, from an operator.

All go one way: the wallet is found, caps cut or refuse, a debt is paid first, the rest is a lot or waits. What belongs
to an order is written into its book, so that a refund takes back just that.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from actors import orders
from actors.calendar import DAY_MS
from actors.commands import Refusal
from actors.fields import rfc3339_ms
from actors.orders import Order
from actors.points import caps, earning, ledger, order_book, reversals, standing
from actors.points.conditions import Who, who_is
from actors.points.earning import Estimate
from actors.points.effects import Cut, PointsEarned, PointsPending, PointsRefused
from actors.points.inputs import AccruePoints
from actors.points.ledger import Came, TooMany
from actors.points.once import once
from actors.points.order_book import Change, Item, OrderBook
from actors.points.programme import MAIN_NAME
from actors.points.records import ItemLine
from actors.points.results import Accrued
from actors.points.state import MAIN, Pending
from actors.points.teller import Teller
from actors.points.times import shown
from actors.points.upkeep import merged

CHANGE = "increase"


class Accrual(msgspec.Struct, frozen=True):
    """What is to come, before caps. `active_from` None: at once; 0: at `order_completed`. `expires` None: by the rules.
    `ordinary`: caps that name no reasons count for it.
    """

    points: int
    reason: str
    order_id: str | None = None
    wallet: str | None = None
    active_from: int | None = None
    expires: int | None = None
    ordinary: bool = True
    order: Order | None = None
    estimate: Estimate | None = None
    referred: str | None = None
    elsewhere: str | None = None
    """The order of somebody else that it comes of: told, and in no book of this user."""
    note: str = ""

    @property
    def told_order_id(self) -> str | None:
        return self.order_id or self.elsewhere

    @property
    def programme(self) -> bool:
        """Whether rules gave the points."""
        return self.estimate is not None


def accrue(teller: Teller, accrual: Accrual) -> Came | None:
    """Let the points of `accrual` come, and say so; None when they are refused, which has been said then."""
    name = wallet_name(teller, accrual.wallet, accrual.reason)
    if name is None:
        _refuse(teller, accrual, "unknown_wallet", f"the programme has no wallet {accrual.wallet!a}")
        return None
    allowed = _capped(teller, accrual)
    if isinstance(allowed, caps.CapRefused):
        detail = f"the cap {allowed.cap} has {allowed.left} points left"
        _refuse(teller, accrual, "cap_reached", detail, cap=allowed.cap, left=allowed.left)
        return None
    if accrual.points and not allowed.points:
        _tell_spent_cap(teller, accrual, max(allowed.cut, key=lambda cut: cut[1])[0])
        return Came(0, 0) if accrual.order else None
    if accrual.expires is not None and accrual.expires <= max(teller.at, accrual.active_from or 0):
        _refuse(teller, accrual, "in_the_past", "expires_at must be later than the points become active")
        return None
    came = _come(teller, accrual, name, allowed)
    if came is not None:
        _use_caps(teller, accrual, allowed.points)
    return came


def accrue_points(teller: Teller, body: AccruePoints) -> None:
    """`points_accrue`."""
    order = _order(body)
    order_id = order.order_id if order else body.order_id
    if order_id and not _new(teller, body, order, teller.order(order_id), order_id):
        return
    if order and order.currency != teller.programme.rules.currency:
        detail = f"the programme reckons in {teller.programme.rules.currency}, the order is in {order.currency}"
        teller.refuse(CHANGE, "currency_mismatch", detail, 0, body.reason, order_id)
        return
    estimate = earning.estimate(teller.programme, order, who(teller), teller.at) if order else None
    if isinstance(estimate, Refusal):
        teller.refuse(CHANGE, "too_many_points", estimate.message, 0, body.reason, order_id)
        return
    points = estimate.points if estimate else body.points or 0
    accrual = Accrual(
        points, body.reason, order_id, body.wallet, _active_from(teller, body, order), _moment(body.expires_at),
        order=order, estimate=estimate,
    )  # fmt: skip
    came = accrue(teller, accrual)
    if came is None:
        return
    undone, undone_money = _write_down(teller, accrual, order_id, came) if order_id else (0, 0)
    standing.here(teller)
    money = order.amount if order else 0
    standing.counted(teller, came.points + came.to_debt - undone, money - undone_money)
    _answer(teller, accrual, came, estimate)


def _new(teller: Teller, body: AccruePoints, order: Order | None, book: OrderBook, order_id: str) -> bool:
    """Whether nothing was accrued under this order and reason yet; if not, it is said how it stands."""
    points = body.points or 0

    def same(before: Change) -> bool:
        return _describes(book, order) if order else before.points == points

    if not once(teller, CHANGE, points, body.reason, order_id, same):
        return False
    if order and book.currency:
        detail = "the order's items have been told before, for another reason"
        teller.refuse(CHANGE, "order_conflict", detail, points, body.reason, order_id)
        return False
    return True


def _describes(book: OrderBook, order: Order) -> bool:
    told = [(item.product, item.amount, item.quantity) for item in order.items]
    known = [(item.id, item.amount, item.quantity) for item in book.items]
    return (book.currency, book.amount, known) == (order.currency, order.amount, told)


def _write_down(teller: Teller, accrual: Accrual, order_id: str, came: Came) -> tuple[int, int]:
    """The book of the order; how many points and how much money of it were refunded at once."""
    book = teller.order(order_id)
    # As it was asked for, not as a cap left it: a resend says the same again.
    order_book.note(book, Change(CHANGE, accrual.reason, accrual.points, teller.place))
    if accrual.order and accrual.estimate:
        teller.account.orders += 1
        dealt = earning.dealt(accrual.estimate, came.points + came.to_debt)
        items = [
            Item(item.product, item.amount, item.quantity, points)
            for item, points in zip(accrual.order.items, dealt, strict=True)
        ]
        order_book.describe(book, accrual.order.currency, accrual.order.amount, teller.at, items)
    elif not book.at:
        book.at = teller.at
    undone = reversals.follow(teller, book, order_id)
    teller.keep_order()
    return undone


def who(teller: Teller) -> Who:
    """What the earn rules ask of the user."""
    return who_is(teller.account, standing.level(teller))


def _order(body: AccruePoints) -> Order | None:
    if bytes(body.order) == b"null":
        return None
    order = orders.parse(bytes(body.order))
    assert isinstance(order, Order), order  # the door has read it before
    return order


def _active_from(teller: Teller, body: AccruePoints, order: Order | None) -> int | None:
    """When the points can be spent, as the message says, else (for orders) the programme."""
    pending, rules = body.pending, teller.programme.rules.pending
    if pending is not None:
        if pending.on is not None:
            return None if _completed(teller, body, order) else 0
        return _moment(pending.at) or teller.at + (pending.days or 0) * DAY_MS
    if order is None or rules.until == "now":
        return None
    if rules.until == "days":
        return teller.at + rules.days * DAY_MS
    return None if _completed(teller, body, order) else 0


def _completed(teller: Teller, body: AccruePoints, order: Order | None) -> bool:
    order_id = order.order_id if order else body.order_id
    return order_id is not None and teller.order(order_id).completed


def _moment(text: str | None) -> int | None:
    return rfc3339_ms(text) if text else None


def _answer(teller: Teller, accrual: Accrual, came: Came, estimate: Estimate | None) -> None:
    name = wallet_name(teller, accrual.wallet, accrual.reason) or MAIN
    points = came.points + came.to_debt
    teller.answer(
        Accrued, points, name, pending=points if _waits(teller, accrual) else 0, debt_paid=came.to_debt,
        cut=accrual.points - points, order_id=accrual.order_id or UNSET,
        programme=teller.programme.version if estimate else UNSET, items=estimate.items if estimate else UNSET,
    )  # fmt: skip


def _tell_spent_cap(teller: Teller, accrual: Accrual, cap: str) -> None:
    """A cap that cuts has nothing left. An order is taken note of all the same: it was bought, and may be refunded."""
    detail = f"the cap {cap} has nothing left"
    effect = PointsRefused(
        accrual.points, teller.balance(), accrual.reason, accrual.told_order_id, CHANGE, "cap_reached", detail
    )
    teller.say("points.refused", effect, accrual.reason)
    if accrual.order is None:
        teller.decline("cap_reached", detail, accrual.points, cap=cap, left=0)


def wallet_name(teller: Teller, wallet: str | None, reason: str) -> str | None:
    """As states write it: of the wallet that was named, else of the one that takes this reason; None: unknown."""
    if wallet is None:
        return teller.programme.wallet_for(reason)
    if wallet == MAIN_NAME:
        return MAIN
    return wallet if wallet in teller.programme.rules.wallets else None


def _come(teller: Teller, accrual: Accrual, name: str, allowed: caps.Allowed) -> Came | None:
    if not allowed.points:
        return Came(0, 0)
    cut = tuple([Cut(*each) for each in allowed.cut]) if allowed.cut else UNSET
    if _waits(teller, accrual):
        return _pend(teller, accrual, name, allowed.points, cut)
    return _earn(teller, accrual, name, allowed.points, cut)


def _waits(teller: Teller, accrual: Accrual) -> bool:
    """Whether the points cannot be spent yet."""
    return accrual.active_from is not None and not 0 < accrual.active_from <= teller.at


def _earn(teller: Teller, accrual: Accrual, name: str, points: int, cut: Any) -> Came:
    expires = accrual.expires or teller.programme.expiry(name, teller.at)
    wallet = teller.wallet(name)
    lot = teller.lot(expires, points)
    came = ledger.earn(wallet, lot, teller.programme.lots_max)
    merged(teller, came, name)
    version, order_id = teller.programme.version if accrual.programme else "", accrual.told_order_id
    balance = teller.line(
        CHANGE, points, accrual.reason, order_id, [lot], name, programme=version, items=_items(accrual),
        note=accrual.note, other_user_id=accrual.referred or "",
    )  # fmt: skip
    effect = PointsEarned(
        points, balance, accrual.reason, order_id, shown(expires), accrual.referred, name or UNSET,
        came.to_debt or UNSET, cut, version or UNSET, note=accrual.note or UNSET,
    )  # fmt: skip
    teller.say("points.earned", effect, accrual.reason)
    if accrual.order_id:
        order_book.earned(teller.order(accrual.order_id), name, lot)
    return came


def _pend(teller: Teller, accrual: Accrual, name: str, points: int, cut: Any) -> Came | None:
    starts = accrual.active_from or 0
    expires = accrual.expires or (teller.programme.expiry(name, starts) if starts else 0)
    lot = teller.lot(expires, points)
    waits = Pending(starts, expires, points, lot.epoch, lot.offset, accrual.order_id or "")
    if isinstance(many := ledger.pend(teller.wallet(name), waits), TooMany):
        _refuse(teller, accrual, "too_many_pending", f"{many.limit} accruals are pending already", limit=many.limit)
        return None
    version = teller.programme.version if accrual.programme else ""
    balance = teller.line(
        "pending", points, accrual.reason, accrual.order_id, [lot], name, programme=version, items=_items(accrual)
    )
    effect = PointsPending(
        points, balance, accrual.reason, accrual.order_id, shown(starts) if starts else None, name or UNSET, cut,
        version or UNSET,
    )  # fmt: skip
    teller.say("points.pending", effect, accrual.reason)
    if accrual.order_id:
        order_book.earned(teller.order(accrual.order_id), name, lot)
    return Came(points, 0)


def _capped(teller: Teller, accrual: Accrual) -> caps.Allowed | caps.CapRefused:
    rules = teller.programme.rules
    if not rules.caps:
        return caps.Allowed(accrual.points)
    return caps.allow(teller.account.caps, rules.caps, teller.programme.days, _for_caps(teller, accrual))


def _use_caps(teller: Teller, accrual: Accrual, points: int) -> None:
    rules = teller.programme.rules
    if rules.caps or teller.account.caps:
        counted = msgspec.structs.replace(_for_caps(teller, accrual), points=points)
        caps.use(teller.account.caps, rules.caps, teller.programme.days, counted)


def _for_caps(teller: Teller, accrual: Accrual) -> caps.Accrual:
    before = order_book.earned_points(teller.order(accrual.order_id)) if accrual.order_id else None
    return caps.Accrual(accrual.points, accrual.reason, teller.at, before, accrual.ordinary)


def _items(accrual: Accrual) -> tuple[ItemLine, ...]:
    if accrual.estimate is None:
        return ()
    return tuple([ItemLine(item.product, item.points, item.rules) for item in accrual.estimate.items])


def _refuse(teller: Teller, accrual: Accrual, code: Any, detail: str, **numbers: Any) -> None:
    teller.refuse(CHANGE, code, detail, accrual.points, accrual.reason, accrual.told_order_id, **numbers)
