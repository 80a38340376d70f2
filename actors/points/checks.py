"""What makes a well-typed programme make sense: everything that takes two fields, or the world, to be seen.

A rule that can never do anything is refused as if it were a typing error, which it mostly is: a multiplier for a level
that does not exist would be silent for ever, and found by an angry customer. A cap that will never be reached is
somebody's prudence and stays.

Each mistake is told with the place of the field and the limit. The first one is enough: the next is told next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from actors.commands import Refusal, must_be
from actors.points import caps
from actors.points.rules import (
    VALID_DAYS_MAX,
    Bonus,
    Cap,
    Earn,
    Expiry,
    Multiplier,
    Pend,
    Reserve,
    Rules,
    Tiers,
    WalletRules,
    When,
)
from actors.rule_words import hours_mistakes, labels_mistakes, world_mistakes

RATE_MAX = 1_000_000
FACTOR_MAX = 1_000
BASE = "base"
"""How answers name the base rate; no rule may be called so."""

_N_MAX = {"days": VALID_DAYS_MAX, "sliding": VALID_DAYS_MAX, "months": 120, "quarters": 40, "years": 100}
"""Of an expiry."""
_DAYS_MIN = {"days": 1, "sliding": 1, "months": 28, "quarters": 90, "years": 365}
"""Of the shortest such period."""
_CAP_N_MAX = {"days": caps.ROLLING_DAYS_MAX, "hours": caps.ROLLING_HOURS_MAX}


def first_mistake(rules: Rules) -> Refusal | None:
    """The first thing in `rules`, which are well-typed, that makes no sense."""
    return next(_mistakes(rules), None)


def _mistakes(rules: Rules) -> Iterator[Refusal]:
    yield from world_mistakes(rules.zone, rules.currency)
    yield from _earn(rules.earn, {level.id for level in rules.tiers.levels})
    yield from _validity(rules.expiry, "expiry", rules.reminder_days)
    yield from _pend(rules.pending)
    yield from _wallets(rules)
    yield from _caps(rules.caps)
    yield from _tiers(rules.tiers)
    yield from _reserve(rules.reserve)


def _earn(earn: Earn, levels: set[str]) -> Iterator[Refusal]:
    if Fraction(earn.rate) > RATE_MAX:
        yield must_be("out_of_range", "earn.rate", f"from 0 to {RATE_MAX}, not {earn.rate}")
    for index, multiplier in enumerate(earn.multipliers):
        if Fraction(multiplier.factor) > FACTOR_MAX:
            place = f"earn.multipliers[{index}].factor"
            yield must_be("out_of_range", place, f"from 0 to {FACTOR_MAX}, not {multiplier.factor}")
    places = [f"earn.multipliers[{index}]" for index in range(len(earn.multipliers))]
    places += [f"earn.bonuses[{index}]" for index in range(len(earn.bonuses))]
    rules: list[Multiplier | Bonus] = [*earn.multipliers, *earn.bonuses]
    yield from _unique([BASE, *(rule.id for rule in rules)], ["", *places])
    yield from labels_mistakes(earn.exclude.categories, "earn.exclude.categories")
    yield from labels_mistakes(earn.exclude.products, "earn.exclude.products")
    for place, rule in zip(places, rules, strict=True):
        yield from _when(rule.when, f"{place}.when", earn, levels)


def _when(when: When, place: str, earn: Earn, levels: set[str]) -> Iterator[Refusal]:
    for index, level in enumerate(when.tiers):
        if level not in levels:
            yield must_be("unknown_tier", f"{place}.tiers[{index}]", f"the id of one of tiers.levels, not {level!r}")
    yield from hours_mistakes(when.hours, f"{place}.hours")
    yield from labels_mistakes(when.categories, f"{place}.categories")
    yield from labels_mistakes(when.products, f"{place}.products")
    if when.categories and set(when.categories) <= set(earn.exclude.categories):
        yield must_be("never_holds", f"{place}.categories", "other categories too than those that earn.exclude names")
    if when.products and set(when.products) <= set(earn.exclude.products):
        yield must_be("never_holds", f"{place}.products", "other products too than those that earn.exclude names")


def _validity(expiry: Expiry, place: str, reminder_days: int) -> Iterator[Refusal]:
    if expiry.kind == "never":
        if expiry.n != Expiry().n:
            yield must_be("no_meaning", f"{place}.n", "absent with kind never")
        return
    low, high = (1 if expiry.kind in ("days", "sliding") else 0), _N_MAX[expiry.kind]
    if not low <= expiry.n <= high:
        yield must_be("out_of_range", f"{place}.n", f"from {low} to {high} with kind {expiry.kind}, not {expiry.n}")
    days = _DAYS_MIN[expiry.kind] * max(expiry.n, 1)
    if reminder_days >= days:
        wanted = f"from 0 to {days - 1}, shorter than {place}, not {reminder_days}"
        yield must_be("out_of_range", "reminder_days", wanted)


def _pend(pend: Pend) -> Iterator[Refusal]:
    if pend.until == "days" and not pend.days:
        yield must_be("out_of_range", "pending.days", "at least 1 with until days")
    if pend.until != "days" and pend.days:
        yield must_be("no_meaning", "pending.days", f"absent with until {pend.until}")


def _wallets(rules: Rules) -> Iterator[Refusal]:
    taken: dict[str, str] = {}
    for name, wallet in rules.wallets.items():
        place = f"wallets.{name}"
        if wallet.expiry:
            yield from _validity(wallet.expiry, f"{place}.expiry", rules.reminder_days)
        yield from labels_mistakes(wallet.uses, f"{place}.uses")
        yield from _reasons(name, wallet, taken)


def _reasons(name: str, wallet: WalletRules, taken: dict[str, str]) -> Iterator[Refusal]:
    place = f"wallets.{name}.reasons"
    yield from labels_mistakes(wallet.reasons, place)
    for index, reason in enumerate(wallet.reasons):
        if (owner := taken.setdefault(reason, name)) != name:
            yield must_be("not_unique", f"{place}[{index}]", f"in one wallet only; {reason!r} is in {owner} too")


def _caps(given: Sequence[Cap]) -> Iterator[Refusal]:
    yield from _unique([cap.id for cap in given], [f"caps[{index}]" for index in range(len(given))])
    for index, cap in enumerate(given):
        yield from labels_mistakes(cap.reasons, f"caps[{index}].reasons")
        high = _CAP_N_MAX.get(cap.per, 1)
        if cap.n > high:
            yield must_be("out_of_range", f"caps[{index}].n", f"from 1 to {high} with per {cap.per}, not {cap.n}")


def _tiers(tiers: Tiers) -> Iterator[Refusal]:
    places = [f"tiers.levels[{index}]" for index in range(len(tiers.levels))]
    yield from _unique([level.id for level in tiers.levels], places)
    for place, (low, high) in zip(places[1:], pairwise(tiers.levels), strict=False):
        if high.at <= low.at:
            yield must_be("not_rising", f"{place}.at", f"more than {low.at}, that of the level before, not {high.at}")
    if tiers.window != "days" and tiers.n != Tiers().n:
        yield must_be("no_meaning", "tiers.n", f"absent with window {tiers.window}")


def _reserve(reserve: Reserve) -> Iterator[Refusal]:
    if reserve.ttl_s_default > reserve.ttl_s_max:
        wanted = f"at most reserve.ttl_s_max, {reserve.ttl_s_max}, not {reserve.ttl_s_default}"
        yield must_be("out_of_range", "reserve.ttl_s_default", wanted)


def _unique(ids: Iterable[str], places: Iterable[str]) -> Iterator[Refusal]:
    seen: set[str] = set()
    for name, place in zip(ids, places, strict=True):
        if name in seen:
            yield must_be("not_unique", f"{place}.id", f"another; {name!r} is taken")
        seen.add(name)
