"""A user's standing: what counts for the tier, what asks for an alarm, when they were last here.

Points count from the moment they are earned, pending ones too; money counts with its order. A refund takes either back
on the day of its order, so a cancelled order never made anybody gold. Tiers are told as they move.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.fields import rfc3339_ms
from actors.points import jumps, tiers
from actors.points.effects import Alarm, TierMoved, TierWillDrop
from actors.points.inputs import GrantTier
from actors.points.order_book import OrderBook
from actors.points.results import TierGranted
from actors.points.state import Jump, Tier
from actors.points.teller import Teller
from actors.points.tiers import TierEvent, UnknownLevel
from supervision.envelope import rfc3339


def level(teller: Teller) -> str:
    """The tier that holds now."""
    tier = teller.account.tier
    return (
        tiers.holds(tier, teller.programme.rules.tiers) if tier else tiers.holds(Tier(), teller.programme.rules.tiers)
    )


def here(teller: Teller) -> None:
    """The user did something, or was given something: sliding points live on. What comes from others counts, or it
    would end in the moment it came to somebody who was never here.
    """
    teller.account.active_at = teller.at


def counted(teller: Teller, points: int, money: int) -> None:
    """So many points were earned and so much was spent."""
    if points:
        _watch(teller, points)
    if teller.programme.rules.tiers.levels:
        amount = points if teller.programme.rules.tiers.by == "points" else money
        rules = teller.programme.rules.tiers
        _tell(teller, tiers.count(_tier(teller), rules, teller.programme.days, amount, teller.at))


def uncounted(teller: Teller, points: int, money: int, book: OrderBook) -> None:
    """So much of an order was refunded."""
    rules = teller.programme.rules.tiers
    if rules.levels:
        amount = points if rules.by == "points" else money
        ordered_at = book.at or teller.at
        _tell(teller, tiers.uncount(_tier(teller), rules, teller.programme.days, amount, ordered_at, teller.at))


def settle(teller: Teller) -> None:
    """What the passing of time has done to the tier."""
    if teller.account.tier is not None:
        rules = teller.programme.rules.tiers
        _tell(teller, tiers.settle(teller.account.tier, rules, teller.programme.days, teller.at))


def grant(teller: Teller, body: GrantTier) -> None:
    """`tier_grant`: a floor under the tier."""
    until = rfc3339_ms(body.until) if body.until else None
    rules = teller.programme.rules.tiers
    events = tiers.grant(_tier(teller), rules, teller.programme.days, body.level, until, teller.at)
    if isinstance(events, UnknownLevel):
        teller.refuse("tier_grant", "unknown_level", f"the programme has no level {body.level!a}")
        return
    _tell(teller, events)
    teller.answer(TierGranted, 0, level=level(teller))


def next_due(teller: Teller) -> int:
    tier = teller.account.tier
    return tiers.next_due(tier, teller.programme.rules.tiers, teller.programme.days) if tier else 0


def owes(teller: Teller, debt_before: int, debt: int) -> None:
    """The alarm for a debt that rose above its limit."""
    limit = teller.programme.rules.alarms.debt_points
    if limit and debt_before <= limit < debt:
        teller.alarm(Alarm("debt_over_limit", debt, limit))


def _watch(teller: Teller, points: int) -> None:
    alarms = teller.programme.rules.alarms
    if not alarms.jump_points and teller.account.jump is None:
        return
    jump = teller.account.jump = teller.account.jump or Jump()
    if jumped := jumps.came(jump, alarms, points, teller.at):
        teller.alarm(Alarm("points_jump", jumped.points, jumped.bound))


def _tier(teller: Teller) -> Tier:
    if teller.account.tier is None:
        teller.account.tier = Tier()
    return teller.account.tier


def _tell(teller: Teller, events: Sequence[TierEvent]) -> None:
    for event in events:
        if event.kind == "will_drop":
            effect = TierWillDrop(event.before, event.after, rfc3339(event.drops_at))
            teller.say("tier.will_drop", effect)
        else:
            teller.say(f"tier.{event.kind}", TierMoved(event.after, event.before))
