"""What a user has agreed to hear, by channel and category: facts from outside, the newest of which holds.

A fact without a category is about the whole channel, so it is about each category of it: of the two that concern a
category the newer holds. "Stop all of it", then "but do send me the invoices" leaves the invoices; the other way round
leaves nothing. Where there is no fact, the channel's default decides.

Newer is told by the time that the fact gives, and between equal ones by their place in the log: whoever is folded
later. A sender whose clock is ahead would silence all that comes after it, so no fact is newer than its own entry.
A fact that is older than what is known changes nothing, in whatever order they come.

CATEGORIES_MAX bounds what one channel remembers. A permission beyond it is refused. A withdrawal never is: it then
counts for the whole channel, since nobody is to hear what he has asked not to hear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

CATEGORIES_MAX = 64
"""With a fact of their own, of one user and channel."""
WHOLE = ""
"""In the place of a category: the whole channel."""

Default = Literal["allow", "deny"]


class ConsentChanged(msgspec.Struct, frozen=True):
    """`consent_changed`, as heard. `at` is ms since 1970 UTC."""

    channel: str
    consent: Literal["granted", "withdrawn"]
    at: int
    category: str = WHOLE


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    at: int
    granted: bool


class Consents(msgspec.Struct, array_like=True, gc=False):
    """By channel, then category, the fact that holds. None of a category is older than that of the whole channel."""

    facts: dict[str, dict[str, Fact]] = {}


Taken = Literal["holds", "older", "for_whole_channel", "too_many_categories"]


def change(consents: Consents, changed: ConsentChanged, entry_at: int) -> Taken:
    """What becomes of a fact whose entry is of `entry_at` and comes after all before it. O(categories)."""
    fact = Fact(min(changed.at, entry_at), changed.consent == "granted")
    of_channel = consents.facts.get(changed.channel, {})
    known = [of_channel[name] for name in (changed.category, WHOLE) if name in of_channel]
    if any(fact.at < one.at for one in known):
        return "older"
    full = changed.category not in of_channel and len(of_channel) - (WHOLE in of_channel) >= CATEGORIES_MAX
    if full and changed.category and fact.granted:
        return "too_many_categories"
    category = WHOLE if full else changed.category
    kept = {} if category == WHOLE else of_channel
    newer = {name: one for name, one in of_channel.items() if one.at > fact.at}
    consents.facts[changed.channel] = {**(newer if category == WHOLE else kept), category: fact}
    return "for_whole_channel" if category != changed.category else "holds"


def allowed(consents: Consents, channel: str, category: str, defaults: Mapping[str, Default]) -> bool:
    """Whether a message of `category` may go by `channel`; a channel without a default allows. O(1)."""
    of_channel = consents.facts.get(channel, {})
    fact = of_channel.get(category) or of_channel.get(WHOLE)
    return fact.granted if fact else defaults.get(channel, "allow") == "allow"


def check(consents: Consents) -> None:
    """Raise AssertionError unless what is kept is bounded and no category's fact has been overtaken."""
    for channel, facts in consents.facts.items():
        assert facts, f"{channel}: nothing is kept as something"
        assert len(facts.keys() - {WHOLE}) <= CATEGORIES_MAX, f"{channel}: more than {CATEGORIES_MAX} categories"
        whole = facts.get(WHOLE)
        assert whole is None or all(fact.at >= whole.at for fact in facts.values()), f"{channel}: an overtaken fact"
