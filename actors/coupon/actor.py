"""The actor of the coupon domain: coupons are issued to users, held, used and given back, from what a segment holds.

An entry about a user changes the user's purse and, beside it, the shelf of one template (shelf.py). Entries about a
shelf are its dealings with the template (stock.py); what a template says comes by an entry about the segment, as every
programme does, so that in each segment's log it is exact from where on which version counts.

A command that had to wait for stock comes again as `coupon.served`, in its own chain, and is judged anew: what was
right when it began to wait may be wrong by now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from actors import orders
from actors.commands import Refusal
from actors.coupon import (
    finding,
    handing,
    imported,
    inputs,
    issuing,
    keys,
    lending,
    lists,
    shelf,
    shelving,
    upkeep,
    using,
)
from actors.coupon import state as purses
from actors.coupon.clerk import Clerk, Sent
from actors.coupon.code_keys import CodeKeys
from actors.coupon.codes import UNKNOWN, Located
from actors.coupon.directory import Directory
from actors.coupon.finding import Read, Spelled
from actors.coupon.listing import subject_of, template_of
from actors.coupon.reasons import Code
from actors.coupon.shelf import Need, Resource, Shelf
from actors.coupon.state import Purse
from actors.orders import Order
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from supervision.domain import Domain, Event, TimerDue
from supervision.entry import part_subject
from supervision.outputs import Output

COMMANDS: Mapping[str, Any] = {
    inputs.ISSUE: inputs.IssueCoupons,
    lists.LISTED: inputs.IssueListed,
    inputs.USE: inputs.UseCoupon,
    inputs.HOLD: inputs.HoldCoupon,
    inputs.RELEASE: inputs.ReleaseCoupon,
    inputs.ROLL_BACK: inputs.RollBackCoupon,
    inputs.TRANSFER: inputs.TransferCoupon,
    imported.FETCHED: imported.Fetched,
}
"""About users."""
DISCARDED = "discarded"
"""What a job is told of a user whose command an operator had forgotten."""

ByCode = inputs.UseCoupon | inputs.HoldCoupon | inputs.ReleaseCoupon | inputs.RollBackCoupon | inputs.TransferCoupon

_decoders = {kind: msgspec.json.Decoder(type_).decode for kind, type_ in COMMANDS.items()}


class CouponIssuerActor(Domain[Purse]):
    """For a store of `segments` segments. `code_keys` make and read the codes."""

    name: ClassVar[str] = "coupon"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        **COMMANDS,
        handing.HAND: handing.Hand,
        handing.HANDED: handing.Handed,
        lending.SERVED: lending.Served,
        lending.GRANT: lending.Lend,
        lending.RECALL: lending.CallBack,
        lending.SERVE: lending.Serve,
        lists.LIST: lists.IssueList,
        ACTIVATED: ProgrammeActivated,
    }
    state_type = Purse
    format = purses.FORMAT
    shared_type = Directory
    shared_format = 1
    companion_type = Shelf
    companion_format = shelf.FORMAT
    parks = "subject"
    holds_money = True

    def __init__(self, segments: int, code_keys: CodeKeys) -> None:
        self._segments = segments
        self._code_keys = code_keys

    @property
    def code_keys(self) -> CodeKeys:
        return self._code_keys

    def fresh(self, subject: str) -> Purse:
        return Purse()

    def upgrade(self, fields: list[Any]) -> Purse:
        return purses.upgrade(fields)

    def fresh_shared(self) -> Directory:
        return Directory()

    def fresh_companion(self, subject: str) -> Shelf:
        return Shelf()

    def upgrade_companion(self, fields: list[Any]) -> Shelf:
        return shelf.upgrade(fields)

    def check(self, state: Any) -> None:
        purses.check(state)

    def check_companion(self, companion: Shelf) -> None:
        shelf.check(companion)

    def keys(self, event: Event) -> Sequence[bytes]:
        body, user_id = _command(event), event.subject[5:]
        match body:
            case inputs.IssueCoupons():
                return [keys.issue(user_id, body.of, _occasion(event, body))]
            case inputs.UseCoupon() | inputs.HoldCoupon():
                book = [keys.order(user_id, orders.id_of(bytes(body.order)))]
            case inputs.ReleaseCoupon() | inputs.RollBackCoupon():
                book = [keys.order(user_id, body.order_id)]
            case inputs.TransferCoupon():
                book = []
            case handing.Handed():
                return [keys.serial(body.serial)]
            case _:
                return ()
        meant = finding.read(body.code, self._code_keys, self._segments, finding.ANY)
        whose = [finding.whose_key(meant, user_id)] if isinstance(meant, Located | Spelled) else []
        return [*book, *whose]

    def later_keys(self, state: Any, event: Event) -> Sequence[bytes]:
        if not isinstance(event.body, lending.Serve):
            return ()
        end = min(state.next, state.first + shelf.SERVED_MAX)
        return [shelf.ticket_key(event.body.template, number) for number in range(state.first, end)]

    def companion(self, state: Any, event: Event) -> str:
        template = self._template(state, event)
        return part_subject(event.entry.segment, subject_of(template)) if template else ""

    def _template(self, state: Any, event: Event) -> str:
        """The template whose shelf is beside the event's subject; empty when there is none."""
        body = event.body
        match body:
            case inputs.IssueCoupons():
                return body.of
            case lending.Served() | imported.Fetched() | handing.Hand() | handing.Handed():
                return body.template
            case ProgrammeActivated():
                return template_of(body.name)
            case TimerDue() if isinstance(state, Purse):
                return upkeep.due_template(state, event.at)
            case _ if isinstance(body, ByCode):
                meant = finding.read(body.code, self._code_keys, self._segments, event.shared)
                known = isinstance(meant, Located | Spelled)
                whose = event.claimed.get(finding.whose_key(meant, event.subject[5:])) if known else None
                return finding.template_of(state, meant, event.entry.segment, whose)
            case _:
                return ""

    def react(self, state: Any, event: Event) -> Iterable[Output]:
        match state:
            case Purse():
                return self._for_user(state, event)
            case Shelf():
                return _for_shelf(state, event)
            case Directory() if isinstance(event.body, ProgrammeActivated) and event.companion is not None:
                template = template_of(event.body.name)
                return shelving.told(state, event.companion, template, event, event.body)
            case _:
                return ()

    def _for_user(self, purse: Purse, event: Event) -> Iterator[Output]:
        served = event.body if isinstance(event.body, lending.Served) else None
        template = self._template(purse, event)
        clerk = Clerk(purse, event.companion, template, event, self._code_keys, served is not None, _lent(event))
        before = shelving.spare(clerk.shelf)
        if served is not None:
            clerk.goes_on(Need(served.stock, served.budget))
        if isinstance(event.body, TimerDue):
            purse.armed = 0
            upkeep.settle(clerk)
        elif isinstance(event.body, handing.Hand):
            handing.arrives(clerk, event.body)
        elif isinstance(event.body, handing.Handed):
            handing.settled(clerk, event.body)
        elif clerk.must_wait:
            body = _asked(event)
            occasion = _occasion(event, body) if isinstance(body, inputs.IssueCoupons) else ""
            clerk.wait(Need(), occasion, _kind(event), _raw(event))
        else:
            self._do(clerk, _asked(event))
        upkeep.arm(clerk)
        yield from clerk.outputs
        yield from _returned(clerk)
        yield from _tended(clerk, before)

    def discarded(self, state: Any, event: Event) -> Iterator[Output]:
        """A command that is forgotten on its way back from the queue leaves what it was promised to others, one on its
        way back from an imported code leaves that, and of a job's list it is decided. Of a firing, the purse's timer
        is set anew: whatever was due is so still. A coupon that cannot be brought to the user goes back to its giver,
        who is told the answer once more. What a shelf is told, and its own time, is not forgotten but carried out:
        nobody would have what a template lends, nor hear that there is no more, and a job would wait for its list.
        """
        body = event.body
        if isinstance(state, Shelf):
            yield from _for_shelf(state, event)
        elif isinstance(state, Purse):
            served = isinstance(body, lending.Served)
            template = self._template(state, event)
            clerk = Clerk(state, event.companion, template, event, self._code_keys, served, _lent(event))
            before = shelving.spare(clerk.shelf)
            if isinstance(body, lending.Served):
                clerk.goes_on(Need(body.stock, body.budget))
            if isinstance(body, TimerDue):
                state.armed = 0
                upkeep.arm(clerk)
            elif isinstance(body, handing.Hand):
                handing.answer(clerk, body, Code.NOT_DELIVERED)
            elif isinstance(body, handing.Handed):
                clerk.outputs.append(handing.once_more(body, event.subject))
            elif isinstance(asked := _asked(event), inputs.IssueListed):
                issuing.decided(clerk, asked, DISCARDED)
            yield from clerk.outputs
            yield from _returned(clerk)
            yield from _tended(clerk, before)

    def _do(self, clerk: Clerk, asked: Any) -> None:
        body, sent = _command(clerk.event), Sent(_kind(clerk.event), _raw(clerk.event))
        if isinstance(body, inputs.IssueCoupons):
            issuing.issue(clerk, body, _occasion(clerk.event, body), sent.kind, sent.body)
            return
        meant = finding.read(body.code, self._code_keys, self._segments, clerk.directory)
        if isinstance(asked, imported.Fetched) and asked.refused:
            meant = UNKNOWN if asked.refused == UNKNOWN.code else finding.declined(Code(asked.refused))
        match body:
            case inputs.UseCoupon() | inputs.HoldCoupon() if _fetched(clerk, meant, _order(body.order), sent):
                return
            case inputs.UseCoupon():
                using.redeem(clerk, body, _order(body.order), meant, sent)
            case inputs.HoldCoupon():
                using.hold(clerk, body, _order(body.order), meant, sent)
            case inputs.ReleaseCoupon():
                using.release(clerk, body, meant)
            case inputs.RollBackCoupon():
                using.roll_back(clerk, body, meant)
            case inputs.TransferCoupon():
                handing.transfer(clerk, body, meant)
            case _:
                raise TypeError(f"no coupon command: {body}")


def _tended(clerk: Clerk, before: Mapping[Resource, int]) -> Iterator[Output]:
    """The shelf after a reaction about a user; `before`: what was free on it."""
    if clerk.event.companion is not None:
        yield from shelving.freed(clerk.shelf, before, clerk.template, clerk.segment)
        yield from shelving.tend(clerk.shelf, clerk.template, clerk.segment)


def _fetched(clerk: Clerk, meant: Read | Refusal, order: Order, sent: Sent) -> bool:
    """Whether the command has gone to the code that it names, and comes again with the answer."""
    if not isinstance(meant, Spelled) or not using.must_fetch(clerk, meant, order.order_id):
        return False
    clerk.outputs.append(imported.fetch(meant.code, clerk.user_id, sent.kind, sent.body))
    return True


def _returned(clerk: Clerk) -> Iterator[Output]:
    """An imported code that the user was lent, and nothing came of it."""
    if clerk.lent:
        yield imported.back(clerk.lent, clerk.user_id)


def _lent(event: Event) -> str:
    """The imported code that the user was lent for his command; else empty."""
    asked = _asked(event)
    return asked.lent if isinstance(asked, imported.Fetched) else ""


def _for_shelf(here: Shelf, event: Event) -> Iterator[Output]:
    body = event.body
    match body:
        case lending.Lend():
            yield from shelving.lent(here, event, body)
        case lending.CallBack():
            yield from shelving.called_back(here, event, body)
        case lending.Serve():
            yield from shelving.serve(here, event, body)
        case lists.IssueList():
            yield from lists.begin(here.lists, shelving.template_at(event.subject), event, body)
        case TimerDue():
            yield from shelving.idle(here, event, body)
        case _:
            raise TypeError(f"{event.entry.kind} is not about a shelf")


def _asked(event: Event) -> Any:
    """What came, also of what had to wait."""
    body = event.body
    return _decoders[body.kind](body.command) if isinstance(body, lending.Served) else body


def _command(event: Event) -> Any:
    """The user's command, also of one that has been to the code that it names."""
    asked = _asked(event)
    return _decoders[asked.kind](asked.command) if isinstance(asked, imported.Fetched) else asked


def _kind(event: Event) -> str:
    """Of the entry that the command first came as."""
    body = event.body
    return body.kind if isinstance(body, lending.Served) else event.entry.kind


def _raw(event: Event) -> bytes:
    """The command's own bytes."""
    body = event.body
    return bytes(body.command) if isinstance(body, lending.Served) else event.entry.body


def _occasion(event: Event, body: inputs.IssueCoupons) -> str:
    """The occasion, as it was when the command first came."""
    return event.body.occasion if isinstance(event.body, lending.Served) else keys.occasion(body, event)


def _order(raw: msgspec.Raw) -> Order:
    order = orders.parse_cart(bytes(raw))
    assert isinstance(order, Order), f"an order that the door took is refused: {order}"
    return order
