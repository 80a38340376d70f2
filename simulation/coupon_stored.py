"""Whether the stored states of the coupon domain have what the reference model has: the order of their fields is the
store's format.
"""

from __future__ import annotations

from typing import Any

import msgspec

from simulation.coupon_purse import Coupon, Purse, month
from simulation.coupon_shelf import Shelf, Slice

TALLY = ("issued", "held", "released", "redeemed", "rolled_back", "expired")
GUARD = (0, 0)


def purse_fits(purse: Purse, data: bytes) -> str:
    """Empty when it does, else what differs."""
    _, coupons, uses, armed, guard, waiting, leaving = msgspec.msgpack.decode(data, strict=False)
    stored: dict[str, Any] = {
        "coupons": {int(serial): _coupon(fields) for serial, fields in coupons.items()},
        "uses": {template: _days(purse.days.get(template, []), fields) for template, fields in uses.items()},
        "armed": armed,
        "guard": tuple(guard) if guard else GUARD,
        "waiting": waiting,
        "leaving": {int(serial): to for serial, to in leaving.items()},
    }
    mine: dict[str, Any] = {
        "coupons": {serial: _kept(coupon) for serial, coupon in purse.coupons.items()},
        "uses": {template: len(days) for template, days in purse.days.items()},
        "armed": purse.believes,
        "guard": purse.guard,
        "waiting": {template: number for template, number in purse.waiting.items() if number},
        "leaving": {serial: coupon.to for serial, coupon in purse.coupons.items() if coupon.to},
    }
    wrong = [f"{name}: {stored[name]}, the model {mine[name]}" for name in mine if stored[name] != mine[name]]
    return f"the store has {'; '.join(wrong)}" if wrong else ""


def _coupon(fields: list[Any]) -> tuple[Any, ...]:
    _, _, template, _, _, terms, public, reminded, hold, first = fields
    return template, terms[1], public, reminded, tuple(hold) if hold else None, first


def _kept(coupon: Coupon) -> tuple[Any, ...]:
    return coupon.template, coupon.until, coupon.public, coupon.reminded, coupon.hold, coupon.first


def _days(days: list[int], fields: list[int]) -> Any:
    """How many of a template somebody had, if those of its day and month are right, too."""
    ever, day, of_day, of_month = fields[0], fields[1], fields[2], fields[4]
    here = (sum(each == day for each in days), sum(month(each) == month(day) for each in days))
    return ever if here == (of_day, of_month) else (ever, "of which", (of_day, of_month), "are", here)


def shelf_fits(shelf: Shelf, lists: dict[str, list[Any]], data: bytes) -> str:
    """Empty when it does, else what differs."""
    fields = msgspec.msgpack.decode(data)
    slices = {name: fields[at] for name, at in (("stock", 6), ("budget", 7)) if fields[at] is not None}
    tally = fields[11]
    stored: dict[str, Any] = {
        "version": (fields[1], fields[2]),
        "slices": {name: (each[0], each[1], each[2], each[4], each[5]) for name, each in slices.items()},
        "tickets": fields[9] - fields[8],
        "tally": [*tally[: len(TALLY)], *tally[len(TALLY) + 1 :]],
        "orders": tally[len(TALLY)],
        "lists": fields[12],
    }
    mine: dict[str, Any] = {
        "version": (shelf.number, shelf.status),
        "slices": {name: _held(shelf, name, slice) for name, slice in shelf.slices.items()},
        "tickets": len(shelf.queue),
        "tally": [shelf.tally[name] for name in (*TALLY, "discount", "revenue", "transferred")],
        "orders": shelf.tally["redeemed"] - shelf.tally["rolled_back"],
        "lists": lists,
    }
    wrong = [f"{name}: {stored[name]}, the model {mine[name]}" for name in mine if stored[name] != mine[name]]
    return f"the store has {'; '.join(wrong)}" if wrong else ""


def _held(shelf: Shelf, name: str, slice: Slice) -> tuple[Any, ...]:
    queued = sum(ticket.need.get(name, 0) for ticket in shelf.queue)
    return slice.left, slice.left - shelf.free(name), queued, slice.dry, slice.scarce
