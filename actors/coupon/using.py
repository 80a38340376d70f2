"""Using coupons: hold for an order, redeem with it, release the hold, roll the use back.

A hold and a use cost the template's budget what they take off, from the segment's slice; what a hold has taken its use
need not take again. The same coupon with the same order again is the same use, and gets the same answer. Several
coupons of one order are reckoned one after the other, each on what those before it have left, which is how they were
validated if they come in that order.
"""

from __future__ import annotations

from msgspec import UNSET

from actors.calendar import DAY_MS
from actors.commands import Refusal
from actors.coupon import finding, guard, imported, inputs, issuing, keys, narrowing, order_coupons, shelf
from actors.coupon.clerk import Clerk, Sent
from actors.coupon.discount import judge, places_of
from actors.coupon.effects import (
    Asked,
    CouponHeld,
    CouponRedeemed,
    CouponRefused,
    CouponReleased,
    CouponRolledBack,
    ItemDiscount,
)
from actors.coupon.finding import Read, Spelled, declined
from actors.coupon.offer import Offer
from actors.coupon.order_coupons import OrderCoupons, Used
from actors.coupon.reasons import Code, Reason
from actors.coupon.results import Held, Redeemed, Released, RolledBack
from actors.coupon.shelf import Need
from actors.coupon.spelling import SUBJECT, masked
from actors.coupon.stacking import COUPONS_PER_ORDER_MAX
from actors.coupon.state import PURSE_MAX, Coupon, Hold, Purse, Uses
from actors.coupon.taking import Discount, take
from actors.coupon.template import Stacking
from actors.orders import Order
from supervision.envelope import rfc3339
from supervision.outputs import Claim

HOLD_S = 15 * 60
"""Of a hold that names no time."""
CODE_SOURCE = "code"
"""Where a coupon taken by a public code comes from. One by an imported code comes from that code's subject."""


def redeem(clerk: Clerk, body: inputs.UseCoupon, order: Order, meant: Read | Refusal, sent: Sent) -> None:
    """`coupon_use`."""
    book = _book(clerk, order.order_id)
    if not isinstance(meant, Refusal) and (use := finding.used(book, meant, clerk.segment)):
        _answer_use(clerk, use, book, order.order_id)
        return
    wanted = _wanted(clerk, "redeem", body.code, order, meant, book)
    if wanted is None:
        return
    coupon, discount = wanted
    if not _paid(clerk, "redeem", body.code, order, coupon, discount, sent):
        return
    clerk.purse.coupons.pop(coupon.serial, None)
    coupon.hold = None
    rules = clerk.judged_by(coupon).template.stacking
    by_item = [(item.product, off) for item, off in zip(order.items, discount.by_item, strict=True) if off]
    group = _group(coupon, rules)
    use = Used(coupon, discount.total, by_item, discount.shipping, group, rules.exclusive, order.amount)
    book.currency = order.currency
    book.used.append(use)
    _keep(clerk, order.order_id, book)
    _used_up(clerk, use, order)
    _answer_use(clerk, use, book, order.order_id)


def hold(clerk: Clerk, body: inputs.HoldCoupon, order: Order, meant: Read | Refusal, sent: Sent) -> None:
    """`coupon_hold`. Again for the same order: held anew, as long as is said now."""
    book = _book(clerk, order.order_id)
    if not isinstance(meant, Refusal) and finding.used(book, meant, clerk.segment):
        _refuse(clerk, "hold", declined(Code.ALREADY_REDEEMED), body.code, order.order_id)
        return
    wanted = _wanted(clerk, "hold", body.code, order, meant, book)
    if wanted is None:
        return
    coupon, discount = wanted
    if not _paid(clerk, "hold", body.code, order, coupon, discount, sent):
        return
    until = clerk.at + (body.ttl_s or HOLD_S) * 1_000
    coupon.hold = Hold(order.order_id, until, discount.total, clerk.at)
    clerk.purse.coupons[coupon.serial] = coupon
    clerk.shelf.tally.held += 1
    clerk.line("held", coupon, order_id=order.order_id, discount=discount.total)
    code, ends = clerk.code(coupon), rfc3339(until)
    clerk.say("coupon.held", CouponHeld(code, coupon.template, order.order_id, order.currency, discount.total, ends))
    items = tuple([ItemDiscount(item.product, off) for item, off in zip(order.items, discount.by_item, strict=True)])
    clerk.answer(Held(code, order.order_id, order.currency, discount.total, items, ends))


def release(clerk: Clerk, body: inputs.ReleaseCoupon, meant: Read | Refusal) -> None:
    """`coupon_release`."""
    coupon = meant if isinstance(meant, Refusal) else finding.found(clerk, meant, body.order_id)
    if coupon is None or isinstance(coupon, Refusal):
        why = finding.strange(clerk, coupon or declined(Code.NOT_HELD))
        _refuse(clerk, "release", why, body.code, body.order_id)
        return
    if coupon.hold is None or coupon.hold.order_id != body.order_id:
        _refuse(clerk, "release", declined(Code.NOT_HELD), body.code, body.order_id)
        return
    code = clerk.code(coupon)
    let_go(clerk, coupon, "cancelled")
    clerk.answer(Released(code, body.order_id))


def let_go(clerk: Clerk, coupon: Coupon, reason: str) -> None:
    """The coupon's hold is over; one that was taken by a public code goes back to the template."""
    held = coupon.hold
    assert held is not None, coupon
    coupon.hold = None
    shelf.put(clerk.shelf, Need(budget=held.discount))
    clerk.shelf.tally.released += 1
    clerk.line("released", coupon, order_id=held.order_id, reason=reason)
    clerk.say("coupon.released", CouponReleased(clerk.code(coupon), coupon.template, held.order_id, reason))
    if coupon.public:
        del clerk.purse.coupons[coupon.serial]
        _give_back(clerk, coupon)


def roll_back(clerk: Clerk, body: inputs.RollBackCoupon, meant: Read | Refusal) -> None:
    """`coupon_rollback`."""
    book = _book(clerk, body.order_id)
    use = meant if isinstance(meant, Refusal) else finding.used(book, meant, clerk.segment)
    if use is None or isinstance(use, Refusal):
        why = finding.strange(clerk, use or declined(Code.NOT_REDEEMED))
        _refuse(clerk, "rollback", why, body.code, body.order_id)
        return
    if not use.coupon.public and len(clerk.purse.coupons) >= PURSE_MAX:
        _refuse(clerk, "rollback", declined(Code.PURSE_FULL), body.code, body.order_id)
        return
    book.used.remove(use)
    _keep(clerk, body.order_id, book)
    shelf.put(clerk.shelf, Need(budget=use.discount))
    tally = clerk.shelf.tally
    tally.rolled_back += 1
    tally.discount -= use.discount
    tally.revenue -= use.amount
    tally.orders -= 1
    _returned(clerk, use, book, body)


def _returned(clerk: Clerk, use: Used, book: OrderCoupons, body: inputs.RollBackCoupon) -> None:
    """What comes of the coupon whose use is no more."""
    coupon, terms = use.coupon, use.coupon.terms
    if body.extend_days:
        until = max(terms.valid_until, clerk.at) + body.extend_days * DAY_MS
        terms = coupon.terms = narrowing.Terms(terms.valid_from, until, terms.minimum, terms.categories, terms.products)
    alive = terms.valid_until > clerk.at and not coupon.public
    coupon.reminded = coupon.reminded and not body.extend_days
    if alive:
        clerk.purse.coupons[coupon.serial] = coupon
        issuing.uses_of(clerk)
    if coupon.public:
        _give_back(clerk, coupon)
    if coupon.imported or not coupon.public:
        clerk.whose(coupon)
    ends = rfc3339(terms.valid_until)
    clerk.line("rolled_back", coupon, order_id=body.order_id, discount=use.discount, valid_until=ends)
    code = clerk.code(coupon)
    expired = not alive and not coupon.public
    clerk.say(
        "coupon.rolled_back",
        CouponRolledBack(code, coupon.template, body.order_id, book.currency, use.discount, ends, expired),
    )
    clerk.usage("rolled_back", -1, -use.discount, -use.amount, body.order_id)
    if expired:
        clerk.shelf.tally.expired += 1
        clerk.line("expired", coupon)
    clerk.answer(RolledBack(code, body.order_id, use.discount, ends))


def _wanted(
    clerk: Clerk, asked: Asked, code: str, order: Order, meant: Read | Refusal, book: OrderCoupons
) -> tuple[Coupon, Discount] | None:
    """The coupon and what it takes off; None when that was refused."""
    coupon = usable(clerk, asked, order, meant)
    if isinstance(coupon, Refusal):
        finding.missed(clerk, coupon)
        _refuse(clerk, asked, coupon, code, order.order_id)
        return None
    at = judged_at(clerk, coupon) if asked == "redeem" else clerk.at
    worth = _worth(clerk, coupon, order, book, at)
    if isinstance(worth, Discount):
        return coupon, worth
    first = worth[0].code
    _refuse(clerk, asked, declined(first), code, order.order_id, worth)
    return None


def usable(clerk: Clerk, asked: Asked, order: Order, meant: Read | Refusal) -> Coupon | Refusal:
    """The user's coupon, if it may be used with the order whatever is in that."""
    coupon = _own(clerk, asked, order, meant)
    if isinstance(coupon, Refusal):
        return coupon
    if coupon.serial in clerk.purse.leaving:
        return declined(Code.BEING_TRANSFERRED)
    held = coupon.hold
    if held is not None and held.order_id != order.order_id:
        return declined(Code.HELD_BY_OTHER_ORDER)
    if clerk.shelf.status == "paused" and held is None:
        return declined(Code.TEMPLATE_PAUSED)
    return coupon


def _own(clerk: Clerk, asked: Asked, order: Order, meant: Read | Refusal) -> Coupon | Refusal:
    """The user's coupon, taken now when it is by a public code."""
    if wait := finding.wait_ms(clerk):
        return guard.too_many_attempts(wait)
    coupon = meant if isinstance(meant, Refusal) else finding.found(clerk, meant, order.order_id)
    return _taken_by_code(clerk, meant, kept=asked == "hold") if coupon is None else coupon


def must_fetch(clerk: Clerk, meant: Read | Refusal, order_id: str) -> bool:
    """Whether the code is an imported one that must be asked first: the user was not lent it for the command, and has
    not got by it what is meant. While he must wait no code is asked.
    """
    if not isinstance(meant, Spelled) or clerk.lent or finding.wait_ms(clerk):
        return False
    has_used = finding.used(_book(clerk, order_id), meant, clerk.segment)
    return has_used is None and finding.found(clerk, meant, order_id) is None


def _taken_by_code(clerk: Clerk, meant: Read | Refusal, kept: bool) -> Coupon | Refusal:
    """A coupon by a public code, or an imported one that was lent, which is the user's when it is paid for (_paid);
    `kept`: in the purse, not used at once.
    """
    if clerk.shelf.status == "draft":
        return declined(Code.UNKNOWN_CODE)
    if clerk.shelf.status != "active":
        return declined(Code.TEMPLATE_PAUSED if clerk.shelf.status == "paused" else Code.TEMPLATE_CLOSED)
    offer = clerk.offer()
    uses = clerk.purse.uses.get(clerk.template) or Uses()
    problem = issuing.full(clerk, clerk.template, 1 if kept else 0)
    terms = problem or issuing.limited(offer, uses, 1, clerk.at) or narrowing.terms(offer, clerk.at)
    if isinstance(terms, Refusal):
        return terms
    serial = clerk.event.entry.offset * issuing.SERIALS_PER_ENTRY
    assert not isinstance(meant, Spelled) or clerk.lent == meant.code, f"{meant} was not asked"
    source = SUBJECT + meant.code if isinstance(meant, Spelled) else CODE_SOURCE
    return Coupon(serial, clerk.code_keys.newest.id, clerk.template, clerk.shelf.version, source, terms, public=True)


def _worth(
    clerk: Clerk, coupon: Coupon, order: Order, book: OrderCoupons, at: int
) -> Discount | tuple[Reason, ...]:  # fmt: skip
    """What the coupon, by the time `at`, takes off what those used with the order have left, or all reasons why
    nothing. What is held is used by the time at which it was held: that its hours end meanwhile is what holds are for.
    """
    offer = clerk.judged_by(coupon)
    alone = judge(coupon.terms, offer, order, at)
    if not isinstance(alone, Discount) or not book.used:
        return alone
    if problem := not_combinable(coupon, offer, order, book):
        return (problem,)
    left, shipping = order_coupons.left(book, order)
    worth = take(offer, order, places_of(coupon.terms, offer, order), left, shipping)
    return worth if worth.total else (Reason(Code.NO_GAIN),)


def judged_at(clerk: Clerk, coupon: Coupon) -> int:
    """By which time the coupon is used: what is held, by the time at which it was held."""
    return clerk.at if coupon.hold is None else coupon.hold.at


def not_combinable(coupon: Coupon, offer: Offer, order: Order, book: OrderCoupons) -> Reason | None:
    """Why the coupon cannot be used beside those used with the order already."""
    if order.currency != book.currency:
        return Reason(Code.CURRENCY, "order.currency", book.currency, order.currency)
    if len(book.used) >= COUPONS_PER_ORDER_MAX:
        return Reason(Code.TOO_MANY_COUPONS, "order_id", COUPONS_PER_ORDER_MAX, len(book.used))
    rules = offer.template.stacking
    group = _group(coupon, rules)
    for use in book.used:
        if rules.exclusive or use.exclusive or use.group == group:
            return Reason(Code.NOT_COMBINABLE, "stacking", None, use.coupon.template)
    return None


def _group(coupon: Coupon, rules: Stacking) -> str:
    """As in stacking.py, in one word."""
    return f"template:{coupon.template}" if rules.group is None else f"group:{rules.group}"


def _paid(clerk: Clerk, asked: Asked, code: str, order: Order, coupon: Coupon, discount: Discount, sent: Sent) -> bool:
    """Take the discount from the budget, and a coupon by a public code from the stock. False: refused, or it waits."""
    before = coupon.hold.discount if coupon.hold else 0
    need = needed(clerk.purse, coupon, discount.total)
    match shelf.room(clerk.shelf, need, clerk.served):
        case "never", resource:
            why = declined(Code.SOLD_OUT if resource == "stock" else Code.BUDGET_SPENT)
            _refuse(clerk, asked, why, code, order.order_id)
            return False
        case "later", _:
            clerk.wait(need, "", sent.kind, sent.body)
            return False
        case _:
            shelf.take(clerk.shelf, need, clerk.at)
            shelf.put(clerk.shelf, Need(budget=max(0, before - discount.total)))
    if need.stock:
        issuing.count(clerk, 1)
        clerk.lent = ""
        begins, ends = rfc3339(coupon.terms.valid_from), rfc3339(coupon.terms.valid_until)
        source = SUBJECT + masked(coupon.imported) if coupon.imported else CODE_SOURCE
        clerk.line("issued", coupon, version=coupon.version, source=source, valid_from=begins, valid_until=ends)
    return True


def needed(purse: Purse, coupon: Coupon, discount: int) -> Need:
    """What its hold or use takes from the shelf."""
    before = coupon.hold.discount if coupon.hold else 0
    new = coupon.public and coupon.serial not in purse.coupons
    return Need(stock=1 if new else 0, budget=max(0, discount - before))


def _used_up(clerk: Clerk, use: Used, order: Order) -> None:
    coupon, discount = use.coupon, use.discount
    tally = clerk.shelf.tally
    tally.redeemed += 1
    tally.orders += 1
    tally.discount += discount
    tally.revenue += order.amount
    clerk.line("redeemed", coupon, order_id=order.order_id, discount=discount)
    if coupon.imported or not coupon.public:
        clerk.whose(coupon, "redeemed", order.order_id)
    effect = CouponRedeemed(
        clerk.code(coupon), coupon.template, order.order_id, order.currency, order.amount, discount, _by_item(use)
    )
    clerk.say("coupon.redeemed", effect)
    clerk.usage("redeemed", 1, discount, order.amount, order.order_id)


def _answer_use(clerk: Clerk, use: Used, book: OrderCoupons, order_id: str) -> None:
    clerk.answer(Redeemed(clerk.code(use.coupon), order_id, book.currency, use.discount, _by_item(use)))


def _by_item(use: Used) -> tuple[ItemDiscount, ...]:
    return tuple([ItemDiscount(product, off) for product, off in use.by_item])


def _give_back(clerk: Clerk, coupon: Coupon) -> None:
    """A coupon that was taken by a public code is the template's again, and counts for the user no more, neither in all
    nor for the day on which it was taken. An imported code is anybody's again.
    """
    if coupon.imported:
        clerk.outputs.append(imported.back(coupon.imported, clerk.user_id))
    shelf.put(clerk.shelf, Need(stock=1))
    clerk.shelf.tally.issued -= 1
    uses, (day, month) = issuing.uses_of(clerk), issuing.dates(clerk.offer(), coupon.terms.valid_from)
    uses.ever = max(0, uses.ever - 1)
    uses.of_month = min(uses.of_month - (uses.month == month), uses.ever)
    uses.of_day = min(uses.of_day - (uses.day == day), uses.of_month)


def _book(clerk: Clerk, order_id: str) -> OrderCoupons:
    return order_coupons.decode(clerk.claimed(keys.order(clerk.user_id, order_id)))


def _keep(clerk: Clerk, order_id: str, book: OrderCoupons) -> None:
    key = keys.order(clerk.user_id, order_id)
    clerk.outputs.append(Claim(key, order_coupons.encode(book), replaces=key in clerk.event.claimed))


def _refuse(
    clerk: Clerk, asked: Asked, why: Refusal, code: str, order_id: str, reasons: tuple[Reason, ...] = ()
) -> None:
    refused = CouponRefused(
        asked, why.code, why.message, clerk.template or UNSET, code, order_id=order_id, reasons=reasons or UNSET
    )  # fmt: skip
    clerk.refuse(refused, asked, {"coupon": code, "order_id": order_id, **finding.again(clerk, why)})
