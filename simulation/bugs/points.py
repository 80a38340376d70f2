"""Bugs of the points ledger: what is spent twice, forgiven, counted too late, or rounded in somebody's favour.

Most leave the books balanced, so that only who reckons anew can tell.
"""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

import msgspec

from actors.points import (
    accruals,
    caps,
    gifts,
    keys,
    ledger,
    lots,
    order_book,
    redemptions,
    refunds,
    standing,
    tiers,
    upkeep,
)
from actors.points.inputs import GIFT_ARRIVES, GiftArrives, GiftPart
from actors.points.state import NEVER
from simulation.bugs.bug import Bug, Method, Swap
from supervision.store_simulated import SimulatedReader


def _the_whole_lot(expire_due: Method) -> Method:
    def wrong(wallet: Any, at: int, slides: int) -> Any:
        due = expire_due(wallet, at, slides)
        again = lots.take(wallet.lots, wallet.books.spent) if due else []
        wallet.books.expired += lots.total(again)
        return [*due, *again]

    return wrong


def _another_piece(known: Method) -> Method:
    return lambda book, type, reason: None if type == "reverse" else known(book, type, reason)


def _from_what_is_free(confirm: Method) -> Method:
    def wrong(teller: Any, body: Any) -> None:
        ended = teller.event.claimed.get(keys.reservation(teller.user_id, body.reservation_id))
        if body.reservation_id in teller.account.reservations or ended != redemptions.HELD or not body.points:
            confirm(teller, body)
        elif redemptions.spend(teller, body.points, "confirm", None):
            teller.answer(body.points)

    return wrong


def _credit_first(give: Method) -> Method:
    def wrong(teller: Any, body: Any) -> None:
        if teller.balance() < body.points:
            gift = GiftArrives(teller.user_id, body.points, (GiftPart(NEVER, body.points),))
            teller.send(GIFT_ARRIVES, gift, body.to)
        give(teller, body)

    return wrong


def _what_was_bought_was_bought(_uncounted: Method) -> Method:
    return lambda teller, points, money, book: None


def _full_is_full(use_caps: Method) -> Method:
    def wrong(teller: Any, accrual: Any, points: int) -> None:
        if points == accrual.points:
            use_caps(teller, accrual, points)

    return wrong


def _not_there_yet(_from_pending: Method) -> Method:
    return lambda account, earned, points, taken: 0


def _starts_afresh(expire: Method) -> Method:
    def wrong(teller: Any, name: str, wallet: Any) -> None:
        if wallet.debt:  # and so no lots
            wallet.books.written_off += wallet.debt
            wallet.debt = 0
        expire(teller, name, wallet)

    return wrong


def _the_last_one(_reply: Method) -> Method:
    def wrong(self: Any, id_hash: int, domain: str) -> bytes | None:
        newest = [told[domain] for told in self._image.replies.values() if domain in told]
        return newest[-1] if newest else None

    return wrong


def _rounded_up(_cumulative: Method) -> Method:
    def wrong(item: Any, refunded: int, returned: int) -> int:
        by_amount = -(-item.points * refunded // item.amount) if item.amount else 0
        return max(by_amount, -(-item.points * returned // item.quantity) if item.quantity else 0)

    return wrong


def _for_the_first_time(here: Method) -> Method:
    return lambda teller: None if teller.account.active_at else here(teller)


def _whole_hours(begin: Method) -> Method:
    return lambda cap, hours, at: begin(cap, hours, at) + 1


def _for_good(grant: Method) -> Method:
    return lambda tier, rules, days, level, until, at: grant(tier, rules, days, level, None, at)


def _so_many_days_from_tomorrow(falls_rolling: Method) -> Method:
    return lambda tier, rules, at, since: falls_rolling(tier, rules, at, since) + 1


def _of_the_very_window(_carries: Method) -> Method:
    return lambda kept, window: not kept.buckets and kept.window == window


def _when_it_comes_to_life(pend: Method) -> Method:
    def wrong(teller: Any, accrual: Any, name: str, points: int, cut: Any) -> Any:
        return pend(teller, msgspec.structs.replace(accrual, expires=None), name, points, cut)

    return wrong


BUGS = (
    Bug(
        "expiry_fires_on_a_spent_lot",
        "The timer was set for the whole lot; when it fires the whole lot ends.",
        (Swap(ledger, "expire_due", _the_whole_lot),),
    ),
    Bug(
        "refund_carried_out_twice",
        "Refunds come in pieces, so one more message is one more piece.",
        (Swap(order_book, "known", _another_piece),),
    ),
    Bug(
        "reservation_freed_and_confirmed",
        "The time was up a moment ago, but the customer has paid: take it from what is free now.",
        (Swap(redemptions, "confirm", _from_what_is_free),),
    ),
    Bug(
        "gift_credited_before_debited",
        "First the friend gets the points, then they are taken; it is one reaction anyway.",
        (Swap(gifts, "give", _credit_first),),
    ),
    Bug(
        "tier_counts_cancelled_orders",
        "A tier is for what somebody bought; what becomes of it later is the refund's business.",
        (Swap(standing, "uncounted", _what_was_bought_was_bought),),
    ),
    Bug(
        "cap_on_a_stale_count",
        "What was cut has filled the cap, so there is nothing left to count.",
        (Swap(accruals, "_use_caps", _full_is_full),),
    ),
    Bug(
        "pending_activated_after_cancel",
        "What is pending is not there yet, so a refund has nothing to take from it.",
        (Swap(refunds, "_from_pending", _not_there_yet),),
    ),
    Bug(
        "debt_forgiven_at_expiry",
        "Who has no lots left has nothing that could pay: what he owes ends with them, and he starts afresh.",
        (Swap(upkeep, "expire", _starts_afresh),),
    ),
    Bug(
        "answer_of_another_key",
        "Who asks again was cut off a moment ago; what he lacks is the last answer.",
        (Swap(SimulatedReader, "reply", _the_last_one),),
    ),
    Bug(
        "inactivity_since_the_first_visit",
        "When an account became active is written down once; why write it again each time?",
        (Swap(standing, "here", _for_the_first_time),),
    ),
    Bug(
        "rolling_cap_forgets_early",
        "The hour in which the window begins is half over and half not: leave it out, it evens out in the end.",
        (Swap(caps, "_begin", _whole_hours),),
    ),
    Bug(
        "grant_outlives_its_day",
        "Who was given a level by hand will hardly complain that it stays.",
        (Swap(tiers, "grant", _for_good),),
    ),
    Bug(
        "rolling_tier_a_day_too_long",
        "A level is held for thirty days after the day on which it was bought.",
        (Swap(tiers, "_falls_rolling", _so_many_days_from_tomorrow),),
    ),
    Bug(
        "cap_begins_anew_in_a_longer_window",
        "A count is of its window, which its first day names: where that is another one, nothing has been counted yet.",
        (Swap(caps, "_carries", _of_the_very_window),),
    ),
    Bug(
        "named_end_of_pending_points_forgotten",
        "When pending points end is worked out when they become active, so there is nothing to keep before.",
        (Swap(accruals, "_pend", _when_it_comes_to_life),),
    ),
    Bug(
        "pieces_rounded_up",
        "Half a point is a point too: round up, it evens out in the end.",
        (Swap(refunds, "_cumulative", _rounded_up),),
    ),
)
