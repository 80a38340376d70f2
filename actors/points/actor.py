"""The actor of the points domain: entries in, ledger arithmetic, effects and records out.

Every reaction first settles what the passing of time has done (upkeep.py), then does what the entry asks, then sets the
account's one timer to what comes next. What an entry asks is in accruals.py, changes.py, redemptions.py, reversals.py,
gifts.py, grants.py and standing.py; each works through a teller, which tells whatever it does.

By which rules: the programme that the segment's log says is active at the entry's place. It is the segment's shared
state, switched by `programme.activated`; before the first, the settings' own counts. A new programme judges what comes
after it. Lots keep the end they were given, timers that stand are looked at when they fire or the user comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import msgspec

from actors import orders
from actors.points import (
    accruals,
    books,
    changes,
    gifts,
    grants,
    inputs,
    keys,
    redemptions,
    reversals,
    standing,
    state,
    upgrade,
    upkeep,
)
from actors.points.audited import audited
from actors.points.messages import AUDITED, CHANGE, REFERRAL, BooksAudited, PointsChange, ReferralCredit
from actors.points.programme import Programme, parse
from actors.points.state import Account, Facts
from actors.points.teller import Teller
from actors.profile.messages import UPDATE, ProfileUpdate
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from supervision.domain import Domain, Event, TimerDue
from supervision.outputs import Output

PROGRAMME = "points"
"""Its name among the programmes."""
PROGRAMMES_KEPT = 8
"""Versions that are compiled: the segments switch one after the other."""


class Active(msgspec.Struct, array_like=True, gc=False):
    """The programme that counts in a segment: `number` 0 = the settings' own. `body` is its JSON."""

    format: int = 1
    number: int = 0
    version: str = ""
    body: str = ""


class PointsLedgerActor(Domain[Account]):
    """Folds points entries into accounts. `programme` counts until the log says otherwise."""

    name: ClassVar[str] = "points"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        CHANGE: PointsChange,
        REFERRAL: ReferralCredit,
        inputs.ACCRUE: inputs.AccruePointsWithin,
        inputs.REDEEM: inputs.RedeemPoints,
        inputs.RESERVE: inputs.ReservePoints,
        inputs.CONFIRM: inputs.ConfirmReservation,
        inputs.CANCEL: inputs.CancelReservation,
        inputs.REVERSE: inputs.ReverseOrder,
        inputs.GIFT: inputs.GivePoints,
        inputs.GIFT_ARRIVES: inputs.GiftArrives,
        inputs.ADJUST: inputs.AdjustPoints,
        inputs.ORDER_COMPLETED: inputs.OrderEvent,
        inputs.ORDER_CANCELLED: inputs.OrderEvent,
        inputs.SIGN_IN: inputs.SignIn,
        inputs.TIER_GRANT: inputs.GrantTierWithin,
        UPDATE: ProfileUpdate,
        ACTIVATED: ProgrammeActivated,
        AUDITED: BooksAudited,
    }
    state_type = Account
    shared_type = Active
    shared_format = 1
    format = state.FORMAT
    parks = "subject"
    holds_money = True

    def __init__(self, programme: Programme) -> None:
        self._programme = programme
        self._compiled = lru_cache(maxsize=PROGRAMMES_KEPT)(_compiled)

    def fresh(self, subject: str) -> Account:
        return Account()

    def fresh_shared(self) -> Active:
        return Active()

    def upgrade(self, fields: list[Any]) -> Account:
        return upgrade.upgrade(fields)

    def programme(self, active: Active) -> Programme:
        """The compiled form of what is active."""
        return self._compiled(active.body) if active.number else self._programme

    def programme_stored(self, shared: bytes | None) -> Programme:
        """The same from the stored state of a segment; for queries."""
        return self.programme(_active(shared)) if shared else self._programme

    def keys(self, event: Event) -> Sequence[bytes]:
        body, user_id = event.body, event.subject[5:]
        match body:
            case PointsChange():
                asked = [keys.order(user_id, body.order_id)] if body.order_id else []
                return [*asked, keys.referral(user_id)] if body.refers else asked
            case inputs.AccruePoints():
                order_id = _order_id(body)
                return [keys.order(user_id, order_id)] if order_id else ()
            case inputs.RedeemPoints():
                return [keys.order(user_id, body.order_id)] if body.order_id else ()
            case inputs.ReverseOrder() | inputs.OrderEvent():
                return [keys.order(user_id, body.order_id)]
            case inputs.ReservePoints():
                return [keys.reservation(user_id, redemptions.reservation_id(event.place, body))]
            case inputs.ConfirmReservation() | inputs.CancelReservation():
                return [keys.reservation(user_id, body.reservation_id)]
            case _:
                return ()

    def later_keys(self, state: Account, event: Event) -> Sequence[bytes]:
        if not isinstance(event.body, inputs.ConfirmReservation):
            return ()
        held = state.reservations.get(event.body.reservation_id)
        return [keys.order(event.subject[5:], held.order_id)] if held and held.order_id else ()

    def react(self, state: Any, event: Event) -> Iterable[Output]:
        body = event.body
        if isinstance(body, ProgrammeActivated):
            _activate(state, body)
            return ()
        if isinstance(body, BooksAudited):
            return audited(event, body)
        teller = Teller(state, event, self.programme(event.shared))
        if isinstance(body, PointsChange) and changes.known(teller, body):
            return ()
        if isinstance(body, TimerDue) and body.key == upkeep.TIMER:
            state.armed = state.armed_by = 0
        if upkeep.is_due(teller):
            upkeep.settle(teller)
            reversals.give_up(teller)
        _act(teller, body)
        upkeep.arm(teller)
        return teller.outputs

    def check(self, state: Any) -> None:
        if isinstance(state, Account):
            books.check_edges(state)


def _act(teller: Teller, body: Any) -> None:
    match body:
        case PointsChange():
            changes.react(teller, body)
        case inputs.AccruePoints():
            accruals.accrue_points(teller, body)
        case inputs.RedeemPoints():
            redemptions.redeem_points(teller, body)
        case inputs.ReservePoints():
            redemptions.reserve(teller, body)
        case inputs.ConfirmReservation():
            redemptions.confirm(teller, body)
        case inputs.CancelReservation():
            redemptions.cancel(teller, body)
        case inputs.ReverseOrder():
            reversals.reverse(teller, body)
        case inputs.OrderEvent() if teller.event.entry.kind == inputs.ORDER_COMPLETED:
            reversals.completed(teller, body)
        case inputs.OrderEvent():
            reversals.cancelled(teller, body)
        case ReferralCredit():
            grants.referral(teller, body)
        case inputs.AdjustPoints():
            grants.adjust(teller, body)
        case inputs.SignIn():
            grants.sign_in(teller)
        case inputs.GivePoints():
            gifts.give(teller, body)
        case inputs.GiftArrives():
            gifts.arrives(teller, body)
        case inputs.GrantTier():
            standing.grant(teller, body)
        case ProfileUpdate():
            _learn(teller.account, body)
        case _:
            pass  # a firing: all it wanted was the settling


def _learn(account: Account, body: ProfileUpdate) -> None:
    """What rules know of the person; the last word counts."""
    before = account.facts or Facts()
    changed = body.changes()
    account.facts = Facts(changed.get("zone", before.zone) or "", changed.get("birthday", before.birthday) or "")


def _activate(active: Active, body: ProgrammeActivated) -> None:
    if body.name == PROGRAMME and body.number > active.number:
        active.number, active.version, active.body = body.number, body.version, body.body


_active = msgspec.msgpack.Decoder(Active).decode


def number_active(shared: bytes) -> int:
    """The number of the programme that a segment's stored state says is active."""
    return _active(shared).number


def _compiled(body: str) -> Programme:
    programme = parse(body.encode())
    assert isinstance(programme, Programme), f"a programme that was accepted is refused: {programme}"
    return programme


def _order_id(body: inputs.AccruePoints) -> str | None:
    if bytes(body.order) == b"null":
        return body.order_id
    return orders.id_of(bytes(body.order))
