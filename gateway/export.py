"""All that is held of one user, in one answer: what a person may ask of whoever keeps something about him.

One section for each domain that holds something, each true as of the offset that it names: domains fold the log apart
from each other, so there is no one offset for all. A domain registers an exporter in `exports`, and a test fails for
one with a state and none. What is counted but not shown elsewhere (all lots, values of facts) is shown here.

Not in it, since it is not the domains': the log itself, which keeps messages as they came until it is trimmed, and what
is parked, which an operator sees in /v1/parked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import msgspec

from actors.behaviour.actor import BehaviourActor
from actors.behaviour.records import BehaviourLine
from actors.campaign.records import WhyLine
from actors.cart.actor import CartWatcherActor
from actors.coupon.actor import CouponIssuerActor
from actors.coupon.records import LifeLine
from actors.notification import recipient
from actors.notification.actor import NotificationActor
from actors.notification.recipient import Recipient
from actors.notification.records import MessageLine
from actors.points.records import PublicLine
from actors.points.rules import LOTS_MAX_MAX
from actors.profile.actor import ProfileActor
from actors.profile.view import shown
from gateway.balances import AsOf, Lot, WalletSums
from gateway.behaviour_queries import BehaviourQueries
from gateway.campaign_queries import CampaignQueries
from gateway.campaigns import DOMAIN as CAMPAIGN
from gateway.carts import CartQueries, CartShown
from gateway.coupon_queries import CouponQueries, UserCoupon
from gateway.pages import PAGE_MAX, encoded
from gateway.problems import Problem
from gateway.queries import PointsQueries, before_of, subject_of
from gateway.readers import ReaderPool
from supervision.entry import segment_of
from supervision.envelope import rfc3339

EXPORT_RECORDS_MAX = PAGE_MAX
"""Records of one export; `records_cursor` leads to those before them."""


class HeldFact(msgspec.Struct, frozen=True):
    """`value` is what the sender said; `at` and `cause` (place) are those of its last change."""

    value: Any
    at: str
    cause: str


class ProfileSection(msgspec.Struct, frozen=True, tag_field="domain", tag="profile"):
    """The user's facts, by name."""

    as_of: AsOf
    facts: dict[str, HeldFact]


class PointsSection(msgspec.Struct, frozen=True, tag_field="domain", tag="points"):
    """Balance, all lots, and records up to `as_of`, newest first; `records_cursor` null: there are no more."""

    as_of: AsOf
    available: int
    lots: list[Lot]
    wallets: dict[str, WalletSums]
    tier: str | None
    records: list[PublicLine]
    records_cursor: str | None


class CouponSection(msgspec.Struct, frozen=True, tag_field="domain", tag="coupon"):
    """The coupons that can be used or are held, `had`: how many of each template the user ever got, and records up to
    `as_of`, newest first; `wrong_codes_until`: when wrong codes that he gave are forgotten, null: none are remembered.
    """

    as_of: AsOf
    coupons: list[UserCoupon]
    had: dict[str, int]
    wrong_codes_until: str | None
    records: list[LifeLine]
    records_cursor: str | None


class CampaignSection(msgspec.Struct, frozen=True, tag_field="domain", tag="campaign"):
    """What campaigns keep of the user, field by field: runs, counters, limits, last words, what they know. Decisions up
    to `as_of`, newest first.
    """

    as_of: AsOf
    state: dict[str, Any]
    records: list[WhyLine]
    records_cursor: str | None


class BehaviourSection(msgspec.Struct, frozen=True, tag_field="domain", tag="behaviour"):
    """What the user did up to `as_of`, newest first, and the last session that was heard of, with its first and last
    moment.
    """

    as_of: AsOf
    session_id: str
    began_at: str
    last_at: str
    records: list[BehaviourLine]
    records_cursor: str | None


class CartSection(msgspec.Struct, frozen=True, tag_field="domain", tag="cart"):
    """The live cart."""

    as_of: AsOf
    cart: CartShown


class Consent(msgspec.Struct, frozen=True):
    """What a user said of a channel, of one `category` of it where that is not empty, and when."""

    channel: str
    category: str
    consent: Literal["granted", "withdrawn"]
    at: str


class Reach(msgspec.Struct, frozen=True):
    """Whether a channel reached the user when that was last heard of, and when that was."""

    works: bool
    at: str


class NotificationSection(msgspec.Struct, frozen=True, tag_field="domain", tag="notification"):
    """What is remembered of purchases lately, since it ends reminders (orders, oldest first, and products); what the
    user agreed to; the facts of his profile by which messages go; when he was sent some lately, by scope; how many
    messages wait for their moment; which channels reach him; and what was decided on his messages, or reported of them.
    """

    as_of: AsOf
    orders: list[str]
    products: list[str]
    consents: list[Consent]
    zone: str
    preferred_hour: int | None
    sent: dict[str, list[str]]
    waiting: int
    reach: dict[str, Reach]
    records: list[MessageLine]
    records_cursor: str | None


Section = (
    ProfileSection
    | PointsSection
    | CouponSection
    | BehaviourSection
    | CartSection
    | CampaignSection
    | NotificationSection
)


class Export(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/export`: a section for each domain that holds something; `domain` says which."""

    user_id: str
    sections: list[Section]


_message_line = msgspec.json.Decoder(MessageLine).decode

Exporter = Callable[[str, tuple[int, int] | None], Section | None]
"""(user id, records before this (offset, n) only) -> what the domain holds, None when it is nothing."""


class Exports:
    """The registered exporters by domain. Any thread may call; blocks for as long as the store takes."""

    def __init__(self, exporters: Mapping[str, Exporter]) -> None:
        self._exporters = exporters

    @property
    def domains(self) -> frozenset[str]:
        return frozenset(self._exporters)

    def export(self, user_id: str, records_cursor: str | None = None) -> Export:
        """Raises Problem `unknown_user` or `invalid_parameter`, and `Refused` when the store cannot be read."""
        before = None
        if records_cursor is not None:
            before = before_of(records_cursor, "records_cursor", "records_cursor")
        found = [exporter(user_id, before) for exporter in self._exporters.values()]
        sections = [section for section in found if section is not None]
        if not sections:
            message = f"nothing is held of user {user_id!a}; what waits for an operator is in /v1/parked"
            raise Problem("unknown_user", message)
        return Export(user_id, sections)


def exports(
    points: PointsQueries,
    readers: ReaderPool,
    segments: int,
    coupons: CouponQueries | None = None,
    behaviours: BehaviourQueries | None = None,
    campaigns: CampaignQueries | None = None,
) -> Exports:
    """The exporters of every domain that holds something of a user; without `coupons` nobody has any, without
    `behaviours` nobody did anything, and without `campaigns` nobody was in one.
    """
    exporters: dict[str, Exporter] = {
        ProfileActor.name: partial(_profile, readers, segments),
        points.domain: partial(_points, points),
        CartWatcherActor.name: partial(_cart, CartQueries(readers, segments)),
        NotificationActor.name: partial(_notification, readers, segments),
    }
    if coupons is not None:
        exporters[CouponIssuerActor.name] = partial(_coupons, coupons)
    if campaigns is not None:
        exporters[CAMPAIGN] = partial(_campaigns, campaigns)
    if behaviours is not None:
        exporters[BehaviourActor.name] = partial(_behaviours, behaviours)
    return Exports(exporters)


def _profile(readers: ReaderPool, segments: int, user_id: str, before: tuple[int, int] | None) -> Section | None:
    subject = subject_of(user_id)
    segment = segment_of(subject, segments)
    with readers.one() as reader:
        state, upto = reader.snapshot(segment, ProfileActor.name, subject)
    if state is None:
        return None
    held = {
        name: HeldFact(msgspec.Raw(fact.value.encode()), rfc3339(fact.at), f"{segment}.{fact.epoch}.{fact.offset}")
        for name, fact in shown(state).items()
    }
    return ProfileSection(AsOf(segment, upto), held) if held else None


def _behaviours(behaviours: BehaviourQueries, user_id: str, before: tuple[int, int] | None) -> Section | None:
    seen = behaviours.export(user_id, before, EXPORT_RECORDS_MAX)
    if seen is None:
        return None
    session = seen.session
    return BehaviourSection(
        seen.as_of, session.id, rfc3339(session.began_at), rfc3339(session.last_at), seen.lines, seen.next_cursor
    )


def _cart(carts: CartQueries, user_id: str, before: tuple[int, int] | None) -> Section | None:
    cart = carts.found(user_id)
    return None if cart is None else CartSection(cart.as_of, cart)


def _notification(readers: ReaderPool, segments: int, user_id: str, before: tuple[int, int] | None) -> Section | None:
    subject = subject_of(user_id)
    segment = segment_of(subject, segments)
    with readers.one() as reader:
        state, upto = reader.snapshot(segment, NotificationActor.name, subject)
        end = min(before or (upto + 1, 0), (upto + 1, 0))
        rows = reader.records(segment, NotificationActor.name, subject, end, EXPORT_RECORDS_MAX + 1)
    known = recipient.read(state) if state is not None else Recipient()
    if known == Recipient() and not rows:
        return None
    shown, more = rows[:EXPORT_RECORDS_MAX], len(rows) > EXPORT_RECORDS_MAX
    return NotificationSection(
        AsOf(segment, upto),
        known.bought.orders,
        sorted(known.bought.products),
        _consents(known),
        known.zone,
        known.preferred,
        {scope: [rfc3339(at) for at in times] for scope, times in known.slots.times.items()},
        len(known.queue.held),
        {channel: Reach(fact.works, rfc3339(fact.at)) for channel, fact in known.reach.items()},
        [_message_line(row.body) for row in shown],
        encoded((shown[-1].offset, shown[-1].n)) if more else None,
    )


def _consents(known: Recipient) -> list[Consent]:
    return [
        Consent(channel, category, "granted" if fact.granted else "withdrawn", rfc3339(fact.at))
        for channel, facts in known.consents.facts.items()
        for category, fact in facts.items()
    ]


def _coupons(coupons: CouponQueries, user_id: str, before: tuple[int, int] | None) -> Section | None:
    held = coupons.export(user_id, before, EXPORT_RECORDS_MAX)
    if held is None:
        return None
    guard = held.purse.guard
    had = {template: uses.ever for template, uses in held.purse.uses.items()}
    wrong = rfc3339(max(guard.clear_at, guard.wait_until)) if guard else None
    return CouponSection(held.as_of, held.coupons, had, wrong, held.lines, held.next_cursor)


def _campaigns(campaigns: CampaignQueries, user_id: str, before: tuple[int, int] | None) -> Section | None:
    held = campaigns.export(user_id, before, EXPORT_RECORDS_MAX)
    return CampaignSection(held.as_of, held.state, held.lines, held.next_cursor) if held is not None else None


def _points(points: PointsQueries, user_id: str, before: tuple[int, int] | None) -> Section | None:
    try:
        balance = points.balance(user_id, LOTS_MAX_MAX)
        # Lines younger than the balance would not add up to it: the two are read one after the other.
        page = points.page(user_id, EXPORT_RECORDS_MAX, min(before or (2**63, 0), (balance.as_of.offset + 1, 0)))
    except Problem as problem:
        if problem.code == "unknown_user":
            return None
        raise
    return PointsSection(
        balance.as_of, balance.available, balance.lots or [], balance.wallets, balance.tier, page.data, page.next_cursor
    )
