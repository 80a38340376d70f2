"""Actions as entries to the domains that carry them out.

Each names the run and the place of the step that it is of, `<campaign>.<run>.<place>`, which is the business occasion
of a coupon and comes back in the answer: so whatever is replayed asks for the same thing, and a refusal finds the step
that may branch on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from actors.calendar import DAY_MS
from actors.campaign.campaign import (
    Action,
    EmitEffect,
    GivePoints,
    IssueCoupon,
    SendNotification,
    UpgradeTier,
    Webhook,
)
from actors.campaign.effects import CampaignEffect
from actors.coupon import inputs as coupons
from actors.notification import messages as notification
from actors.points import inputs as points
from actors.webhook.messages import REQUESTED, RequestWebhook
from supervision.envelope import rfc3339
from supervision.outputs import Emit

SOURCE = "campaign"


class Coupon(msgspec.Struct, frozen=True, gc=False):
    """To the coupon domain: coupons.IssueCoupons, of which the envelope writes the rest."""

    template: str
    source: str
    activity_id: str


class Points(msgspec.Struct, frozen=True, gc=False):
    """To the points domain: points.AccruePointsWithin."""

    points: int
    reason: str
    campaign_action: str | UnsetType = UNSET


class Tier(msgspec.Struct, frozen=True, gc=False):
    """To the points domain: points.GrantTierWithin."""

    level: str
    until: str | UnsetType = UNSET
    campaign_action: str | UnsetType = UNSET


class Doing(msgspec.Struct, frozen=True, gc=False):
    """Of whom and when an action is. `place`: of its step; a run comes to each once, also when it moves to another
    version, whose instructions have other numbers. `offset`: of the event that the run is because of."""

    campaign: str
    version: str
    run: int
    place: str
    at: int
    offset: int
    unless_bought: bool
    known: Mapping[str, notification.Param]
    """What a text may speak of besides the step's own parameters."""
    limits: tuple[notification.MessageLimit, ...] = ()
    """Of messages, whoever sends them; who sends keeps them."""
    priority: int = 0

    @property
    def reference(self) -> str:
        return f"{self.campaign}.{self.run}.{self.place}"


def emitted(action: Action, doing: Doing, tagged: Sequence[str]) -> Iterator[Emit]:
    """The entries of `action`; `tagged`: the templates that bear the tag that it names."""
    match action:
        case SendNotification():
            yield Emit("notify.requested", _message(action, doing))
        case IssueCoupon():
            for template in (action.template,) if action.template else tagged:
                yield Emit(coupons.ISSUE, Coupon(template, SOURCE, doing.reference))
        case GivePoints():
            yield Emit(points.ACCRUE, Points(action.points, action.reason, _awaited(action, doing)))
        case UpgradeTier():
            until = UNSET if action.days is None else rfc3339(doing.at + action.days * DAY_MS)
            yield Emit(points.TIER_GRANT, Tier(action.level, until, _awaited(action, doing)))
        case EmitEffect():
            effect = CampaignEffect(action.effect, doing.campaign, doing.version, doing.run, dict(action.parameters))
            yield Emit("campaign.effect", effect, route=f"campaign.effect.{action.effect}")
        case Webhook():
            yield Emit(REQUESTED, _call(action, doing))


def _awaited(action: GivePoints | UpgradeTier, doing: Doing) -> str | UnsetType:
    """The points domain answers what names itself, and nobody else's requests."""
    return doing.reference if action.on_refused else UNSET


def _call(action: Webhook, doing: Doing) -> RequestWebhook:
    return RequestWebhook(
        action.endpoint, doing.run, doing.place, dict(action.parameters),
        reference=doing.reference, campaign_id=doing.campaign, campaign_version=doing.version,
    )  # fmt: skip


def _message(action: SendNotification, doing: Doing) -> notification.SendNotification:
    bought = notification.BoughtSince(doing.offset) if doing.unless_bought else None
    return notification.SendNotification(
        action.template,
        action.channel,
        {**doing.known, **action.parameters},
        notification.Unless(bought),
        doing.limits,
        action.valid_for_s,
        doing.priority,
        action.transactional,
        reference=doing.reference,
        campaign_id=doing.campaign,
        campaign_version=doing.version,
    )
