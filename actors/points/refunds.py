"""Refunds: how many points a piece of an order claims, whence they are taken, and what comes back to the buyer.

**How many** (`claim`). By cumulative floors, so that pieces never take more than the whole, however they are cut, and
the last piece takes the rest, whatever was rounded away before:

- of an item: floor(its points × refunded so far ÷ its amount) less what it has claimed; where a quantity is said, at
  least floor(its points × returned so far ÷ its quantity);
- of an amount: floor(P × A ÷ R) less what amounts have claimed, where A is what was refunded by amount so far, and P
  and R are the points and the amount that items have not claimed;
- of everything, or when with this piece all of the amount is refunded: the rest.

Items may together cost more than the order (a discount on the whole). Then an item refunded is worth its share of what
was paid. Points that were spent on the order come back by the same rule: floor(spent × refunded ÷ amount) less what has
come back.

**Whence** (`take_back`). What the order earned is claimed in the order in which it was earned, pending points before
all others, whatever their wallets. Of an active lot the very points are taken (lots.py says which these are); what is
no longer there — spent, given away, expired, gone into a debt, held by a reservation — is for the wallet's policy to
decide once the very points of all claimed lots are taken: waived, taken from the wallet's other lots as far as there
are, or owed. What a policy waived is not asked for again.

**What comes back** (`give_back`). In the order in which it was spent, with the expiry it had; when that has passed,
with the grace, or else it expires at once. A debt is paid first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from actors.points import ledger, order_book
from actors.points import lots as lots_
from actors.points.ledger import Came
from actors.points.order_book import Earned, Item, OrderBook
from actors.points.state import Account, Lot, Pending, Wallet

Policy = Literal["only_pending", "within_balance", "allow_negative"]


class ItemRefund(msgspec.Struct, frozen=True):
    """So much of an item (minor units), or so many of it; neither: what is left of it."""

    id: str
    amount: int | None = None
    quantity: int | None = None


class Piece(msgspec.Struct, frozen=True):
    """What of the item at `index` in the book is refunded."""

    index: int
    amount: int
    quantity: int
    points: int


class Claim(msgspec.Struct, frozen=True):
    """What a refund claims (`points`), of which amount, and how many spent points come back (`back`)."""

    points: int
    amount: int
    back: int
    pieces: Sequence[Piece] = ()


class Refused(msgspec.Struct, frozen=True):
    """Why a refund is not done. `left`: what could still be refunded, in what was asked for (amount, or quantity)."""

    code: Literal["nothing_to_reverse", "exceeds_order", "unknown_item", "amount_unknown", "currency_mismatch"]
    item: str = ""
    left: int = 0


class Taken(msgspec.Struct):
    """What a refund took from one wallet: the sum of it all is what was claimed there."""

    wallet: str
    pending: list[Pending] = []
    """Of the order, with the points taken from each."""
    lots: list[Lot] = []
    """The very lots of the order."""
    balance: list[Lot] = []
    """Other lots."""
    to_debt: int = 0
    written_off: int = 0


class Given(msgspec.Struct, frozen=True):
    """What came back into one wallet: `parts`, of which `came` says what became, and what `expired` at once."""

    wallet: str
    parts: Sequence[Lot]
    came: Came
    expired: Sequence[Lot]


def claim(book: OrderBook, what: Sequence[ItemRefund] | int | None) -> Claim | Refused:
    """What a refund of these items, of this amount (minor units, at least 1) or of everything (None) claims. Changes
    nothing.
    """
    if not (_points_left(book) or _amount_left(book) or _spent_left(book)):
        return Refused("nothing_to_reverse")
    if what is None:
        return Claim(_points_left(book), _amount_left(book), _spent_left(book))
    if isinstance(what, int):
        return _claim_amount(book, what)
    return _claim_items(book, what)


def take_back(account: Account, book: OrderBook, claim: Claim, policy: Callable[[str], Policy]) -> list[Taken]:
    """Take what `claim` claims, by the policy of each wallet, and write it into the book; one answer for each wallet
    concerned. O(lots + pending) for each lot the order earned.
    """
    _write_pieces(book, claim)
    taken: dict[str, Taken] = {}
    left = claim.points
    for earned in book.earned:
        left -= _from_pending(account, earned, left, taken)
    missing: dict[str, int] = {}
    for earned in book.earned:
        if part := min(left, earned.lot.points - earned.claimed):
            found = _from_lots(account, earned, part, taken)
            missing[earned.wallet] = missing.get(earned.wallet, 0) + part - found
            left -= part
    for name, points in missing.items():
        if points:
            _by_policy(ledger.wallet(account, name), points, policy(name), _of(taken, name))
    return list(taken.values())


def give_back(
    account: Account, book: OrderBook, points: int, at: int, grace_until: int, lots_max: int
) -> list[Given]:  # fmt: skip
    """Return `points` that were spent on the order. What has expired by `at` lives until `grace_until`; when that is no
    later than `at`, it expires at once. One answer for each wallet concerned.
    """
    parts: dict[str, list[Lot]] = {}
    for spent in book.spent:
        if part := min(points, spent.lot.points - spent.returned):
            spent.returned += part
            points -= part
            parts.setdefault(spent.wallet, []).append(lots_.part_of(spent.lot, part))
    return [_give(account, name, back, at, grace_until, lots_max) for name, back in parts.items()]


def cancel(account: Account, book: OrderBook, order_id: str) -> list[Taken]:
    """What is still pending under the order vanishes, and the order is marked as cancelled. To take back the rest too,
    refund everything first.
    """
    book.cancelled = True
    names = dict.fromkeys(earned.wallet for earned in book.earned)
    gone = {name: ledger.cancel_order(ledger.wallet(account, name), order_id) for name in names}
    for name, pending in gone.items():
        for waits in pending:
            _claimed(book.earned, name, waits)
    return [Taken(name, pending=list(pending)) for name, pending in gone.items() if pending]


def _points_left(book: OrderBook) -> int:
    return order_book.earned_points(book) - order_book.claimed_points(book)


def _amount_left(book: OrderBook) -> int:
    return order_book.total(book) - book.refunded


def _spent_left(book: OrderBook) -> int:
    return order_book.spent_points(book) - order_book.returned_points(book)


def _claim_amount(book: OrderBook, amount: int) -> Claim | Refused:
    left = _amount_left(book)
    if not order_book.total(book):
        return Refused("amount_unknown")
    if amount > left:
        return Refused("exceeds_order" if left else "nothing_to_reverse", left=left)
    by_items = _worth(book, sum(item.refunded for item in book.items))
    claimed_by_items = sum(item.claimed for item in book.items)
    rest_points = order_book.earned_points(book) - claimed_by_items
    rest_amount = order_book.total(book) - by_items
    cumulative = rest_points * (book.refunded - by_items + amount) // rest_amount
    points = cumulative - (order_book.claimed_points(book) - claimed_by_items)
    return Claim(_within(points, _points_left(book)), amount, _back(book, amount))


def _claim_items(book: OrderBook, asked: Sequence[ItemRefund]) -> Claim | Refused:
    items = [msgspec.structs.replace(item) for item in book.items]
    at = {item.id: i for i, item in enumerate(items)}
    pieces: list[Piece] = []
    points = _points_left(book)
    for each in asked:
        if each.id not in at:
            return Refused("unknown_item", each.id)
        piece = _piece(items[at[each.id]], at[each.id], each, points)
        if isinstance(piece, Refused):
            return piece
        _write_piece(items[piece.index], piece)
        points -= piece.points
        pieces.append(piece)
    amount = _worth(book, sum(item.refunded for item in items)) - _worth(
        book, sum(item.refunded for item in book.items)
    )
    if amount > _amount_left(book):
        return Refused("exceeds_order", left=_amount_left(book))
    if _whole(book, amount, items):
        return Claim(_points_left(book), amount, _spent_left(book), pieces)
    return Claim(sum(piece.points for piece in pieces), amount, _back(book, amount), pieces)


def _piece(item: Item, index: int, asked: ItemRefund, points_left: int) -> Piece | Refused:
    money, things = item.amount - item.refunded, item.quantity - item.returned
    if not money and not things:
        return Refused("nothing_to_reverse", item.id)
    amount, quantity = money, things
    if asked.quantity is not None:
        quantity = asked.quantity
        if quantity > things:
            return Refused("exceeds_order", item.id, things)
        if quantity < things:
            amount = item.amount * (item.returned + quantity) // item.quantity
            amount -= item.amount * item.returned // item.quantity
    elif asked.amount is not None:
        amount, quantity = asked.amount, 0
    if amount > money:
        return Refused("exceeds_order", item.id, money)
    points = _cumulative(item, item.refunded + amount, item.returned + quantity) - item.claimed
    return Piece(index, amount, quantity, _within(points, points_left))


def _cumulative(item: Item, refunded: int, returned: int) -> int:
    """The points of `item` that belong to so much of it, by amount or by quantity, whichever is more."""
    by_amount = item.points * refunded // item.amount if item.amount else 0
    by_quantity = item.points * returned // item.quantity if item.quantity else 0
    return max(by_amount, by_quantity)


def _worth(book: OrderBook, items_amount: int) -> int:
    """What so much of the items is of the order's total: as much, or its share when the items cost more together."""
    together, total = order_book.items_amount(book), order_book.total(book)
    return items_amount if together <= total else total * items_amount // together


def _whole(book: OrderBook, amount: int, items: Iterable[Item]) -> bool:
    """Whether with `amount` all of the order is refunded; `items` as they will be then."""
    if order_book.total(book):
        return amount == _amount_left(book)
    return all(item.returned == item.quantity for item in items)


def _back(book: OrderBook, amount: int) -> int:
    total = order_book.total(book)
    if not total:
        return 0
    cumulative = order_book.spent_points(book) * (book.refunded + amount) // total
    return max(0, cumulative - order_book.returned_points(book))


def _within(points: int, most: int) -> int:
    return max(0, min(points, most))


def _write_pieces(book: OrderBook, claim: Claim) -> None:
    book.refunded += claim.amount
    for piece in claim.pieces:
        _write_piece(book.items[piece.index], piece)


def _write_piece(item: Item, piece: Piece) -> None:
    item.refunded += piece.amount
    item.returned += piece.quantity
    item.claimed += piece.points


def _of(taken: dict[str, Taken], wallet: str) -> Taken:
    return taken.setdefault(wallet, Taken(wallet))


def _from_pending(account: Account, earned: Earned, points: int, taken: dict[str, Taken]) -> int:
    """Claim up to `points` of what `earned` has pending; how many that were."""
    wallet = ledger.wallet(account, earned.wallet)
    points = min(points, earned.lot.points - earned.claimed)
    before = points
    for waits in wallet.pending if points else ():
        if (waits.epoch, waits.offset) == (earned.lot.epoch, earned.lot.offset):
            part = min(waits.points, points)
            _of(taken, earned.wallet).pending.append(msgspec.structs.replace(waits, points=part))
            waits.points -= part
            points -= part
            if not points:
                break
    found = before - points
    if found:
        wallet.pending = [waits for waits in wallet.pending if waits.points]
        wallet.books.reversed += found
        earned.claimed += found
    return found


def _from_lots(account: Account, earned: Earned, points: int, taken: dict[str, Taken]) -> int:
    """Claim `points` of what `earned` has among the lots; how many were there."""
    wallet = ledger.wallet(account, earned.wallet)
    parts = lots_.take_of(wallet.lots, earned.lot, points)
    earned.claimed += points
    wallet.books.reversed += points
    _of(taken, earned.wallet).lots += parts
    return lots_.total(parts)


def _by_policy(wallet: Wallet, points: int, policy: Policy, taken: Taken) -> None:
    """Settle `points` that are claimed, and counted as reversed, but were not found."""
    if policy != "only_pending":
        taken.balance = lots_.take(wallet.lots, points)
        points -= lots_.total(taken.balance)
    if policy == "allow_negative":
        taken.to_debt = points
        wallet.debt += points
    else:
        taken.written_off = points
        wallet.books.written_off += points


def _give(account: Account, name: str, parts: list[Lot], at: int, grace_until: int, lots_max: int) -> Given:
    wallet = ledger.wallet(account, name)
    wallet.books.spent -= lots_.total(parts)
    late = [part for part in parts if part.expires <= at]
    if grace_until > at:
        for part in late:
            part.expires = grace_until
        late = []
    wallet.books.expired += lots_.total(late)
    alive = [part for part in parts if part.expires > at]
    return Given(name, alive, ledger.come_all(wallet, alive, lots_max), late)


def _claimed(earned: Iterable[Earned], wallet: str, waits: Pending) -> None:
    """Note that all of `waits` was claimed."""
    points = waits.points
    for each in earned:
        if each.wallet == wallet and (each.lot.epoch, each.lot.offset) == (waits.epoch, waits.offset):
            part = min(points, each.lot.points - each.claimed)
            each.claimed += part
            points -= part
