"""The seed's `points_change`: somebody says by how much, and we do it: increase, decrease, expire.

Under an order each type and reason of change is accepted once. A known duplicate is no event at all: it yields nothing,
whatever message id it comes under. One that says something else under the same order is a contradiction that its sender
must hear of, since one of the two messages is wrong and we cannot know which.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from actors.points import keys, ledger, lots, order_book, redemptions, reversals, standing
from actors.points.accruals import Accrual, accrue
from actors.points.effects import PointsExpired
from actors.points.messages import REFERRAL, PointsChange, ReferralCredit, ReferralMetadata
from actors.points.once import once
from actors.points.order_book import Change
from actors.points.teller import Teller
from supervision.outputs import Claim

_metadata = msgspec.json.Decoder(ReferralMetadata)


def known(teller: Teller, change: PointsChange) -> bool:
    """Whether `change` was accepted before, under whatever message id, saying the same."""
    if not teller.event.claimed or not change.order_id:
        return False
    before = order_book.known(teller.order(change.order_id), change.change_type, change.reason)
    return before is not None and _same(before, change)


def react(teller: Teller, change: PointsChange) -> None:
    """Do it, or say why not. `known` was asked before."""
    if _contradicts(teller, change):
        return
    match change.change_type:
        case "increase":
            _increase(teller, change)
        case "decrease":
            if _decrease(teller, change):
                _write_down(teller, change)
        case _:
            if _expire(teller, change):
                _write_down(teller, change)


def _increase(teller: Teller, change: PointsChange) -> None:
    came = accrue(teller, Accrual(change.points, change.reason, change.order_id))
    if came is None:
        return
    standing.here(teller)
    undone = _write_down(teller, change)
    standing.counted(teller, came.points + came.to_debt - undone, 0)


def _decrease(teller: Teller, change: PointsChange) -> bool:
    usable = redemptions.usable(teller, change.reason, change.change_type, change.points, change.order_id)
    return usable and redemptions.spend(teller, change.points, change.reason, change.order_id)


def _expire(teller: Teller, change: PointsChange) -> bool:
    wallet = teller.wallet()
    taken = ledger.expire(wallet, change.points)
    if not taken:
        teller.refuse(
            "expire", "nothing_to_expire", "there are no points", change.points, change.reason, change.order_id
        )
        return False
    points = lots.total(taken)
    balance = teller.line("expire", points, change.reason, change.order_id, taken)
    effect = PointsExpired(points, balance, change.reason, change.order_id, change.points, UNSET)
    teller.say("points.expired", effect, change.reason)
    return True


def _contradicts(teller: Teller, change: PointsChange) -> bool:
    """Whether a business key of `change` is used up by another, which is said then."""
    kind, claimed = change.change_type, teller.event.claimed
    if change.order_id and not once(
        teller, kind, change.points, change.reason, change.order_id, lambda before: _same(before, change)
    ):
        return True
    if change.refers and (place := claimed.get(keys.referral(change.user_id))):
        detail = f"this user's referral was accepted at {place.decode()}"
        teller.refuse(kind, "already_referred", detail, change.points, change.reason, change.order_id)
        return True
    return False


def _write_down(teller: Teller, change: PointsChange) -> int:
    """Use up the keys of the accepted `change`, and give the referrer theirs; how many points of it refunds that had
    waited took back at once.
    """
    undone = 0
    accepted = _change(change, teller.place)
    if change.order_id:
        book = teller.order(change.order_id)
        order_book.note(book, accepted)
        book.at = book.at or teller.at
        if change.change_type == "increase":
            undone, _ = reversals.follow(teller, book, change.order_id)
        teller.keep_order()
    if change.refers:
        teller.outputs.append(Claim(keys.referral(change.user_id), teller.place.encode()))
        credit = ReferralCredit(accepted.referrer_points, change.user_id, change.order_id)
        teller.send(REFERRAL, credit, accepted.referrer_id)
    return undone


def _change(change: PointsChange, place: str) -> Change:
    if not change.refers:
        return Change(change.change_type, change.reason, change.points, place)
    referral = _metadata.decode(change.metadata)
    referrer_points = change.points if referral.referrer_points is None else referral.referrer_points
    return Change(
        change.change_type, change.reason, change.points, place, referral.referrer_id, referrer_points
    )  # fmt: skip


def _same(before: Change, change: PointsChange) -> bool:
    return before == _change(change, before.place)
