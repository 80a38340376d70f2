"""What the passing of time does to an account, done before anything else whenever somebody looks at it.

Whether the timer or a purchase comes first after midnight, the books say the same, and points past their day can never
be spent because a timer was late. An account has one timer, set to whatever comes next; a firing is nothing but a
reason to look. It is set anew only when that moment changes, so an ordinary purchase writes none.
"""

from __future__ import annotations

from msgspec import UNSET

from actors.points import ledger, lots, reservations, standing
from actors.points.effects import VALIDITY_REASON, PointsActivated, PointsExpired, PointsExpiring, PointsReleased
from actors.points.ledger import Activated, Came
from actors.points.records import LOTS_MAX_REASON
from actors.points.state import MAIN, NEVER, SLIDES, Account, Wallet
from actors.points.teller import Teller
from actors.points.times import shown
from supervision.envelope import rfc3339
from supervision.outputs import Arm, Cancel

TIMER = "next"
REMINDERS_MAX = 31
"""Effects of one reaction. Were more due (a reminder rule made longer), the rest follow PAUSE_MS later."""
TOLD_MAX = 20
"""Activations told one by one; more that become active at once are told as one."""
PAUSE_MS = 1_000
"""Until a reminder that is due already. Its firing is then a new beginning, not a deeper cause."""


def is_due(teller: Teller) -> bool:
    """Whether `settle` may find anything to do: the moment has come to which the timer is set, or another programme
    counts than the one by which it was set. O(1).
    """
    account = teller.account
    return account.armed_by != teller.programme.mark or 0 < account.armed <= teller.at


def settle(teller: Teller) -> None:
    """Everything that has become due by now."""
    account = teller.account
    named = [(MAIN, account.main), *account.wallets.items()]
    for name, wallet in named:
        _activate(teller, name, wallet)
    if account.reservations:
        _release(teller)
    for name, wallet in named:
        expire(teller, name, wallet)
    if account.tier is not None:
        standing.settle(teller)
    for name, wallet in named:
        _remind(teller, name, wallet)


def expire(teller: Teller, name: str, wallet: Wallet) -> None:
    """Take away what has ended in a wallet, and say so."""
    if not wallet.lots:
        return
    slides = _slides(teller, name, wallet)
    if not 0 < ledger.next_expiry(wallet, slides) <= teller.at:
        return
    teller.wallet(name)
    due = ledger.expire_due(wallet, teller.at, slides)
    points = lots.total(due)
    balance = teller.line("expire", points, VALIDITY_REASON, None, due, name)
    effect = PointsExpired(points, balance, VALIDITY_REASON, None, wallet=name or UNSET)
    teller.say("points.expired", effect, VALIDITY_REASON)


def activated(teller: Teller, name: str, done: list[Activated], reason: str) -> None:
    """Say what became active in a wallet, together when there is much."""
    for each in done:
        merged(teller, each.came, name)
    if len(done) > TOLD_MAX:
        _tell_activated(teller, name, done, reason, None)
        return
    for each in done:
        _tell_activated(teller, name, [each], reason, each.pending.order_id or None)


def merged(teller: Teller, came: Came, name: str) -> None:
    """The line that keeps what lots were before they became one."""
    if came.merged:
        teller.line("merge", 0, LOTS_MAX_REASON, None, came.merged, name)


def arm(teller: Teller) -> None:
    """Set the timer to what comes next."""
    due = _next(teller)
    account = teller.account
    account.armed_by = teller.programme.mark if due else 0
    if due != account.armed:
        account.armed = due
        teller.outputs.append(Arm(TIMER, due) if due else Cancel(TIMER))


def comes_by_itself(account: Account) -> int:
    """The first of the moments that no programme decides about: the timer is set to it or to one before; 0 = none."""
    moments = [reservations.next_due(account), *[waiting.until for waiting in account.waiting]]
    for _, wallet in ledger.wallets(account):
        moments += [ledger.next_expiry(wallet, NEVER), ledger.next_activation(wallet)]
    return min([moment for moment in moments if moment], default=0)


def _activate(teller: Teller, name: str, wallet: Wallet) -> None:
    programme = teller.programme
    if not wallet.pending or not 0 < ledger.next_activation(wallet) <= teller.at:
        return
    teller.wallet(name)
    done = ledger.activate(wallet, teller.at, lambda at: programme.expiry(name, at), programme.rules.lots_max)
    activated(teller, name, list(done), "time")


def _tell_activated(teller: Teller, name: str, done: list[Activated], reason: str, order_id: str | None) -> None:
    points = sum(each.pending.points for each in done)
    debt = sum(each.came.to_debt for each in done)
    made = [lots.Lot(each.expires, each.pending.points, each.pending.epoch, each.pending.offset) for each in done]
    balance = teller.line("activate", points, reason, order_id, made, name)
    effect = PointsActivated(
        points, balance, reason, order_id, shown(done[0].expires) if len(done) == 1 else None, name or UNSET,
        debt or UNSET,
    )  # fmt: skip
    teller.say("points.activated", effect, reason)


def _release(teller: Teller) -> None:
    for rid in reservations.due(teller.account, teller.at):
        name = teller.account.reservations[rid].wallet
        teller.wallet(name)
        ended = reservations.release(teller.account, rid, teller.programme.rules.lots_max)
        assert isinstance(ended, reservations.Ended)
        released(teller, rid, ended, "expired")


def released(teller: Teller, rid: str, ended: reservations.Ended, reason: str) -> None:
    """Say that a reservation is over and nothing of it was spent."""
    name, order_id = ended.reservation.wallet, ended.reservation.order_id or None
    merged(teller, ended.came, name)
    points = lots.total(ended.released)
    balance = teller.line("release", points, reason, order_id, ended.released, name, reservation_id=rid)
    effect = PointsReleased(points, balance, reason, rid, order_id, name or UNSET)
    teller.say("points.released", effect, reason)


def _remind(teller: Teller, name: str, wallet: Wallet) -> None:
    programme = teller.programme
    if not wallet.lots:
        return
    slides = _slides(teller, name, wallet)
    for _ in range(REMINDERS_MAX):
        expires = ledger.next_to_remind(wallet, slides)
        if not expires or not 0 < programme.reminder(expires) <= teller.at:
            return
        points = ledger.expiring_at(wallet, expires, slides)
        effect = PointsExpiring(
            points, ledger.available(wallet), VALIDITY_REASON, None, rfc3339(expires), programme.expires_on(expires),
            name or UNSET,
        )  # fmt: skip
        teller.say("points.expiring", effect, VALIDITY_REASON)
        wallet.reminded = expires


def _next(teller: Teller) -> int:
    account = teller.account
    due = _next_in_wallet(teller, MAIN, account.main)
    if not (account.wallets or account.reservations or account.tier or account.waiting):
        return due
    moments = [due, reservations.next_due(account), standing.next_due(teller)]
    moments += [waiting.until for waiting in account.waiting]
    moments += [_next_in_wallet(teller, name, wallet) for name, wallet in account.wallets.items()]
    return _soonest(moments)


def _next_in_wallet(teller: Teller, name: str, wallet: Wallet) -> int:
    """When lots end, their owner is to be reminded, or pending points become active."""
    due = 0
    if wallet.lots:
        slides = _slides(teller, name, wallet)
        due = ledger.next_expiry(wallet, slides)
        reminder = _next_reminder(teller, due if due > wallet.reminded else ledger.next_to_remind(wallet, slides))
        if 0 < reminder < due:
            due = reminder
    return _soonest([due, ledger.next_activation(wallet)]) if wallet.pending else due


def _soonest(moments: list[int]) -> int:
    return min([moment for moment in moments if moment], default=0)


def _slides(teller: Teller, name: str, wallet: Wallet) -> int:
    """When the sliding lots of a wallet end, if there are any."""
    if wallet.lots[-1].expires != SLIDES:
        return NEVER
    return teller.programme.slides_end(teller.account.active_at, name)


def _next_reminder(teller: Teller, expires: int) -> int:
    """When to remind of what ends at `expires`, 0 = never. What is due already (it came after its reminder, or more
    were due than one reaction tells) is told at the next firing: who never stops buying hears of it all the same.
    """
    due = teller.programme.reminder(expires) if expires else 0
    if not 0 < due <= teller.at:
        return due
    soon, armed = teller.at + PAUSE_MS, teller.account.armed
    return armed if teller.at < armed < soon else soon
