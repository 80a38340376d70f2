"""Points that go because their owner uses them: at once, or held first and confirmed later.

A reservation is known by its id for ever: one that ended says how, so that a late confirm is told `reservation_expired`
and not that it never was. What is spent for an order is written into the order's book, since a refund brings it back.
"""

from __future__ import annotations

from msgspec import UNSET

from actors.points import keys, ledger, lots, order_book, reservations, standing, upkeep
from actors.points.accruals import wallet_name
from actors.points.effects import PointsConfirmed, PointsReserved, PointsSpent
from actors.points.inputs import CancelReservation, ConfirmReservation, RedeemPoints, ReservePoints
from actors.points.ledger import Short, TooMany
from actors.points.once import once
from actors.points.order_book import Change
from actors.points.programme import MAIN_NAME
from actors.points.reservations import Ended, Exceeds, InUse, Unknown
from actors.points.results import Cancelled, Confirmed, Redeemed, Reserved
from actors.points.state import MAIN
from actors.points.teller import Teller
from supervision.envelope import rfc3339
from supervision.outputs import Claim

CHANGE = "decrease"
HELD, CONFIRMED, CANCELLED = b"held", b"confirmed", b"cancelled"


def redeem_points(teller: Teller, body: RedeemPoints) -> None:
    """`points_redeem`: spend at once; once for each order and reason."""
    name = _wallet_for(teller, body.wallet, body.reason, CHANGE, body.points, body.order_id)
    if name is None:
        return
    if body.order_id and not once(
        teller, CHANGE, body.points, body.reason, body.order_id, lambda before: before.points == body.points
    ):
        return
    if not spend(teller, body.points, body.reason, body.order_id, name):
        return
    if body.order_id:
        order_book.note(teller.order(body.order_id), Change(CHANGE, body.reason, body.points, teller.place))
        teller.keep_order()
    teller.answer(Redeemed, body.points, name)


def spend(teller: Teller, points: int, reason: str, order_id: str | None, name: str = MAIN) -> bool:
    """Take the points, soonest to expire first, and say so; or refuse."""
    taken = ledger.spend(teller.wallet(name), points)
    if isinstance(taken, Short):
        _short(teller, CHANGE, points, taken, reason, order_id, name)
        return False
    standing.here(teller)
    balance = teller.line(CHANGE, points, reason, order_id, taken, name)
    teller.say("points.spent", PointsSpent(points, balance, reason, order_id, name or UNSET), reason)
    if order_id:
        order_book.spent(teller.order(order_id), name, taken)
    return True


def reserve(teller: Teller, body: ReservePoints) -> None:
    """Hold points for a while."""
    rules = teller.programme.rules.reserve
    rid = reservation_id(teller.place, body)
    ttl_s = rules.ttl_s_default if body.ttl_s is None else body.ttl_s
    name = _wallet_for(teller, body.wallet, "reserve", "reserve", body.points, body.order_id)
    if name is None:
        return
    if ttl_s > rules.ttl_s_max:
        detail = f"a reservation lasts {rules.ttl_s_max} s at most, not {ttl_s}"
        teller.refuse(
            "reserve", "ttl_too_long", detail, body.points, "", body.order_id, name, ttl_s_max=rules.ttl_s_max
        )
        return
    key = keys.reservation(teller.user_id, rid)
    until = teller.at + ttl_s * 1000
    teller.wallet(name)
    held = InUse() if key in teller.event.claimed else None
    held = held or reservations.hold(teller.account, rid, name, body.points, until, body.order_id or "")
    match held:
        case InUse():
            detail = f"there is or was a reservation {rid!a}"
            teller.refuse("reserve", "reservation_exists", detail, body.points, "", body.order_id, name)
        case TooMany(limit=limit):
            detail = f"there are {limit} reservations already"
            teller.refuse("reserve", "too_many_reservations", detail, body.points, "", body.order_id, name, limit=limit)
        case Short():
            _short(teller, "reserve", body.points, held, "reserve", body.order_id, name)
        case reservation:
            standing.here(teller)
            balance = teller.line(
                "reserve", body.points, "reserve", body.order_id, reservation.parts, name, reservation_id=rid
            )
            effect = PointsReserved(body.points, balance, rid, body.order_id, rfc3339(until), name or UNSET)
            teller.say("points.reserved", effect)
            teller.outputs.append(Claim(key, HELD))
            teller.answer(Reserved, body.points, name, reservation_id=rid, expires_at=rfc3339(until))


def reservation_id(place: str, body: ReservePoints) -> str:
    """What the caller calls it, else a name made of the place of the entry that asked for it."""
    return body.reservation_id or f"r-{place}"


def confirm(teller: Teller, body: ConfirmReservation) -> None:
    """Spend what is held, or a part of it; the rest is free again."""
    rid = body.reservation_id
    reservation = teller.account.reservations.get(rid)
    if reservation is None:
        _gone(teller, "confirm", rid, body.points or 0)
        return
    name, order_id = reservation.wallet, reservation.order_id or None
    teller.wallet(name)
    ended = reservations.confirm(teller.account, rid, body.points, teller.programme.rules.lots_max)
    if isinstance(ended, Exceeds):
        detail = f"the reservation holds {ended.held} points"
        teller.refuse("confirm", "more_than_held", detail, body.points or 0, "", order_id, name, held=ended.held)
        return
    assert isinstance(ended, Ended)
    upkeep.merged(teller, ended.came, name)
    points, free = lots.total(ended.spent), lots.total(ended.released)
    standing.here(teller)
    balance = teller.line("confirm", points, "confirm", order_id, ended.spent, name, reservation_id=rid)
    effect = PointsConfirmed(points, free, balance, rid, order_id, name or UNSET)
    teller.say("points.confirmed", effect)
    if order_id:
        order_book.spent(teller.order(order_id), name, ended.spent)
        teller.keep_order()
    _close(teller, rid, CONFIRMED)
    upkeep.expire(teller, name, teller.wallet(name))
    teller.answer(Confirmed, points, name, released=free, reservation_id=rid)


def cancel(teller: Teller, body: CancelReservation) -> None:
    """What is held is free again."""
    rid = body.reservation_id
    reservation = teller.account.reservations.get(rid)
    if reservation is None:
        _gone(teller, "cancel", rid, 0)
        return
    name = reservation.wallet
    teller.wallet(name)
    ended = reservations.release(teller.account, rid, teller.programme.rules.lots_max)
    assert not isinstance(ended, Unknown)
    upkeep.released(teller, rid, ended, "cancelled")
    _close(teller, rid, CANCELLED)
    upkeep.expire(teller, name, teller.wallet(name))
    teller.answer(Cancelled, lots.total(ended.released), name, reservation_id=rid)


def _gone(teller: Teller, change: str, rid: str, points: int) -> None:
    """Why there is no such reservation."""
    match teller.event.claimed.get(keys.reservation(teller.user_id, rid)):
        case None:
            teller.refuse(change, "unknown_reservation", f"there never was a reservation {rid!a}", points)
        case b"confirmed" | b"cancelled" as how:
            ended = how.decode()
            detail = f"the reservation {rid!a} was {ended}"
            teller.refuse(change, "reservation_closed", detail, points, ended=ended)
        case _:
            teller.refuse(change, "reservation_expired", f"the reservation {rid!a} has expired", points)


def _close(teller: Teller, rid: str, how: bytes) -> None:
    teller.outputs.append(Claim(keys.reservation(teller.user_id, rid), how, replaces=True))


def _wallet_for(
    teller: Teller, wallet: str | None, use: str, change: str, points: int, order_id: str | None
) -> str | None:  # fmt: skip
    """The wallet to take from, when there is one and it may be used for this; else it was refused."""
    name = MAIN if wallet is None else wallet_name(teller, wallet, "")
    if name is None:
        teller.refuse(change, "unknown_wallet", f"the programme has no wallet {wallet!a}", points, use, order_id)
        return None
    return name if usable(teller, use, change, points, order_id, name) else None


def usable(teller: Teller, use: str, change: str, points: int, order_id: str | None = None, name: str = MAIN) -> bool:
    """Whether points of the wallet may go for this use, whichever way they go; else it was refused."""
    if teller.programme.may_use(name, use):
        return True
    shown = name or MAIN_NAME
    detail = f"points of the wallet {shown} are for {', '.join(teller.programme.rules.wallets[shown].uses)}"
    teller.refuse(change, "wallet_use", detail, points, use, order_id, name)
    return False


def _short(
    teller: Teller, change: str, points: int, short: Short, reason: str, order_id: str | None, name: str
) -> None:  # fmt: skip
    detail = f"{short.missing} points are missing"
    teller.refuse(change, "insufficient_points", detail, points, reason, order_id, name, missing=short.missing)
