"""The actor of the notification domain: what happened to a user's points and coupons becomes a text for them, and what
others ask for is sent, now or when its moment comes, unless there is no reason or no right to.

That a text is sent once per fact follows from the engine (one entry, one checkpoint), not from a memory of its own.
This domain alone owns what concerns all messages of a user: what he agreed to hear, the limits of his channels, quiet
hours (outbox.py). It is also where a reminder is judged, here, where it would go out, by every purchase that stands in
the log before its request. Who asked is told once how it ended, so that he can give back what he had reserved for it.

Which words are said is the matter of templates, which are put while the engine runs; the segment's log says from where
on which version counts (directory.py).

Texts of facts are many, one for every change of points, and most engines limit nothing. There they go out at once, and
`notify.sms` is all that is said of them; nothing is counted, and the user has no state for it.

Nobody loses money when a text cannot be made, so a poisonous entry is set aside alone and the user's next texts go on;
a template that lacks a variable is no poison but an answer, `notify.refused`, which says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from actors.behaviour.actor import KEPT_DAYS
from actors.behaviour.behaviour import known
from actors.behaviour.messages import PURCHASE_COMPLETE, SEEN
from actors.behaviour.records import written_at
from actors.calendar import DAY_MS
from actors.coupon.effects import CouponEnded, CouponIssued
from actors.fields import rfc3339_ms
from actors.money import DEFAULT_CURRENCY
from actors.notification import bought, consent, directory, outbox, reach, recipient, reports, stopped
from actors.notification.consent import CATEGORIES_MAX, WHOLE, ConsentChanged
from actors.notification.directory import Directory
from actors.notification.door import CONSENT, REPORTED
from actors.notification.held import Dropped, Reason
from actors.notification.locales import normal
from actors.notification.messages import (
    Channel,
    ConsentChange,
    ConsentRefused,
    DeliveryReport,
    MessageHeld,
    MessageReported,
    MessageSent,
    MessageSuppressed,
    Notify,
    NotifyRefused,
    Param,
    ReportRefused,
    SendNotification,
    said_again,
)
from actors.notification.policy import Policy
from actors.notification.recipient import FORMAT, Recipient
from actors.notification.records import line, reported
from actors.notification.send_time import Hold, Send, Suppress
from actors.notification.sms import segments
from actors.notification.stopped import GO_ON, GoOn, Waiting
from actors.notification.templates import NotRendered, Reader, Templates
from actors.points.effects import PointsEarned, PointsExpired, PointsExpiring, PointsSpent
from actors.profile.messages import UPDATE, ProfileUpdate
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from actors.stops.stops import stops_message
from supervision.domain import Domain, Event, TimerDue
from supervision.envelope import rfc3339
from supervision.outputs import Arm, Cancel, Claim, Emit, Output, Record

OfPoints = PointsEarned | PointsSpent | PointsExpiring | PointsExpired
OfCoupon = CouponIssued | CouponEnded
Fact = OfPoints | OfCoupon

TEMPLATE_OF: Mapping[type[Fact], str] = {
    PointsEarned: "points_earned",
    PointsSpent: "points_spent",
    PointsExpiring: "points_expiring",
    PointsExpired: "points_expired",
    CouponIssued: "coupon_issued",
    CouponEnded: "coupon_expiring",
}
"""A coupon that has expired is no news: its owner was told a day before."""
POINTS, COUPONS = "points", "coupons"
"""Categories of these."""

REQUESTED = "notify.requested"
REFUSED = "notify.refused"
SENT, HELD, SUPPRESSED = "message.sent", "message.held", "message.suppressed"
CONSENT_REFUSED, REPORT_REFUSED = "consent.refused", "report.refused"
NEXT = "held"
"""Key of the timer for what waits."""


class NotificationActor(Domain[Recipient]):
    """Turns facts and requests into `notify.<channel>`. It comes with `templates`; `currency` is the doors'."""

    name: ClassVar[str] = "notification"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        "points.earned": PointsEarned,
        "points.spent": PointsSpent,
        "points.expiring": PointsExpiring,
        "points.expired": PointsExpired,
        "coupon.issued": CouponIssued,
        "coupon.expiring": CouponEnded,
        REQUESTED: SendNotification,
        CONSENT: ConsentChange,
        REPORTED: DeliveryReport,
        UPDATE: ProfileUpdate,
        SEEN: msgspec.Raw,
        ACTIVATED: ProgrammeActivated,
        GO_ON: GoOn,
    }
    state_type = Recipient
    format = FORMAT
    shared_type = Directory
    shared_format = directory.FORMAT
    companion_type = Waiting
    companion_format = stopped.FORMAT
    parks = "entry"

    def __init__(
        self,
        templates: Templates,
        currency: str = DEFAULT_CURRENCY,
        policy: Policy | None = None,
        kept_days: int = KEPT_DAYS,
    ) -> None:
        self.templates = templates
        self._currency = currency
        self._policy = policy or Policy()
        self._lets_all_go = self._policy.lets_all_go
        self.records_kept_ms = kept_days * DAY_MS

    @property
    def zone(self) -> str:
        """Of users who have told none."""
        return self._policy.zone

    def written_at(self, record: bytes) -> int:
        return written_at(record)

    def fresh(self, subject: str) -> Recipient:
        return Recipient()

    def upgrade(self, fields: list[Any]) -> Recipient:
        return recipient.upgrade(fields)

    def fresh_shared(self) -> Directory:
        return Directory()

    def check_shared(self, shared: Directory) -> None:
        directory.check(shared)

    def companion(self, state: Any, event: Event) -> str:
        return stopped.companion(state, event)

    def fresh_companion(self, subject: str) -> Waiting:
        return Waiting()

    def page(self, event: Event) -> tuple[str, int] | None:
        return stopped.page(event)

    def keys(self, event: Event) -> Sequence[bytes]:
        return (reports.key(event.body),) if isinstance(event.body, DeliveryReport) else ()

    def react(self, state: Any, event: Event) -> Iterable[Output]:
        if isinstance(state, Directory):
            return stopped.for_segment(state, event)
        return self._for_user(state, event)

    def _for_user(self, state: Recipient, event: Event) -> Iterable[Output]:
        body = event.body
        if template := TEMPLATE_OF.get(body.__class__):
            return self._tell_of(state, template, body, event)
        if isinstance(body, SendNotification):
            return self._tell(state, body, event)
        if isinstance(body, msgspec.Raw):
            self._remember(state, event)
            return ()
        return self._heard(state, body, event)

    def discarded(self, state: Any, event: Event) -> Iterable[Output]:
        """A firing that is forgotten has ended its timer, and what waits for it would wait for ever; what waits for a
        stop's end, until it is worth nothing. What a segment is told, and the pages that it sends, are not forgotten
        but carried out: it would send what is stopped, or by a template that is no more.
        """
        if isinstance(state, Directory):
            return stopped.for_segment(state, event)
        return self._heard(state, event.body, event) if isinstance(event.body, TimerDue | GoOn) else ()

    def check(self, state: Recipient) -> None:
        recipient.check(state)

    def _remember(self, state: Recipient, event: Event) -> None:
        seen = known(event.entry.body, self._currency)
        if seen.type == PURCHASE_COMPLETE:
            bought.buy(state.bought, seen.order_id, [line.product for line in seen.lines], event.entry.offset)

    def _heard(
        self, state: Recipient, body: TimerDue | ProfileUpdate | ConsentChange | DeliveryReport | GoOn, event: Event
    ) -> Iterator[Output]:
        """What may let those go that wait, or end them."""
        match body:
            case TimerDue():
                state.wake_at = 0
            case ProfileUpdate():
                recipient.learn(state, body)
            case ConsentChange():
                yield from self._agree(state, body, event)
            case DeliveryReport():
                yield from self._learn(state, body, event)
            case GoOn():
                pass
        yield from self._go(state, event)

    def _agree(self, state: Recipient, change: ConsentChange, event: Event) -> Iterator[Output]:
        changed = ConsentChanged(change.channel, change.consent, event.occurred_at, change.category or WHOLE)
        taken = consent.change(state.consents, changed, event.at)
        if change.consent == "granted":
            reach.agreed(state.reach, change.channel, event.occurred_at, event.at)
        if taken == "too_many_categories":
            detail = f"of a channel the consent to {CATEGORIES_MAX} categories is remembered"
            refused = ConsentRefused(change.channel, change.category or WHOLE, taken, detail)
            yield Emit(CONSENT_REFUSED, refused, route=CONSENT_REFUSED)

    def _learn(self, state: Recipient, report: DeliveryReport, event: Event) -> Iterator[Output]:
        """Of the first report of its kind, what it says of the channel."""
        key = reports.key(report)
        if key in event.claimed:
            return
        if not reports.may_be_ours(report, event.entry):
            yield _unknown(report)
            return
        yield Claim(key, event.place.encode())
        if report.status in reports.WISHES:
            withdrawn = ConsentChanged(report.channel, "withdrawn", event.occurred_at)
            consent.change(state.consents, withdrawn, event.at)
        elif report.status == "bounced" or report.status in reports.WORKS:
            reach.found(state.reach, report.channel, report.status in reports.WORKS, event.occurred_at, event.at)
        kind = f"message.{report.status}"
        said = MessageReported(report.channel, report.message_id or "", report.reference or "", report.reason or "")
        yield Emit(kind, said, route=kind)
        yield Record(reported(report, event))

    def _tell_of(self, state: Recipient, template: str, fact: Fact, event: Event) -> Iterable[Output]:
        if isinstance(fact, OfCoupon):
            category, params = COUPONS, _of_coupon(fact, event.at)
        else:
            category, params = POINTS, _of_points(fact)
        facts = state.consents.facts
        waits = state.queue.held or stops_message(stopped.scopes(event), "sms", "")
        at_once = self._lets_all_go and not waits and not reach.bounces(state.reach, "sms")
        if at_once and (not facts or consent.allowed(state.consents, "sms", category, self._policy.consent)):
            return (_emitted("sms", self._message(state, event, template, "sms", params)),)
        return self._tell(state, SendNotification(template, "sms", params, category=category), event)

    def _tell(self, state: Recipient, asked: SendNotification, event: Event) -> Iterator[Output]:
        """What became of `asked`; behind those that wait and may go now, since they came before."""
        if never := outbox.pointless(state, self._policy, asked):
            yield from _suppressed(asked, never.because, event)
            return
        yield from self._go(state, event)
        valid_until = outbox.ends_at(self._policy, asked, event.at)
        match outbox.when(state, self._policy, asked, event.at, valid_until, stopped.scopes(event)):
            case Send():
                yield from self._hand_over(state, asked, event)
            case Suppress(because=because):
                yield from _suppressed(asked, because, event)
            case Hold() as hold:
                yield from self._wait(state, asked, hold, valid_until, event)
        yield from self._go(state, event)

    def _wait(
        self, state: Recipient, asked: SendNotification, hold: Hold, valid_until: int, event: Event
    ) -> Iterator[Output]:
        """Nobody should learn only when its moment has come that it can have no text."""
        message = self._message_of(state, asked, event)
        if isinstance(message, NotifyRefused):
            yield from _refused(asked, message, event)
            return
        place = event.entry.offset
        dropped = outbox.wait(state, asked, place, event.at, valid_until)
        if all(one.held.place != place for one in dropped):
            yield from _held(asked, hold, event)
        yield from _dropped(dropped, event)

    def _go(self, state: Recipient, event: Event) -> Iterator[Output]:
        """Those that wait and may go now, and the timer for the others."""
        wake_at = 0
        while state.queue.held and not wake_at:
            due = outbox.next_due(state, self._policy, event.at, stopped.scopes(event))
            yield from _dropped(due.dropped, event)
            if due.send is not None:
                yield from self._hand_over(state, outbox.asked_for(due.send), event)
            elif state.queue.held:
                wake_at = due.wake_at
        if wake_at and event.companion is not None:
            event.companion.anybody = True
        if wake_at != state.wake_at:
            state.wake_at = wake_at
            yield Arm(NEXT, wake_at) if wake_at else Cancel(NEXT)

    def _hand_over(self, state: Recipient, asked: SendNotification, event: Event) -> Iterator[Output]:
        """It may go now; where it has no text it takes no slot. Nor does a text of a fact, for which nobody asked,
        where nothing is configured: it has waited for a stop's end, or come while something else waits.
        """
        message = self._message_of(state, asked, event)
        if isinstance(message, NotifyRefused):
            yield from _refused(asked, message, event)
            return
        if asked.reference or not self._lets_all_go:
            outbox.count(state, self._policy, asked, event.at)
        yield _emitted(asked.channel, message)
        yield _answer(SENT, MessageSent(asked.template, asked.channel, **said_again(asked)))
        yield Record(line(asked, "sent", event, version=message.template_version))

    def _message_of(self, state: Recipient, asked: SendNotification, event: Event) -> Notify | NotifyRefused:
        locale = normal(asked.locale) if asked.locale else ""
        message = self._message(state, event, asked.template, asked.channel, asked.params, locale)
        return msgspec.structs.replace(message, **said_again(asked))

    def _message(
        self, state: Recipient, event: Event, template: str, channel: Channel, params: dict[str, Param],
        locale: str = "",
    ) -> Notify | NotifyRefused:  # fmt: skip
        """With its text by the version in force at the event's place, or why there is none."""
        reader = Reader(locale or state.locale, state.zone or self.zone)
        said = self.templates.render(event.shared, template, channel, params, reader)
        if isinstance(said, NotRendered):
            wanted = reader.locale or self.templates.locale
            return NotifyRefused(template, wanted, params, said.code, said.detail)
        parts = segments(said.text) if channel == "sms" else 1
        return Notify(template, said.locale, params, said.text, parts, said.title, said.version)


def _emitted(channel: Channel, message: Notify | NotifyRefused) -> Output:
    kind = REFUSED if isinstance(message, NotifyRefused) else f"notify.{channel}"
    return Emit(kind, message, route=kind)


def _answer(kind: str, body: MessageSent | MessageHeld | MessageSuppressed | NotifyRefused) -> Output:
    """To whoever asked: no deeper than his request, so that steps which hear of each other may be as many."""
    return Emit(kind, body, route=kind, same_depth=True)


def _unknown(report: DeliveryReport) -> Emit:
    detail = "a message_id is the place of a notify effect of this user, before the report"
    refused = ReportRefused(report.channel, report.status, report.message_id or "", "unknown_message", detail)
    return Emit(REPORT_REFUSED, refused, route=REPORT_REFUSED)


def _refused(asked: SendNotification, refused: NotifyRefused, event: Event) -> Iterator[Output]:
    yield _answer(REFUSED, refused)
    yield Record(line(asked, "refused", event, refused.code))


def _held(asked: SendNotification, hold: Hold, event: Event) -> Iterator[Output]:
    until = rfc3339(hold.until)
    yield _answer(HELD, MessageHeld(asked.template, asked.channel, hold.because, until, **said_again(asked)))
    yield Record(line(asked, "held", event, hold.because, until))


def _dropped(dropped: Sequence[Dropped], event: Event) -> Iterator[Output]:
    for one in dropped:
        yield from _suppressed(outbox.asked_for(one.held), one.because, event)


def _suppressed(asked: SendNotification, reason: Reason, event: Event) -> Iterator[Output]:
    suppressed = MessageSuppressed(asked.template, asked.channel, asked.params, reason, **said_again(asked))
    yield _answer(SUPPRESSED, suppressed)
    yield Record(line(asked, "suppressed", event, reason))


def _of_points(fact: OfPoints) -> dict[str, Param]:
    """What a template may speak of. A fact's empty fields are left out, so that a hole is missed, not printed."""
    params: dict[str, Param] = {"points": fact.points, "balance": fact.balance, "reason": fact.reason}
    if fact.order_id:
        params["order_id"] = fact.order_id
    if isinstance(fact, PointsExpiring):
        params["expires_on"] = fact.expires_on
    return params


def _of_coupon(fact: OfCoupon, at: int) -> dict[str, Param]:
    """`days`: how many whole ones are left; of less than one, 1. `template` is the coupon's."""
    left = (rfc3339_ms(fact.valid_until) or 0) - at
    return {
        "code": fact.code, "template": fact.template, "valid_until": fact.valid_until, "days": max(1, left // DAY_MS),
    }  # fmt: skip
