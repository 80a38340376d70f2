"""What the language has words for and nothing carries out yet: refused at the door, so that nobody relies on it.

Each line here goes when its carrier comes. A campaign in the log never has any of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from actors.campaign import walking
from actors.campaign.campaign import Campaign, GivePoints, UpgradeTier
from actors.campaign.conditions import CartHas
from actors.campaign.limits import limits_of
from actors.commands import Refusal
from actors.notification.messages import KEPT_MAX

CODE = "not_yet"


def problems(campaign: Campaign) -> Iterator[Refusal]:
    """Everything in `campaign` that would not happen."""
    for place, step, _ in walking.steps(campaign):
        if isinstance(step, GivePoints | UpgradeTier) and step.on_refused:
            field = f"{place}.on_refused"
            yield Refusal(CODE, field, f"{field} must be left out: refusals of points and levels are not heard of yet")
    for place, root in walking.roots(campaign):
        for node in walking.nodes(root, place):
            if isinstance(node.condition, CartHas) and node.condition.categories:
                field = f"{node.place}.categories"
                yield Refusal(CODE, field, f"{field} must be left out: carts keep no categories yet")
    for number, limit in enumerate(limits_of(campaign)):
        if limit.of_messages and limit.count > KEPT_MAX:
            place = f"limits[{number}].count"
            yield Refusal(CODE, place, f"{place} must be at most {KEPT_MAX} of messages: no more are remembered")
