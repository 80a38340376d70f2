"""The actor of the points domain: entries in, ledger arithmetic, effects and records out.

Every reaction first settles what the passing of time has done (lots that expired, reminders that are due), then does
what the entry asks, then sets the two timers to what comes next. A firing is therefore nothing but a reason to look:
whether the timer or a purchase comes first after midnight, the books say the same, and points past their day can never
be spent because a timer was late.

A user has two timers at most, however many lots: one for the lot that expires soonest, one for the next reminder. They
are re-armed only when that date changes, so an ordinary purchase writes none.

A known duplicate is no event at all in this ledger: it yields nothing. Refusals yield an effect and leave the state
alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from actors.points import accepted as books
from actors.points import ledger, lines
from actors.points.ledger import Account, Lot, Short
from actors.points.messages import (
    CHANGE,
    REFERRAL,
    REFERRAL_REASON,
    VALIDITY_REASON,
    PointsChange,
    PointsEarned,
    PointsExpired,
    PointsExpiring,
    PointsSpent,
    ReferralCredit,
)
from actors.points.programme import Programme
from actors.points.state import MAIN
from supervision.domain import Domain, Event, TimerDue
from supervision.envelope import rfc3339
from supervision.outputs import Arm, Cancel, Claim, Emit, Output

EXPIRY = "expiry"
REMINDER = "reminder"
REMINDERS_MAX = 31
"""Effects of one reaction. Were more due (a reminder rule made longer), the rest follow REMINDER_PAUSE_MS later."""
REMINDER_PAUSE_MS = 1_000


class PointsLedgerActor(Domain[Account]):
    """Folds points entries into accounts; see ledger.py for the arithmetic, programme.py for the dates."""

    name: ClassVar[str] = "points"
    reacts_to: ClassVar[Mapping[str, Any]] = {CHANGE: PointsChange, REFERRAL: ReferralCredit}
    state_type = Account
    format = ledger.FORMAT
    parks = "subject"
    holds_money = True

    def __init__(self, programme: Programme) -> None:
        self._programme = programme

    def fresh(self, subject: str) -> Account:
        return Account()

    def upgrade(self, fields: list[Any]) -> Account:
        raise ValueError(
            f"no points account was ever written in format {fields[0]}; this program writes {ledger.FORMAT}"
        )

    def keys(self, event: Event) -> Sequence[bytes]:
        if not isinstance(event.body, PointsChange):
            return ()
        return [key for key in (books.order_key(event.body), books.referral_key(event.body)) if key]

    def react(self, state: Account, event: Event) -> Iterator[Output]:
        body = event.body
        if isinstance(body, PointsChange) and _known(body, event):
            return
        if isinstance(body, TimerDue):
            _disarm(state, body.key)
        yield from self._settle(state, event)
        match body:
            case PointsChange():
                yield from self._change(state, body, event)
            case ReferralCredit():
                yield from self._earn(
                    state, body.points, REFERRAL_REASON, body.order_id, event, referred=body.referred_user_id
                )
            case _:
                pass  # a firing: all it wanted was the settling
        yield from self._arm(state, event.at)

    def check(self, state: Account) -> None:
        ledger.check_edges(state)

    def _change(self, account: Account, change: PointsChange, event: Event) -> Iterator[Output]:
        if contradiction := _contradiction(account, change, event):
            yield contradiction
            return
        match change.change_type:
            case "increase":
                yield from self._earn(account, change.points, change.reason, change.order_id, event)
            case "decrease":
                taken = ledger.spend(account, change.points)
                if isinstance(taken, Short):
                    yield _short(account, change, taken)
                    return
                yield from _spent(account, change, taken, event)
            case _:
                taken = ledger.expire(account, change.points)
                if not taken:
                    yield lines.refused(change, 0, "nothing_to_expire", "there are no points")
                    return
                yield from _expired(account, change, taken, event)
        yield from _claims(change, event)

    def _earn(
        self,
        account: Account,
        points: int,
        reason: str,
        order_id: str | None,
        event: Event,
        referred: str | None = None,
    ) -> Iterator[Output]:
        expires = self._programme.expiry(MAIN, event.at)
        lot = Lot(expires, points, event.entry.epoch, event.entry.offset)
        before = ledger.available(account)
        if merged := ledger.earn(account, lot, self._programme.lots_max):
            yield lines.merged(merged, before, event)
        effect = PointsEarned(points, before + points, reason, order_id, rfc3339(expires), referred)
        yield from lines.told("points.earned", "increase", effect, [lot], event)

    def _settle(self, account: Account, event: Event) -> Iterator[Output]:
        """What has become due by `event.at`, whoever noticed it."""
        if due := ledger.expire_due(account, event.at):
            points = sum(lot.points for lot in due)
            effect = PointsExpired(points, ledger.available(account), VALIDITY_REASON, None)
            yield from lines.told("points.expired", "expire", effect, due, event)
        for _ in range(REMINDERS_MAX):
            expires = ledger.next_to_remind(account)
            if not expires or not 0 < self._programme.reminder(expires) <= event.at:
                return
            yield lines.expiring(self._reminder(account, expires))
            account.reminded = expires

    def _reminder(self, account: Account, expires: int) -> PointsExpiring:
        points = ledger.expiring_at(account, expires)
        last_day = self._programme.expires_on(expires)
        return PointsExpiring(points, ledger.available(account), VALIDITY_REASON, None, rfc3339(expires), last_day)

    def _arm(self, account: Account, at: int) -> Iterator[Output]:
        expiry = account.lots[0].expires if account.lots else 0
        if expiry != account.expiry_armed:
            account.expiry_armed = expiry
            yield Arm(EXPIRY, expiry) if expiry else Cancel(EXPIRY)
        reminder = self._next_reminder(account, at)
        if reminder != account.reminder_armed:
            account.reminder_armed = reminder
            yield Arm(REMINDER, reminder) if reminder else Cancel(REMINDER)

    def _next_reminder(self, account: Account, at: int) -> int:
        expires = ledger.next_to_remind(account)
        due = self._programme.reminder(expires) if expires else 0
        # Due already: more than REMINDERS_MAX were. After a pause the firing is a new beginning, not a deeper cause.
        return at + REMINDER_PAUSE_MS if 0 < due <= at else due


def _known(change: PointsChange, event: Event) -> bool:
    """Whether `change` was accepted before, under whatever message id, saying the same."""
    claim = event.claimed.get(books.order_key(change) or b"") if event.claimed else None
    return claim is not None and books.decode(claim).same_as(books.accepted(change, event.place))


def _contradiction(account: Account, change: PointsChange, event: Event) -> Output | None:
    """The refusal when a business key of `change` is used up by another; `_known` was asked before."""
    if not event.claimed:
        return None
    if order := event.claimed.get(books.order_key(change) or b""):
        before = books.decode(order)
        detail = f"the order was accepted with {before.points} points at {before.place}"
        return lines.refused(change, ledger.available(account), "order_conflict", detail)
    if referral := event.claimed.get(books.referral_key(change) or b""):
        detail = f"this user's referral was accepted at {books.decode(referral).place}"
        return lines.refused(change, ledger.available(account), "already_referred", detail)
    return None


def _claims(change: PointsChange, event: Event) -> Iterator[Output]:
    """Use up the keys of the accepted `change`, and give the referrer theirs."""
    order, referral = books.order_key(change), books.referral_key(change)
    if order is None and referral is None:
        return
    accepted = books.accepted(change, event.place)
    value = books.encode(accepted)
    if order:
        yield Claim(order, value)
    if referral:
        yield Claim(referral, value)
        credit = ReferralCredit(accepted.referrer_points, change.user_id, change.order_id)
        yield Emit(REFERRAL, credit, subject=f"user:{accepted.referrer_id}")


def _short(account: Account, change: PointsChange, short: Short) -> Output:
    return lines.refused(
        change, ledger.available(account), "insufficient_points", f"{short.missing} points are missing"
    )  # fmt: skip


def _spent(account: Account, change: PointsChange, taken: Sequence[Lot], event: Event) -> Iterator[Output]:
    effect = PointsSpent(change.points, ledger.available(account), change.reason, change.order_id)
    return lines.told("points.spent", "decrease", effect, taken, event)


def _expired(account: Account, change: PointsChange, taken: Sequence[Lot], event: Event) -> Iterator[Output]:
    points = sum(lot.points for lot in taken)
    effect = PointsExpired(points, ledger.available(account), change.reason, change.order_id, change.points)
    return lines.told("points.expired", "expire", effect, taken, event)


def _disarm(account: Account, key: str) -> None:
    """The timer `key` has fired: handling that ends it."""
    if key == EXPIRY:
        account.expiry_armed = 0
    elif key == REMINDER:
        account.reminder_armed = 0
