"""Consent against reading all facts anew, in whatever order they come."""

from __future__ import annotations

from random import Random
from typing import Literal

import msgspec
import pytest

from actors.notification import consent
from actors.notification.consent import CATEGORIES_MAX, WHOLE, ConsentChanged, Consents, allowed, change

CHANNELS, CATEGORIES = ("sms", "email"), ("", "offers", "invoices", "news")
WORDS: tuple[Literal["granted", "withdrawn"], ...] = ("granted", "withdrawn")
NOW = 1_000_000
Defaults = dict[str, Literal["allow", "deny"]]


def by_all_facts(facts: list[ConsentChanged], channel: str, category: str, defaults: Defaults) -> bool:
    """The newest of those that concern it; of equal ones the last to come."""
    of_it = [(fact.at, place) for place, fact in enumerate(facts) if _concerns(fact, channel, category)]
    if not of_it:
        return defaults.get(channel, "allow") == "allow"
    return facts[max(of_it)[1]].consent == "granted"


def _concerns(fact: ConsentChanged, channel: str, category: str) -> bool:
    return fact.channel == channel and fact.category in (WHOLE, category)


@pytest.mark.parametrize("part", range(2))
def test_the_newest_fact_that_concerns_a_category_holds(part: int) -> None:
    for seed in range(part * 1_000, part * 1_000 + 1_000):
        random, consents, facts = Random(seed), Consents(), list[ConsentChanged]()
        defaults: Defaults = random.choice([{}, {"sms": "deny"}, {"sms": "allow", "email": "deny"}])
        for _ in range(12):
            at, category = random.randrange(8), random.choice(CATEGORIES)
            fact = ConsentChanged(random.choice(CHANNELS), random.choice(WORDS), at, category)
            change(consents, fact, NOW)
            facts.append(fact)
            consent.check(consents)
            consents = msgspec.msgpack.decode(msgspec.msgpack.encode(consents), type=Consents)
            for channel in CHANNELS:
                for category in CATEGORIES:
                    expected = by_all_facts(facts, channel, category, defaults)
                    assert allowed(consents, channel, category, defaults) == expected


def test_a_fact_that_is_older_than_what_is_known_changes_nothing() -> None:
    consents = Consents()
    assert change(consents, ConsentChanged("sms", "withdrawn", 5), NOW) == "holds"
    assert change(consents, ConsentChanged("sms", "granted", 4), NOW) == "older"
    assert change(consents, ConsentChanged("sms", "granted", 4, "offers"), NOW) == "older"
    assert change(consents, ConsentChanged("sms", "granted", 5, "offers"), NOW) == "holds"
    assert allowed(consents, "sms", "offers", {}) and not allowed(consents, "sms", "news", {})


def test_a_fact_of_the_future_is_as_new_as_its_entry() -> None:
    consents = Consents()
    change(consents, ConsentChanged("sms", "granted", 10 * NOW), NOW)
    assert change(consents, ConsentChanged("sms", "withdrawn", NOW + 1), NOW + 2) == "holds"
    assert not allowed(consents, "sms", "offers", {})


def test_when_a_channel_is_full_a_permission_is_refused_and_a_withdrawal_is_for_all_of_it() -> None:
    consents = Consents()
    for n in range(CATEGORIES_MAX):
        assert change(consents, ConsentChanged("sms", "granted", n, f"c{n}"), NOW) == "holds"
    assert change(consents, ConsentChanged("sms", "granted", 99, "more"), NOW) == "too_many_categories"
    assert change(consents, ConsentChanged("sms", "withdrawn", 10, "c3"), NOW) == "holds"
    assert change(consents, ConsentChanged("sms", "withdrawn", 20, "more"), NOW) == "for_whole_channel"
    consent.check(consents)
    kept = {f"c{n}" for n in range(CATEGORIES_MAX) if allowed(consents, "sms", f"c{n}", {})}
    assert kept == {f"c{n}" for n in range(21, CATEGORIES_MAX)}
    assert not allowed(consents, "sms", "more", {})
    assert allowed(consents, "email", "more", {})
