"""What a query may see of an account, from the bytes the store holds, at the moment of the question.

What time has done since the account was last touched is done to a copy first (upkeep.py's order: pending points become
active, reservations end, lots expire), so nobody is shown points that nobody could spend any more, even if the timer
that takes them away has yet to fire.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.points import ledger, lots, reservations, tiers
from actors.points.programme import MAIN_NAME, Programme
from actors.points.state import FORMAT, Account, Tier, Wallet
from actors.points.tiers import Shown
from actors.points.upgrade import upgrade

_decoder = msgspec.msgpack.Decoder(Account)
_fields = msgspec.msgpack.Decoder(list[object])
_SECOND_BYTE = bytes([FORMAT])
"""Of a stored account; as long as it has fewer than 16 fields, which saves nearly all a second decoding."""


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


def account_of(data: bytes) -> Account:
    """The stored account. Raises ValueError (msgspec's, or ours for another format) when `data` is no account."""
    if data[1:2] != _SECOND_BYTE and (fields := _fields.decode(data))[0] != FORMAT:
        return upgrade(fields)
    return _decoder.decode(data)


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
        found += [Coming(p.active_from, "activation", p.points, shown) for p in wallet.pending if p.active_from]
        slides = programme.slides_end(account.active_at, name)
        ends: dict[int, int] = {}
        for lot in wallet.lots:
            end = lots.ends(lot, slides)
            ends[end] = ends.get(end, 0) + lot.points
        found += [Coming(end, "expiry", points, shown) for end, points in ends.items() if end]
    for rid, held in account.reservations.items():
        found.append(Coming(held.until, "release", lots.total(held.parts), held.wallet or MAIN_NAME, rid))
    due = tiers.next_due(account.tier, programme.rules.tiers, programme.days) if account.tier else 0
    if due and account.tier:
        found.append(Coming(due, "tier_check", 0, "", tiers.holds(account.tier, programme.rules.tiers)))
    return sorted((each for each in found if each.at > at), key=lambda each: (each.at, each.what, each.name))


def _wallet(account: Account, programme: Programme, name: str, wallet: Wallet) -> WalletSeen:
    slides = programme.slides_end(account.active_at, name)
    shown = [LotSeen(lot.points, lots.ends(lot, slides), lot.epoch, lot.offset) for lot in wallet.lots]
    return WalletSeen(
        ledger.available(wallet), ledger.pending(wallet), reservations.held(account, name), wallet.debt,
        sorted(shown, key=lambda lot: (not lot.expires, lot.expires)),
    )  # fmt: skip
