"""Issuing: coupons of a template for a user, once for each occasion, never more than there are.

What was issued for an occasion is known by the occasion (keys.py), so whatever is sent again yields the same coupons.
All checks are made when the coupons are made, also after a wait: what a second message for the same occasion has
brought meanwhile, or the user's limit forbids by now, is not issued twice.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
from msgspec import UNSET

from actors.commands import Refusal
from actors.coupon import inputs, keys, lists, narrowing, shelf
from actors.coupon.clerk import Clerk
from actors.coupon.effects import CouponIssued, CouponRefused
from actors.coupon.narrowing import Terms
from actors.coupon.offer import Offer
from actors.coupon.reasons import Code
from actors.coupon.results import CouponShown, Issued
from actors.coupon.shelf import Need
from actors.coupon.state import COUPONS_MAX, TEMPLATES_MAX, Coupon, Uses
from supervision.envelope import rfc3339
from supervision.outputs import Claim

SHORT_SOURCES = {"new_user_register": "newuser"}
"""The seed's words in routing keys; every other source is its own."""
DATES_KEPT = 256
SERIALS_PER_ENTRY = 10
"""A coupon's serial is made of the offset of the entry that issued it and its number there."""

_serials = msgspec.msgpack.Decoder(list[int]).decode


def short(source: str) -> str:
    """The source as the routing key has it."""
    return SHORT_SOURCES.get(source, source)


def issued_at(serial: int) -> int:
    """The offset of the entry that issued the coupon: nothing is known of it before."""
    return serial // SERIALS_PER_ENTRY


def issue(clerk: Clerk, body: inputs.IssueCoupons, occasion: str, kind: str, raw: bytes) -> None:
    """`coupon_issue`, which came as an entry of `kind`."""
    key = keys.issue(clerk.user_id, body.of, occasion)
    value = clerk.claimed(key)
    known = _serials(value) if value else []
    number = body.number - len(known)
    if number <= 0:
        decided(clerk, body)
        _answer(clerk, known)
        return
    terms = _allowed(clerk, body, number)
    if isinstance(terms, Refusal):
        refuse(clerk, body, terms)
        return
    need = Need(stock=number)
    match shelf.room(clerk.shelf, need, clerk.served):
        case "never", _:
            refuse(clerk, body, Refusal(Code.SOLD_OUT, "template", f"the template {body.of} has no coupon left"))
        case "later", _:
            clerk.wait(need, occasion, kind, raw)
        case _:
            shelf.take(clerk.shelf, need, clerk.at)
            made = [_make(clerk, body, occasion, terms, n) for n in range(number)]
            count(clerk, number)
            serials = known + [coupon.serial for coupon in made]
            clerk.outputs.append(Claim(key, msgspec.msgpack.encode(serials), replaces=value is not None))
            decided(clerk, body, issued=number)
            _answer(clerk, serials)


def refuse(clerk: Clerk, body: inputs.IssueCoupons, why: Refusal) -> None:
    """Nothing is issued."""
    refused = CouponRefused(
        "issue", why.code, why.message, body.of, UNSET, body.number, body.order_id or UNSET, body.activity_id or UNSET,
        body.job_id or UNSET,
    )  # fmt: skip
    numbers = {"template": body.of, "quantity": body.number, "field": why.field}
    clerk.refuse(refused, short(body.why), numbers)
    decided(clerk, body, why.code)


def decided(clerk: Clerk, body: inputs.IssueCoupons, refused: str = "", issued: int = 0) -> None:
    """The job whose list it was hears of it."""
    if isinstance(body, inputs.IssueListed):
        word = lists.decided(clerk.shelf.lists, body.job_id or "", body.list_no, refused, issued)
        clerk.outputs += [word] if word else []


def _allowed(clerk: Clerk, body: inputs.IssueCoupons, number: int) -> Terms | Refusal:
    """What the coupons will say, if the template and the user's limits allow `number` more of them."""
    status = clerk.shelf.status
    if not clerk.shelf.number or status == "draft":
        return Refusal(Code.UNKNOWN_TEMPLATE, "template", f"there is no active template {body.of}")
    if status != "active":
        return Refusal(Code(f"template_{status}"), "template", f"the template {body.of} is {status}")
    offer = clerk.offer()
    uses = clerk.purse.uses.get(body.of) or Uses()
    problem = full(clerk, body.of, number) or limited(offer, uses, number, clerk.at)
    return problem or narrowing.terms(offer, clerk.at, body.expire_days, bytes(body.conditions))


def full(clerk: Clerk, template: str, number: int) -> Refusal | None:
    """Whether the purse has no room for `number` more of the template."""
    purse = clerk.purse
    if number and len(purse.coupons) + number > COUPONS_MAX:
        return Refusal(Code.PURSE_FULL, "user_id", f"a user has at most {COUPONS_MAX} coupons at a time")
    if template not in purse.uses and len(purse.uses) >= TEMPLATES_MAX and not _over(clerk):
        return Refusal(Code.PURSE_FULL, "user_id", f"a user gets coupons of at most {TEMPLATES_MAX} open templates")
    return None


def _over(clerk: Clerk) -> set[str]:
    """Templates whose counts nobody asks for any more: they are closed, and the user has none of their coupons."""
    listed = clerk.directory.templates
    closed = {template for template in clerk.purse.uses if template in listed and listed[template].status == "closed"}
    return closed - {coupon.template for coupon in clerk.purse.coupons.values()}


def uses_of(clerk: Clerk) -> Uses:
    """How many of the template the user has had. What is over makes room for it; a coupon of such a template that comes
    back is counted from nothing.
    """
    uses = clerk.purse.uses
    if clerk.template not in uses and len(uses) >= TEMPLATES_MAX:
        for template in _over(clerk):
            del uses[template]
    return uses.setdefault(clerk.template, Uses())


def limited(offer: Offer, uses: Uses, number: int, at: int) -> Refusal | None:
    """What the template allows one user."""
    day, month = dates(offer, at)
    limits = offer.template.per_user
    counts = (
        ("in all", limits.total, uses.ever),
        ("a day", limits.per_day, uses.of_day if uses.day == day else 0),
        ("a month", limits.per_month, uses.of_month if uses.month == month else 0),
    )
    for what, limit, had in counts:
        if limit is not None and had + number > limit:
            return Refusal(Code.PER_USER_LIMIT, "user_id", f"a user gets at most {limit} {what}, and has had {had}")
    return None


@lru_cache(DATES_KEPT)
def dates(offer: Offer, at: int) -> tuple[int, int]:
    """(day, month) of the moment in the template's zone, as ordinals."""
    day = offer.calendar.day(at)
    return day.toordinal(), day.year * 12 + day.month


def count(clerk: Clerk, number: int) -> None:
    """So many more are issued to the user."""
    had(clerk, number)
    clerk.shelf.tally.issued += number


def had(clerk: Clerk, number: int) -> None:
    """The user has had `number` more."""
    uses = uses_of(clerk)
    day, month = dates(clerk.offer(), clerk.at)
    if uses.day != day:
        uses.day, uses.of_day = day, 0
    if uses.month != month:
        uses.month, uses.of_month = month, 0
    uses.ever += number
    uses.of_day += number
    uses.of_month += number


def _make(clerk: Clerk, body: inputs.IssueCoupons, occasion: str, terms: Terms, n: int) -> Coupon:
    serial = clerk.event.entry.offset * SERIALS_PER_ENTRY + n
    coupon = Coupon(serial, clerk.code_keys.newest.id, body.of, clerk.shelf.version, body.why, terms)
    clerk.purse.coupons[serial] = coupon
    begins, ends = rfc3339(terms.valid_from), rfc3339(terms.valid_until)
    clerk.line(
        "issued", coupon, version=coupon.version, source=body.why, occasion=occasion, valid_from=begins,
        valid_until=ends, order_id=body.order_id, key=coupon.key,
    )  # fmt: skip
    clerk.whose(coupon)
    effect = CouponIssued(
        clerk.code(coupon), body.of, coupon.version, body.why, begins, ends, body.order_id or UNSET,
        body.activity_id or UNSET, body.job_id or UNSET,
    )  # fmt: skip
    clerk.say("coupon.issued", effect, short(body.why))
    return coupon


def _answer(clerk: Clerk, serials: list[int]) -> None:
    """The occasion's coupons as they are now; one that is no longer in the purse is not shown."""
    if clerk.event.entry.asked:
        found = [clerk.purse.coupons[serial] for serial in serials if serial in clerk.purse.coupons]
        clerk.answer(Issued(tuple([shown(clerk, coupon) for coupon in found])))


def shown(clerk: Clerk, coupon: Coupon) -> CouponShown:
    state = "held" if coupon.hold else "issued"
    terms = coupon.terms
    return CouponShown(
        clerk.code(coupon), coupon.template, state, rfc3339(terms.valid_from), rfc3339(terms.valid_until)
    )
