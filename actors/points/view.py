"""What a query may see of an account, from the bytes the store holds, at the moment of the question.

What time has done since the account was last touched is done to a copy first (upkeep.py's order: pending points become
active, reservations end, lots expire), so nobody is shown points that nobody could spend any more, even if the timer
that takes them away has yet to fire.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from actors.points import ledger, lots, reservations, tiers
from actors.points.conditions import Who, who_is
from actors.points.programme import MAIN_NAME, Programme
from actors.points.records import LedgerLine, PublicItem, PublicLine, PublicLot
from actors.points.state import FORMAT, NEVER, Account, Lot, Tier, Wallet
from actors.points.tiers import Shown
from actors.points.upgrade import upgrade
from supervision.envelope import rfc3339
from supervision.forms import thawing

_line = msgspec.json.Decoder(LedgerLine)


class LotSeen(msgspec.Struct, frozen=True):
    """`expires` in ms since 1970 UTC, the end of sliding points worked out; 0 = never. (epoch, offset): its origin."""

    points: int
    expires: int
    epoch: int
    offset: int


class WalletSeen(msgspec.Struct, frozen=True):
    available: int
    pending: int
    reserved: int
    debt: int
    lots: Sequence[LotSeen]
    """Soonest to end first."""


class Coming(msgspec.Struct, frozen=True):
    """What will happen by itself: `activation`, `expiry`, `release` (of a reservation), `tier_check`."""

    at: int
    what: str
    points: int
    wallet: str
    name: str = ""
    """The reservation's id, or the level that is looked at."""


account_of = thawing(Account, FORMAT, upgrade)
"""The stored account."""


def seen(account: Account, programme: Programme, at: int) -> dict[str, WalletSeen]:
    """Its wallets by name as they are at `at`, `main` first. Changes `account`, which must be the caller's own."""
    bring_forward(account, programme, at)
    return {name or MAIN_NAME: _wallet(account, programme, name, wallet) for name, wallet in ledger.wallets(account)}


def bring_forward(account: Account, programme: Programme, at: int) -> None:
    """Let time pass over an account that nobody will store."""
    for name, wallet in ledger.wallets(account):
        ledger.activate(wallet, at, lambda active, of=name: programme.expiry(of, active), programme.lots_max)
    for rid in reservations.due(account, at):
        reservations.release(account, rid, programme.lots_max)
    for name, wallet in ledger.wallets(account):
        ledger.expire_due(wallet, at, programme.slides_end(account.active_at, name))


def tier(account: Account, programme: Programme, at: int) -> Shown:
    """Level, progress and what threatens it."""
    return tiers.shown(account.tier or Tier(), programme.rules.tiers, programme.days, at)


def coming(account: Account, programme: Programme, at: int) -> list[Coming]:
    """What will happen by itself from `at` on, soonest first, as long as nobody does anything."""
    found: list[Coming] = []
    for name, wallet in ledger.wallets(account):
        shown = name or MAIN_NAME
        found += [Coming(start, "activation", points, shown) for start, points in _activations(wallet).items()]
        found += [Coming(end, "expiry", points, shown) for end, points in _ends(account, programme, name).items()]
    for rid, held in account.reservations.items():
        found.append(Coming(held.until, "release", lots.total(held.parts), held.wallet or MAIN_NAME, rid))
    due = tiers.next_due(account.tier, programme.rules.tiers, programme.days) if account.tier else 0
    if due and account.tier:
        found.append(Coming(due, "tier_check", 0, "", tiers.holds(account.tier, programme.rules.tiers)))
    return sorted((each for each in found if each.at > at), key=lambda each: (each.at, each.what, each.name))


def who(account: Account, programme: Programme, at: int) -> Who:
    """What the earn rules ask of its owner."""
    return who_is(account, tier(account, programme, at).level)


def line(body: bytes) -> PublicLine:
    """What other programs may see of a record."""
    kept = _line.decode(body)
    parts = tuple([PublicLot(lot.origin, lot.points, _time(lot.expires)) for lot in kept.lots])
    items = tuple([PublicItem(*msgspec.structs.astuple(item)) for item in kept.items]) if kept.items else UNSET
    return PublicLine(
        kept.offset, kept.at, kept.change, kept.points, kept.balance, kept.reason, kept.order_id, kept.cause,
        kept.wallet or MAIN_NAME, kept.moves, parts, kept.reservation_id, kept.programme, items, kept.note,
        kept.other_user_id,
    )  # fmt: skip


def _time(expires: int) -> str | None:
    """None: never, or not by date."""
    return rfc3339(expires) if expires and expires < NEVER else None


def _activations(wallet: Wallet) -> dict[int, int]:
    """How many points become active when, by time."""
    found: dict[int, int] = {}
    for waits in wallet.pending:
        if waits.active_from:
            found[waits.active_from] = found.get(waits.active_from, 0) + waits.points
    return found


def _ends(account: Account, programme: Programme, name: str) -> dict[int, int]:
    """How many points end when, if nobody does anything: those there are, those that become active by time, and those
    that come back when a reservation's time is up.
    """
    wallet = account.wallets[name] if name else account.main
    slides = programme.slides_end(account.active_at, name)
    found = [(lots.ends(lot, slides), lot.points) for lot in wallet.lots]
    for waits in wallet.pending:
        if waits.active_from:
            expires = waits.expires or programme.expiry(name, waits.active_from)
            found.append((lots.ends(Lot(expires, waits.points, 0, 0), slides), waits.points))
    for each in account.reservations.values():
        if each.wallet == name:
            parts = [(lots.ends(part, slides), part.points) for part in each.parts]
            found += [(max(end, each.until), points) for end, points in parts if end]
    ends: dict[int, int] = {}
    for end, points in found:
        if 0 < end < NEVER:
            ends[end] = ends.get(end, 0) + points
    return ends


def _wallet(account: Account, programme: Programme, name: str, wallet: Wallet) -> WalletSeen:
    slides = programme.slides_end(account.active_at, name)
    shown = [LotSeen(lot.points, lots.ends(lot, slides), lot.epoch, lot.offset) for lot in wallet.lots]
    return WalletSeen(
        ledger.available(wallet), ledger.pending(wallet), reservations.held(account, name), wallet.debt,
        sorted(shown, key=lambda lot: (not lot.expires, lot.expires)),
    )  # fmt: skip
