"""Refunds, and what else ends an order: what it earned is taken back, what was spent on it comes back.

How much and whence is refunds.py's arithmetic; here it is told. A refund that comes before its order waits for it,
some days at most, and is carried out right behind it. A cancelled order is refunded whole, and what comes under it
later is taken back at once. An order that is completed frees what waited for that; completed after it was cancelled,
or twice, it is nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from actors.calendar import DAY_MS
from actors.points import ledger, lots, order_book, refund_request, refunds, standing, upkeep
from actors.points.effects import PointsReversed, RefusalCode
from actors.points.inputs import OrderEvent, ReverseOrder
from actors.points.ledger import TooMany
from actors.points.order_book import Change, OrderBook
from actors.points.refund_request import What
from actors.points.refunds import Claim, Given, Refused, Taken
from actors.points.results import Reversed
from actors.points.state import MAIN, WaitingRefund
from actors.points.teller import Teller

WAITING_MAX = 20
"""Refunds of one user that wait for their orders."""
REFUND, CANCELLED = "refund", "cancelled"

_request = msgspec.json.Decoder(ReverseOrder)


def reverse(teller: Teller, body: ReverseOrder) -> None:
    """`points_reverse`."""
    what = refund_request.read(body)
    assert what is None or isinstance(what, int | list), what  # the door has read it before
    book = teller.order(body.order_id)
    if not _known(book):
        _wait(teller, body.order_id)
        return
    if body.refund_id and order_book.known(book, "reverse", body.refund_id):
        teller.decline("already_accepted", f"the refund {body.refund_id!a} has been carried out", 0)
        return
    claim = _claim(book, body, what)
    if isinstance(claim, Refused):
        code, detail, numbers = _why(claim)
        teller.refuse("reverse", code, detail, 0, REFUND, body.order_id, **numbers)
        return
    if isinstance(many := _note(teller, book, body, claim.points), TooMany):
        detail = f"the order has had {many.limit} changes"
        teller.refuse("reverse", "too_many_changes", detail, 0, REFUND, body.order_id, limit=many.limit)
        return
    taken = _carry_out(teller, book, body.order_id, claim, REFUND)
    standing.uncounted(teller, claim.points, claim.amount, book)
    teller.keep_order()
    _answer(teller, claim, taken)


def _note(teller: Teller, book: OrderBook, body: ReverseOrder, points: int) -> TooMany | None:
    """A refund that has a name is carried out once."""
    if not body.refund_id:
        return None
    return order_book.note(book, Change("reverse", body.refund_id, points, teller.place))


def cancelled(teller: Teller, body: OrderEvent) -> None:
    """`order_cancelled`."""
    book = teller.order(body.order_id)
    if book.cancelled:
        return
    book.cancelled = True
    if _known(book) and isinstance(claim := refunds.claim(book, None), Claim):
        _carry_out(teller, book, body.order_id, claim, CANCELLED)
        standing.uncounted(teller, claim.points, claim.amount, book)
    teller.keep_order()


def completed(teller: Teller, body: OrderEvent) -> None:
    """`order_completed`."""
    book = teller.order(body.order_id)
    if book.cancelled or book.completed:
        return
    book.completed = True
    programme, account = teller.programme, teller.account
    for name, wallet in [(MAIN, account.main), *account.wallets.items()]:
        if wallet.pending:
            teller.wallet(name)
            done = ledger.confirm_order(
                wallet, body.order_id, teller.at, lambda at, of=name: programme.expiry(of, at), programme.rules.lots_max
            )
            upkeep.activated(teller, name, list(done), "order_completed")
    teller.keep_order()


def follow(teller: Teller, book: OrderBook, order_id: str) -> tuple[int, int]:
    """After something came under an order: carry out the refunds that waited for it. How many points and how much money
    they took of it: those never count for the tier, since a level that was reached holds to the month's end.
    """
    if not (teller.account.waiting or book.cancelled):
        return 0, 0
    done = _catch_up(teller, book, order_id)
    if book.cancelled and isinstance(claim := refunds.claim(book, None), Claim):
        _carry_out(teller, book, order_id, claim, CANCELLED)
        done.append(claim)
    return sum(claim.points for claim in done), sum(claim.amount for claim in done)


def _catch_up(teller: Teller, book: OrderBook, order_id: str) -> list[Claim]:
    waiting = [each for each in teller.account.waiting if each.order_id == order_id]
    teller.account.waiting = [each for each in teller.account.waiting if each.order_id != order_id]
    return [claim for each in waiting if (claim := _late(teller, book, _request.decode(each.body)))]


def _late(teller: Teller, book: OrderBook, body: ReverseOrder) -> Claim | None:
    """A refund that has waited; None when it is not done, as its order turns out to be or as it was sent twice."""
    if body.refund_id and order_book.known(book, "reverse", body.refund_id):
        return None
    what = refund_request.read(body)
    assert what is None or isinstance(what, int | list), what
    claim = _claim(book, body, what)
    if isinstance(claim, Refused):
        code, detail, _ = _why(claim)
        teller.say_refused("reverse", code, detail, 0, REFUND, body.order_id)
        return None
    _note(teller, book, body, claim.points)
    _carry_out(teller, book, body.order_id, claim, REFUND)
    return claim


def give_up(teller: Teller) -> None:
    """Refunds whose order has not come in time."""
    if not teller.account.waiting:
        return
    over = [each for each in teller.account.waiting if each.until <= teller.at]
    teller.account.waiting = [each for each in teller.account.waiting if each.until > teller.at]
    for each in over:
        detail = "the order has not been heard of in time"
        teller.say_refused("reverse", "order_unknown", detail, 0, REFUND, each.order_id)


def _known(book: OrderBook) -> bool:
    return bool(book.changes or book.earned or book.spent)


def _claim(book: OrderBook, body: ReverseOrder, what: What) -> Claim | Refused:
    if body.currency and book.currency and body.currency != book.currency:
        return Refused("currency_mismatch")
    return refunds.claim(book, what)


def _wait(teller: Teller, order_id: str) -> None:
    account = teller.account
    if len(account.waiting) >= WAITING_MAX:
        detail = f"{WAITING_MAX} refunds wait for their orders already"
        teller.refuse("reverse", "too_many_waiting", detail, 0, REFUND, order_id, limit=WAITING_MAX)
        return
    entry = teller.event.entry
    until = teller.at + teller.programme.rules.refund.wait_days * DAY_MS
    account.waiting.append(WaitingRefund(order_id, until, entry.epoch, entry.offset, entry.body))
    teller.answer(Reversed, 0, waiting=True)


def _carry_out(teller: Teller, book: OrderBook, order_id: str, claim: Claim, reason: str) -> list[Taken]:
    programme, account = teller.programme, teller.account
    names = dict.fromkeys([each.wallet for each in (*book.earned, *book.spent)])
    debts = {name: teller.wallet(name).debt for name in names}
    taken = refunds.take_back(account, book, claim, lambda name: programme.refund(name).policy)
    grace_until = _grace(teller)
    given = refunds.give_back(account, book, claim.back, teller.at, grace_until, programme.rules.lots_max)
    back = {each.wallet: each for each in given}
    for name in names:
        _tell(teller, order_id, reason, name, next((t for t in taken if t.wallet == name), Taken(name)), back.get(name))
        standing.owes(teller, debts[name], teller.wallet(name).debt)
    return taken


def _tell(teller: Teller, order_id: str, reason: str, name: str, taken: Taken, given: Given | None) -> None:
    pending = sum(each.points for each in taken.pending)
    own, other = lots.total(taken.lots), lots.total(taken.balance)
    points = pending + own + other + taken.to_debt + taken.written_off
    parts = [*taken.lots, *taken.balance]
    returned = lots.total(given.parts) + lots.total(given.expired) if given else 0
    if not points and not returned:
        return
    if given:
        upkeep.merged(teller, given.came, name)
        parts += given.parts
    balance = teller.line("reverse", points, reason, order_id, parts, name)
    effect = PointsReversed(
        points, balance, reason, order_id, pending, own, other, taken.to_debt, taken.written_off, returned,
        name or UNSET,
    )  # fmt: skip
    teller.say("points.reversed", effect, reason)


def _grace(teller: Teller) -> int:
    """Until when points live that come back and have expired meanwhile."""
    days = teller.programme.rules.refund.grace_days
    return teller.programme.day_end(teller.at, days) if days else 0


def _answer(teller: Teller, claim: Claim, taken: list[Taken]) -> None:
    teller.answer(
        Reversed, claim.points, returned=claim.back, amount=claim.amount,
        from_pending=sum(waits.points for each in taken for waits in each.pending),
        from_lots=sum(lots.total(each.lots) for each in taken),
        from_balance=sum(lots.total(each.balance) for each in taken),
        debt=sum(each.to_debt for each in taken), written_off=sum(each.written_off for each in taken),
    )  # fmt: skip


def _why(refused: Refused) -> tuple[RefusalCode, str, dict[str, Any]]:
    """Code, sentence and numbers of a refusal."""
    words: dict[str, str] = {
        "nothing_to_reverse": "nothing of the order is left to reverse",
        "exceeds_order": f"only {refused.left} of it are left",
        "unknown_item": f"the order has no item {refused.item!a}",
        "amount_unknown": "nobody has said what the order was worth",
        "currency_mismatch": "the order was in another currency",
    }
    numbers: dict[str, Any] = {"item": refused.item} if refused.item else {}
    if refused.code == "exceeds_order":
        numbers["left"] = refused.left
    return refused.code, words[refused.code], numbers
