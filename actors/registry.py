"""The one list of what this engine does: its domains, and the messages other programs may send it.

A new marketing function is a new package beside this file and a line here. The doors read COMMANDS, the engine reads
`domains(...)`, and neither knows what a point is. A domain that is new to a store begins at the head of its log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.behaviour.actor import KEPT_DAYS, BehaviourActor
from actors.behaviour.door import user_behavior
from actors.campaign import listing as campaigns
from actors.campaign.actor import CampaignActor
from actors.campaign.delayed_check import DELAYED_CHECK
from actors.campaign.programme import campaign_kind
from actors.cart.actor import IDLE_S, CartWatcherActor
from actors.commands import CommandSpec
from actors.coupon import forms as coupon_forms
from actors.coupon import listing as coupons
from actors.coupon.actor import CouponIssuerActor
from actors.coupon.code_keys import KNOWN_TO_ALL, CodeKeys
from actors.coupon.imported import ImportedCodesActor
from actors.coupon.programme import template_kind
from actors.coupon.stock import CouponStockActor
from actors.coupon_jobs import forms as job_forms
from actors.coupon_jobs.actor import CouponJobsActor
from actors.delay.actor import DelayActor
from actors.money import DEFAULT_CURRENCY
from actors.notification import listing as message_templates
from actors.notification.actor import NotificationActor
from actors.notification.door import CONSENT_CHANGED, DELIVERY_REPORT
from actors.notification.policy import Policy
from actors.notification.programme import notification_template_kind
from actors.notification.templates import Templates
from actors.points import forms
from actors.points.actor import PROGRAMME, PointsLedgerActor, number_active
from actors.points.door import POINTS_CHANGE
from actors.points.programme import Programme, parse
from actors.profile.actor import ProfileActor
from actors.profile.door import PROFILE_UPDATE
from actors.programmes.actor import ProgrammesActor
from actors.programmes.kind import Kind, KindOf
from actors.stops import stops
from actors.stops.programme import STOPS
from actors.watch.actor import REFUSALS_MAX, WatchActor
from supervision.domain import Domain


def commands(currency: str) -> Mapping[str, CommandSpec]:
    """What everybody may send, by `event_type`; amounts of the seed's that say no currency are in `currency`."""
    specs = (
        POINTS_CHANGE,
        PROFILE_UPDATE,
        user_behavior(currency),
        CONSENT_CHANGED.spec,
        DELIVERY_REPORT.spec,
        DELAYED_CHECK.spec,
        *(named.spec for named in (*forms.PUBLIC, *coupon_forms.PUBLIC, *job_forms.PUBLIC)),
    )
    return {spec.event_type: spec for spec in specs}


COMMANDS = commands(DEFAULT_CURRENCY)
"""The same where nothing is configured, and for who asks no more than which messages and front doors there are."""
FOR_OPERATORS: Mapping[str, CommandSpec] = {
    named.spec.event_type: named.spec for named in (*forms.FOR_OPERATORS, *job_forms.FOR_OPERATORS)
}
"""What HTTP alone takes, from who may."""


PROGRAMMES: Mapping[str, Kind] = {PROGRAMME: Kind(PointsLedgerActor.name, parse, number_active), stops.PROGRAMME: STOPS}
"""Rules that are put and switched on while the engine runs, by name."""
FAMILIES: Mapping[str, KindOf] = {
    coupons.FAMILY.prefix: template_kind,
    campaigns.FAMILY.prefix: campaign_kind,
    message_templates.FAMILY.prefix: notification_template_kind,
}
"""The same, of which there are many: by what their names begin with."""


def domains(
    programme: Programme,
    segments: int,
    templates: Templates | None = None,
    refusals_max: int = REFUSALS_MAX,
    code_keys: CodeKeys = KNOWN_TO_ALL,
    behaviour_days: int = KEPT_DAYS,
    cart_idle_s: int = IDLE_S,
    policy: Policy | None = None,
) -> tuple[Domain[Any], ...]:
    """Every domain of an engine of `segments`; raises ValueError when `programme` or the templates make no sense.
    Amounts of behaviours that say no currency are in the programme's, which must be that of `commands`.
    `code_keys` make the codes of coupons: who issues any must have keys of his own. A cart that nobody touches for
    `cart_idle_s` is abandoned. Without a `policy` nothing that is sent is limited, quiet or denied.
    """
    working: tuple[Domain[Any], ...] = (
        PointsLedgerActor(programme),
        NotificationActor(templates or Templates(), programme.rules.currency, policy, behaviour_days),
        ProfileActor(),
        BehaviourActor(programme.rules.currency, behaviour_days),
        CartWatcherActor(programme.rules.currency, cart_idle_s),
        ProgrammesActor(segments),
        CouponIssuerActor(segments, code_keys),
        CouponStockActor(segments),
        ImportedCodesActor(),
        CouponJobsActor(segments),
        CampaignActor(programme.rules.currency),
        DelayActor(),
    )
    return (*working, WatchActor([domain.name for domain in working if domain.holds_money], refusals_max))
