"""What a user has, had or will have: the answer about his points, worked out of his account or of his records.

Now and later are the same question: time passes over a copy of the account, and nobody does anything meanwhile. What
was is another: the account forgets, so its present sums are taken back line by line, newest first, to the moment asked
about. That is bounded (`lines_max`): a moment that lies further back is refused rather than worked out for a minute.
Which lots there were then is not said: lines tell what moved, not what stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from actors.points import moves, view
from actors.points.moves import Totals
from actors.points.programme import MAIN_NAME, Programme
from actors.points.state import MAIN, Account
from actors.points.view import WalletSeen
from gateway.problems import Problem
from supervision.envelope import rfc3339
from supervision.messages import RecordRow

LINES_BACK_MAX = 5_000
"""Lines of a user's records between now and a past moment that is asked about."""


class Lot(msgspec.Struct, frozen=True):
    points: int
    expires_at: str | None
    """None: never, or not by date."""


class AsOf(msgspec.Struct, frozen=True):
    """The answer holds everything of `segment` up to `offset` and nothing after it."""

    segment: int
    offset: int


class WalletSums(msgspec.Struct, frozen=True):
    """`available` can be spent, `pending` not yet, `reserved` is held for check-outs, `debt` is owed for refunds."""

    available: int = 0
    pending: int = 0
    reserved: int = 0
    debt: int = 0


class NextExpiry(msgspec.Struct, frozen=True):
    """So many points end at `at`, before all others."""

    at: str
    points: int


class Balance(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/points`. Figures outside `wallets` are those of the wallet `main`, `balance` is
    `available`. `lots` are the 100 that expire first. `at` is the moment that is spoken of; of a past one `lots`,
    `next_expiry` and `tier` are null, since they are not kept. `tier` null: none.
    """

    user_id: str
    available: int
    lots: list[Lot] | None
    as_of: AsOf
    balance: int
    pending: int
    reserved: int
    debt: int
    wallets: dict[str, WalletSums]
    next_expiry: NextExpiry | None
    tier: str | None
    at: str


def of_account(user_id: str, account: Account, programme: Programme, at: int, as_of: AsOf, lots_max: int) -> Balance:
    """As it is at `at`, now or later. Changes `account`, which must be the caller's own."""
    tier = view.tier(account, programme, at).level
    seen = view.seen(account, programme, at)
    main = seen[MAIN_NAME]
    lots = [Lot(lot.points, shown(lot.expires)) for lot in main.lots[:lots_max]]
    return _balance(user_id, as_of, at, _sums(seen), lots, _next_expiry(main), tier or None)


def of_past(user_id: str, totals: Mapping[str, Totals], at: int, as_of: AsOf) -> Balance:
    """As it was at `at`, by wallet as states name them."""
    wallets = {
        name or MAIN_NAME: WalletSums(each.available, each.pending, each.reserved, each.debt)
        for name, each in totals.items()
    }
    return _balance(user_id, as_of, at, wallets, None, None, None)


def taken_back(account: Account, rows: Iterator[RecordRow], at: int) -> dict[str, Totals]:
    """The sums of each wallet at `at`: the account's, less what lines after it moved. `rows` are all of them, newest
    first. Raises Problem `too_far_back`.
    """
    totals = {name: moves.totals(account, name) for name in (MAIN, *account.wallets)}
    until = rfc3339(at)
    for n, row in enumerate(rows):
        line = view.line(row.body)
        if line.at <= until:  # one form, so that texts compare as times do
            break
        if n >= LINES_BACK_MAX:
            detail = f"more than {LINES_BACK_MAX} changes lie between now and then; the records have them"
            raise Problem("too_far_back", detail)
        name = MAIN if line.wallet == MAIN_NAME else line.wallet
        back = {term: -moved for term, moved in line.moves.items()}
        totals[name] = moves.added(totals.get(name, Totals()), back)
    return totals


def shown(expires: int) -> str | None:
    """A moment as RFC 3339, None for never."""
    return rfc3339(expires) if expires else None


def _balance(
    user_id: str, as_of: AsOf, at: int, wallets: dict[str, WalletSums], lots: list[Lot] | None,
    next_expiry: NextExpiry | None, tier: str | None,
) -> Balance:  # fmt: skip
    main = wallets[MAIN_NAME]
    return Balance(
        user_id, main.available, lots, as_of, main.available, main.pending, main.reserved, main.debt, wallets,
        next_expiry, tier, rfc3339(at),
    )  # fmt: skip


def _sums(seen: Mapping[str, WalletSeen]) -> dict[str, WalletSums]:
    return {name: WalletSums(each.available, each.pending, each.reserved, each.debt) for name, each in seen.items()}


def _next_expiry(wallet: WalletSeen) -> NextExpiry | None:
    if not wallet.lots or not wallet.lots[0].expires:
        return None
    at = wallet.lots[0].expires
    return NextExpiry(rfc3339(at), sum(lot.points for lot in wallet.lots if lot.expires == at))
