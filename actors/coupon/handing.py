"""Handing a coupon over: the owner of one that is transferable gives it to another user, wherever that user lives.

A code leads to its owner's segment, so the receiver gets another one, made where he lives; all else goes with the
coupon: its version, its terms, its end. Two cells take part, and each says one word:

    giver      checks, marks the coupon as leaving, says `Hand`
    receiver   makes a coupon of it, or not, and says `Handed`
    giver      lets go of the coupon, or of the mark

Until the answer the coupon is the giver's still: it takes its place in his purse, so that what is refused has room to
come back to, and can neither be used nor end there. Words go by transfer, each exactly once, so whatever crashes it is
one coupon in one purse at rest; and what is known of a hand-over is known of the coupon and not of the message: asked
again, by whatever message, it is the same.

A coupon that is handed over is not issued. The piece of stock that it is stays counted where it was issued, the
receiver's segment takes none, and the statistics count hand-overs by themselves. For the limits of a user it counts as
one he gets: they are there so that nobody has more than so many, and friends' accounts are cheap. Who hands one over
has had it all the same; only whom it was issued to may have it back without its counting twice.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from actors.commands import Refusal
from actors.coupon import finding, guard, issuing
from actors.coupon.clerk import Clerk
from actors.coupon.codes import Located, dressed
from actors.coupon.effects import CouponIssued, CouponRefused, CouponTransferred
from actors.coupon.finding import Read, declined
from actors.coupon.inputs import TransferCoupon
from actors.coupon.narrowing import Terms
from actors.coupon.reasons import Code
from actors.coupon.results import Transferred
from actors.coupon.state import Coupon, Uses
from supervision.envelope import rfc3339
from supervision.outputs import Emit

HAND = "coupon.hand"
HANDED = "coupon.handed"
SOURCE = "transfer"
"""Of a coupon that came so."""


class Hand(msgspec.Struct, frozen=True, gc=False):
    """A user to another: my coupon `serial` of `segment`, which I know by `code`, is to be yours. `number`: of the
    newest version of the template that was heard of here; `first`: whom the coupon was issued to.
    """

    template: str
    giver: str
    segment: int
    serial: int
    code: str
    version: str
    number: int
    terms: Terms
    first: str


class Handed(msgspec.Struct, frozen=True, gc=False):
    """The answer: it is mine now, or `refused` says why not."""

    template: str
    serial: int
    refused: str


def transfer(clerk: Clerk, body: TransferCoupon, meant: Read | Refusal) -> None:
    """`coupon_transfer`."""
    if finding.handed_over(clerk, meant) == body.to:
        clerk.answer(Transferred(dressed(body.code), body.to))
        return
    coupon = _own(clerk, meant)
    why = coupon if isinstance(coupon, Refusal) else _not_now(clerk, coupon)
    if why is not None:
        finding.missed(clerk, why)
        _refuse(clerk, why, body.code)
        return
    assert isinstance(coupon, Coupon), coupon
    clerk.purse.leaving[coupon.serial] = body.to
    hand = Hand(
        coupon.template, clerk.user_id, clerk.segment, coupon.serial, clerk.code(coupon), coupon.version,
        clerk.shelf.number, coupon.terms, coupon.first or clerk.user_id,
    )  # fmt: skip
    clerk.outputs.append(Emit(HAND, hand, subject=f"user:{body.to}", same_depth=True))


def arrives(clerk: Clerk, hand: Hand) -> None:
    """Somebody's coupon is to be the user's."""
    why = _unwelcome(clerk, hand)
    if why is None:
        _received(clerk, hand)
    answer(clerk, hand, "" if why is None else why.code)


def answer(clerk: Clerk, hand: Hand, refused: str) -> None:
    """The giver hears of it."""
    word = Handed(hand.template, hand.serial, refused)
    clerk.outputs.append(Emit(HANDED, word, subject=f"user:{hand.giver}", same_depth=True))


def once_more(word: Handed, giver: str) -> Emit:
    """The answer again: a coupon that is leaving waits for it, and who forgets it is not told of business keys."""
    return Emit(HANDED, word, subject=giver, same_depth=True)


def settled(clerk: Clerk, word: Handed) -> None:
    """What became of a coupon that was to leave."""
    to = clerk.purse.leaving.pop(word.serial)
    coupon = clerk.purse.coupons[word.serial]
    code = clerk.code(coupon)
    if word.refused:
        _refuse(clerk, declined(Code(word.refused)), code)
        return
    del clerk.purse.coupons[word.serial]
    clerk.shelf.tally.transferred += 1
    clerk.line("transferred", coupon, other_user_id=to)
    clerk.whose(coupon, "transferred", to)
    clerk.say("coupon.transferred", CouponTransferred(code, coupon.template, to))
    clerk.usage("transferred")
    clerk.answer(Transferred(code, to))


def _own(clerk: Clerk, meant: Read | Refusal) -> Coupon | Refusal:
    """The user's coupon. What a public or imported code is good for is nobody's to give."""
    if wait := finding.wait_ms(clerk):
        return guard.too_many_attempts(wait)
    if isinstance(meant, Refusal):
        return meant
    if not isinstance(meant, Located):
        return declined(Code.NOT_TRANSFERABLE)
    found = finding.found(clerk, meant, "")
    assert found is not None, meant
    return found


def _not_now(clerk: Clerk, coupon: Coupon) -> Refusal | None:
    """Why the user may not hand his coupon over, as things are. Of a closed template he may: it can still be used."""
    reasons = (
        (coupon.serial in clerk.purse.leaving, Code.BEING_TRANSFERRED),
        (coupon.public or not clerk.offer().template.transferable, Code.NOT_TRANSFERABLE),
        (coupon.hold is not None, Code.HELD_BY_OTHER_ORDER),
        (coupon.terms.valid_until <= clerk.at, Code.EXPIRED),
        (clerk.shelf.status == "paused", Code.TEMPLATE_PAUSED),
    )
    return next((declined(code) for so, code in reasons if so), None)


def _unwelcome(clerk: Clerk, hand: Hand) -> Refusal | None:
    """Why the coupon cannot be the user's. It must not come before the news of its version, by which it is judged."""
    here = clerk.shelf
    if not here.number or (here.number < hand.number and hand.version not in here.bodies):
        return declined(Code.NOT_DELIVERED)
    if hand.terms.valid_until <= clerk.at:
        return declined(Code.EXPIRED)
    if problem := issuing.full(clerk, hand.template, 1):
        return problem
    uses = clerk.purse.uses.get(hand.template) or Uses()
    return None if hand.first == clerk.user_id else issuing.limited(clerk.offer(), uses, 1, clerk.at)


def _received(clerk: Clerk, hand: Hand) -> None:
    terms, first = hand.terms, "" if hand.first == clerk.user_id else hand.first
    serial = clerk.event.entry.offset * issuing.SERIALS_PER_ENTRY
    key = clerk.code_keys.newest.id
    coupon = Coupon(serial, key, hand.template, hand.version, SOURCE, terms, first=first)
    clerk.purse.coupons[serial] = coupon
    issuing.uses_of(clerk)
    if first:
        issuing.had(clerk, 1)
    begins, ends = rfc3339(terms.valid_from), rfc3339(terms.valid_until)
    clerk.line(
        "received", coupon, version=coupon.version, source=SOURCE, valid_from=begins, valid_until=ends, key=key,
        other_user_id=hand.giver, origin=f"{hand.segment}.{hand.serial}",
    )  # fmt: skip
    clerk.whose(coupon)
    issued = CouponIssued(
        clerk.code(coupon), hand.template, coupon.version, SOURCE, begins, ends, origin=hand.code,
        from_user_id=hand.giver,
    )  # fmt: skip
    clerk.say("coupon.issued", issued, SOURCE)


def _refuse(clerk: Clerk, why: Refusal, code: str) -> None:
    refused = CouponRefused("transfer", why.code, why.message, clerk.template or UNSET, code)
    clerk.refuse(refused, "transfer", {"coupon": code, **finding.again(clerk, why)})
