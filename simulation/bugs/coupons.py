"""Bugs of coupons: what is lent twice or nowhere, given twice, used by whoever, or refused while there is some left."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from actors.commands import Refusal
from actors.coupon import finding, handing, issuing, keys, narrowing, pool, shelf, shelving, stock, upkeep, using
from actors.coupon.codes import Located
from actors.coupon.lending import GRANT
from actors.coupon.order_coupons import decode
from actors.coupon.state import Coupon
from simulation.bugs.bug import Bug, Method, Swap


def _said_again(_said: Method) -> Method:
    def wrong(*given: Any) -> Iterator[Any]:
        for word in _said(*given):
            yield word
            if word.kind == GRANT:
                yield word

    return wrong


def _counted_and_kept(unused: Method) -> Method:
    def wrong(slice: Any, *most: Any) -> int:
        left, amount = slice.left, unused(slice, *most)
        slice.left = left
        return amount

    return wrong


def _whatever_for(issue: Method) -> Method:
    return lambda user_id, template, occasion: issue(user_id, template, "")


def _until_the_hold_ends(redeem: Method) -> Method:
    def wrong(clerk: Any, body: Any, order: Any, *more: Any) -> None:
        holds = {serial: coupon.hold for serial, coupon in clerk.purse.coupons.items() if coupon.hold}
        coupons = dict(clerk.purse.coupons)
        redeem(clerk, body, order, *more)
        for serial in holds.keys() - clerk.purse.coupons.keys():
            clerk.purse.coupons[serial] = msgspec.structs.replace(coupons[serial], hold=holds[serial])

    return wrong


def _history(_keep: Method) -> Method:
    def wrong(clerk: Any, order_id: str, book: Any) -> None:
        before = decode(clerk.claimed(keys.order(clerk.user_id, order_id)))
        if len(book.used) > len(before.used):
            _keep(clerk, order_id, book)

    return wrong


def _was_looked_at(_allowed: Method) -> Method:
    def wrong(clerk: Any, body: Any, number: int) -> Any:
        answer = _allowed(clerk, body, number)
        if clerk.served and isinstance(answer, Refusal) and answer.code == "per_user_limit":
            return narrowing.terms(clerk.offer(), clerk.at, body.expire_days, bytes(body.conditions))
        return answer

    return wrong


def _whose_code_his_coupon(found: Method) -> Method:
    def wrong(clerk: Any, meant: Any, order_id: str) -> Any:
        answer = found(clerk, meant, order_id)
        if not (isinstance(answer, Refusal) and answer.code == "not_yours" and clerk.template):
            return answer
        terms = narrowing.terms(clerk.offer(), clerk.at)
        if not isinstance(meant, Located) or isinstance(terms, Refusal):
            return answer
        return Coupon(meant.serial, meant.key_id, clerk.template, clerk.shelf.version, "code", terms)

    return wrong


def _whatever_holds(next_due: Method) -> Method:
    def wrong(coupon: Any, remind_ms: int) -> int:
        itself = next_due(msgspec.structs.replace(coupon, hold=None), remind_ms)
        return min(itself, next_due(coupon, remind_ms))

    return wrong


def _nothing_back(_clear: Method) -> Method:
    def wrong(*given: Any) -> Iterator[Any]:
        list(_clear(*given))
        return iter(())

    return wrong


def _first_come(room: Method) -> Method:
    def wrong(here: Any, need: Any, served: bool) -> Any:
        enough = all(getattr(need, name) <= slice.left for name, slice in shelf.slices(here))
        return ("now", "stock") if enough else room(here, need, served)

    return wrong


def _nothing_is_nothing(_settle: Method) -> Method:
    def wrong(lent: Any) -> Iterator[Any]:
        for word in _settle(lent):
            if not isinstance(word, pool.Grant) or word.amount or word.dry:
                yield word

    return wrong


def _paid_when_used(put: Method) -> Method:
    return lambda here, need: put(here, msgspec.structs.replace(need, budget=0))


def _known_by_its_message(_not_now: Method) -> Method:
    def wrong(clerk: Any, coupon: Any) -> Any:
        leaving = dict(clerk.purse.leaving)
        clerk.purse.leaving.pop(coupon.serial, None)
        answer = _not_now(clerk, coupon)
        clerk.purse.leaving = leaving
        return answer

    return wrong


def _gone_is_gone(settled: Method) -> Method:
    return lambda clerk, word: settled(clerk, msgspec.structs.replace(word, refused=""))


def _came_is_issued(had: Method) -> Method:
    def wrong(clerk: Any, number: int) -> None:
        had(clerk, number)
        if isinstance(clerk.event.body, handing.Hand):
            clerk.shelf.tally.issued += number

    return wrong


BUGS = (
    Bug(
        "slice_granted_twice",
        "An answer may be lost on its way: say it twice, the segment will see that it has it already.",
        (Swap(stock, "_said", _said_again),),
    ),
    Bug(
        "returned_slice_kept",
        "Until the template has taken it in, what goes back may still be used here.",
        (Swap(shelf, "unused", _counted_and_kept),),
    ),
    Bug(
        "issue_without_its_occasion",
        "A user and a template: what else should make two messages the same issue?",
        (Swap(keys, "issue", _whatever_for),),
    ),
    Bug(
        "hold_outlives_its_use",
        "A hold ends by its own timer, so using the coupon need not see to it.",
        (Swap(using, "redeem", _until_the_hold_ends),),
    ),
    Bug(
        "rolled_back_twice",
        "What was used with an order is history, and history is only added to.",
        (Swap(using, "_keep", _history),),
    ),
    Bug(
        "limit_not_looked_at_again",
        "Who waited for stock was looked at when he came; the limits have not changed since.",
        (Swap(issuing, "_allowed", _was_looked_at),),
    ),
    Bug(
        "whose_code_his_coupon",
        "The code cannot be guessed, so whoever has it is who it was given to.",
        (Swap(finding, "found", _whose_code_his_coupon),),
    ),
    Bug(
        "expiry_of_the_held",
        "A coupon ends on its day; a hold does not make it younger.",
        (Swap(upkeep, "next_due", _whatever_holds),),
    ),
    Bug(
        "closed_keeps_its_slices",
        "Nobody will issue from a closed template any more, so nobody needs to hear of what is left.",
        (Swap(shelving, "_clear", _nothing_back),),
    ),
    Bug(
        "promised_taken_by_newcomers",
        "There are pieces in the slice and here is a customer: why should he wait?",
        (Swap(shelf, "room", _first_come),),
    ),
    Bug(
        "good_news_not_told",
        "A grant of nothing is no news; leave it out.",
        (Swap(pool, "_settle", _nothing_is_nothing),),
    ),
    Bug(
        "budget_spent_at_the_hold",
        "Money that was set aside for a discount is spent; what comes of the order is the statistics' business.",
        (Swap(shelf, "put", _paid_when_used),),
    ),
    Bug(
        "handed_over_by_the_message",
        "Two messages are two hand-overs, whatever coupon they name.",
        (Swap(handing, "_not_now", _known_by_its_message),),
        where="hands",
    ),
    Bug(
        "refused_hand_over_does_not_come_back",
        "The coupon has left; what the receiver makes of it is no business of the giver.",
        (Swap(handing, "settled", _gone_is_gone),),
        where="hands",
    ),
    Bug(
        "hand_over_counted_as_an_issue",
        "Who gets a coupon was issued one, from wherever it came.",
        (Swap(issuing, "had", _came_is_issued),),
        where="hands",
    ),
)
