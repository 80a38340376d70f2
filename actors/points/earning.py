"""What an order earns, item by item, and why.

Each item earns its amount × the rate × the multipliers that hold for it. These are rationals and stay exact until the
order's sum, which is rounded once, as the programme says; what the sum comes to is dealt to the items by largest
remainder (everyone gets the whole part of their own, then the largest fractions get one more, the earlier item first).
So the items always come to exactly the sum, and a refund of an item takes back what that item earned. Rounding each
item instead would give an order of many small things nothing, or one point for each of its sweets.

They are reckoned as whole parts of a point, of which there are as many as the factors' denominators need: a fraction
that is reduced after each step costs several times as much.

Bonuses are points for the order and belong to no item. Excluded items earn nothing, and do not meet conditions.

Nothing is decided about caps, wallets or time here: this is what an order is worth, and `estimate` is what a dry run
shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import prod

import msgspec

from actors import dealing
from actors.commands import Refusal
from actors.money import EXPONENTS
from actors.orders import Order, OrderItem
from actors.points.checks import BASE
from actors.points.conditions import Condition, Miss, Scene, Who, scene
from actors.points.messages import POINTS_MAX
from actors.points.programme import Programme


class Passed(msgspec.Struct, frozen=True, gc=False):
    """A rule that did not count, and why."""

    rule: str
    why: Miss


class ItemPoints(msgspec.Struct, frozen=True):
    """What item `index` of the order earns. `rules`: what counted, BASE first. `passed`: what held for the order and
    not for this item; for an excluded item the rate itself.
    """

    index: int
    product: str
    amount: int
    points: int
    rules: tuple[str, ...]
    passed: tuple[Passed, ...] = ()


class BonusPoints(msgspec.Struct, frozen=True, gc=False):
    rule: str
    points: int


class Estimate(msgspec.Struct, frozen=True):
    """`points` are those of the items and of the bonuses. `passed`: rules that did not hold for the order at all."""

    points: int
    items: tuple[ItemPoints, ...]
    bonuses: tuple[BonusPoints, ...]
    passed: tuple[Passed, ...]


class _Share(msgspec.Struct, frozen=True):
    """What an item earns before rounding, in parts of a point."""

    parts: int
    rules: tuple[str, ...]
    passed: tuple[Passed, ...]


_Multiplier = tuple[str, Fraction, Condition]


def estimate(programme: Programme, order: Order, who: Who, at: int) -> Estimate | Refusal:
    """What `order` of `who` earns at the moment `at` (ms). O(items × rules).

    Refused: an order in another currency than the programme's, and one that would earn more than POINTS_MAX.
    """
    if order.currency != programme.rules.currency:
        wanted = f"the programme's, {programme.rules.currency}, not {order.currency}"
        return Refusal("wrong_currency", "order.currency", f"order.currency must be {wanted}")
    now = scene(order, who, at, programme.calendar)
    holding: list[_Multiplier] = []
    passed: list[Passed] = []
    for multiplier in programme.multipliers:
        if miss := multiplier[2].order_miss(now):
            passed.append(Passed(multiplier[0], miss))
        else:
            holding.append(multiplier)
    unit = _unit(programme, holding)
    shares = [_share(programme, item, holding, unit) for item in order.items]
    points = dealing.dealt([share.parts for share in shares], unit, programme.rules.earn.rounding)
    bonuses: list[BonusPoints] = []
    for rule, worth, condition in programme.bonuses:
        if miss := _bonus_miss(programme, condition, now):
            passed.append(Passed(rule, miss))
        else:
            bonuses.append(BonusPoints(rule, worth))
    total = sum(points) + sum(bonus.points for bonus in bonuses)
    if total > POINTS_MAX:
        return Refusal(
            "out_of_range", "order.amount", f"order.amount must earn at most {POINTS_MAX} points, not {total}"
        )
    return Estimate(total, tuple(_items(order.items, points, shares)), tuple(bonuses), tuple(passed))


def dealt(estimate: Estimate, points: int) -> list[int]:
    """The points of each item when caps let only `points` of all come: everything is cut alike, bonuses too."""
    if points == estimate.points:
        return [item.points for item in estimate.items]
    return dealing.dealt([item.points * points for item in estimate.items], estimate.points, "floor")


def _unit(programme: Programme, holding: Sequence[_Multiplier]) -> int:
    """Into how many parts a point is divided, so that each item earns whole ones whichever multipliers count for it."""
    cents = 10 ** EXPONENTS[programme.rules.currency]
    return programme.rate.denominator * cents * prod([factor.denominator for _, factor, _ in holding])


def _share(programme: Programme, item: OrderItem, holding: Sequence[_Multiplier], unit: int) -> _Share:
    if excluded := programme.exclusion.miss(item):
        return _Share(0, (), (Passed(BASE, excluded),))
    passed: list[Passed] = []
    counting: list[_Multiplier] = []
    for multiplier in holding:
        if miss := multiplier[2].item_miss(item):
            passed.append(Passed(multiplier[0], miss))
        else:
            counting.append(multiplier)
    if programme.rules.earn.combine == "highest" and len(counting) > 1:
        highest = max(counting, key=lambda multiplier: multiplier[1])  # of equal ones the first
        passed += [Passed(multiplier[0], "not_highest") for multiplier in counting if multiplier is not highest]
        counting = [highest]
    parts = item.amount * programme.rate.numerator * (unit // _unit(programme, counting))
    for _, factor, _ in counting:
        parts *= factor.numerator
    return _Share(parts, (BASE, *[rule for rule, _, _ in counting]), tuple(passed))


def _bonus_miss(programme: Programme, condition: Condition, now: Scene) -> Miss:
    if (miss := condition.order_miss(now)) or not condition.about_items:
        return miss
    met = any(not programme.exclusion.miss(item) and not condition.item_miss(item) for item in now.order.items)
    return "" if met else "no_item"


def _items(items: Sequence[OrderItem], points: Sequence[int], shares: Sequence[_Share]) -> Iterator[ItemPoints]:
    for index, (item, earned, share) in enumerate(zip(items, points, shares, strict=True)):
        yield ItemPoints(index, item.product, item.amount, earned, share.rules, share.passed)
