"""What the language has words for and nothing carries out yet: refused at the door, so that nobody relies on it.

Each line here goes when its carrier comes. A campaign in the log never has any of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from actors.campaign import walking
from actors.campaign.campaign import Campaign, SendNotification, Webhook
from actors.campaign.conditions import CartHas
from actors.campaign.limits import limits_of
from actors.commands import Refusal

CODE = "not_yet"
CHANNELS = frozenset(("sms",))
"""That messages can take."""


def problems(campaign: Campaign) -> Iterator[Refusal]:
    """Everything in `campaign` that would not happen."""
    for place, step, _ in walking.steps(campaign):
        if isinstance(step, Webhook):
            yield Refusal(CODE, place, f"{place} is a webhook, and webhooks are not called yet")
        elif isinstance(step, SendNotification) and step.channel not in CHANNELS:
            known = " or ".join(sorted(CHANNELS))
            yield Refusal(CODE, f"{place}.channel", f"{place}.channel must be {known}: others do not send yet")
    for place, root in walking.roots(campaign):
        for node in walking.nodes(root, place):
            if isinstance(node.condition, CartHas) and node.condition.categories:
                field = f"{node.place}.categories"
                yield Refusal(CODE, field, f"{field} must be left out: carts keep no categories yet")
    for number, limit in enumerate(limits_of(campaign)):
        if limit.of_messages:
            place = f"limits[{number}].scope"
            wanted = f"{place} must be campaign or tag:…: limits of messages are not kept yet, {limit.scope} is one"
            yield Refusal(CODE, place, wanted)
