"""A campaign at work: read, checked and compiled, with what is asked of it for every event.

Its version is a hash of its normal form (normal_form.py), so whoever is under way on a version is bound to exactly
these words, whatever the campaign says later. The seed's form is read once, when it comes (seed_form.py); from then on
there is only ours.

`hears`, `asks`, `counters` and `awaits` are what an actor indexes campaigns by: which of them an event may concern, and
which counters it must keep for them at all. Counters of equal meaning have equal keys, whichever campaigns ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

import msgspec

from actors import mistakes, normal_form
from actors.calendar import calendar
from actors.campaign import seed_form
from actors.campaign.campaign import (
    AbsentFor,
    Before,
    Birthday,
    Campaign,
    CartIdle,
    NoAction,
    OnChange,
    OnEvent,
    Schedule,
    Trigger,
)
from actors.campaign.checks import Problems, problems
from actors.campaign.conditions import EventMatch
from actors.campaign.judging import Judge
from actors.campaign.limits import limits_of
from actors.campaign.program import Await, Fork, Program
from actors.campaign.schedule import normal_cron
from actors.commands import Refusal
from actors.comparison import reduced, sorted_tests
from actors.fields import rfc3339_ms
from actors.windows.window_spec import CounterSpec, Ever, LastTime, counter, key
from supervision.envelope import rfc3339

BYTES_MAX = 64 * 1024
"""Of a campaign's JSON: it is an entry of every segment's log."""
REFUNDED, CANCELLED = "order_refunded", "order_cancelled"
"""What takes back from counters that are net."""


def _in_utc(text: str) -> str:
    return rfc3339(rfc3339_ms(text) or 0)


def _sorted_events(matches: tuple[EventMatch, ...]) -> tuple[EventMatch, ...]:
    plain = {_json(match): match for match in (EventMatch(one.event, sorted_tests(one.where)) for one in matches)}
    return tuple(plain[name] for name in sorted(plain))


_json = msgspec.json.Encoder(order="deterministic").encode
_REDUCED: normal_form.Reduced = {
    "tags": normal_form.sorted_set,
    "codes": normal_form.sorted_set,
    "products": normal_form.sorted_set,
    "categories": normal_form.sorted_set,
    "weekdays": normal_form.sorted_set,
    "holdout_percent": normal_form.rational,
    "begins": _in_utc,
    "ends": _in_utc,
    "cron": normal_cron,
    "where": sorted_tests,
    "value": reduced,
    "none_of": _sorted_events,
    "but_not": _sorted_events,
}
_INDEXED = re.compile(r"(?:limits|steps|when|exit)[\w.]*\[[\w.\[\]]*\]")
"""A place of ours with an index in it: no word of a sentence."""
_campaign = msgspec.json.Decoder(Campaign)


class CompiledCampaign:
    """Immutable; shared by all segments and threads. Made by `parse`."""

    def __init__(self, campaign: Campaign) -> None:
        """`campaign` has no errors."""
        self.campaign = campaign
        self.canonical = normal_form.encoded(campaign, _REDUCED)
        """Its JSON, the same for the same campaign."""
        self.version = normal_form.version(self.canonical)
        self.calendar = calendar(campaign.zone)
        self.begins = _moment(campaign.valid.begins)
        self.ends = _moment(campaign.valid.ends)
        self.holdout = Fraction(campaign.holdout_percent) / 100
        """Of 1."""
        self.limits = limits_of(campaign)
        event = started_by(campaign.trigger)
        self.when = Judge(campaign.when, "when", event, self.calendar) if campaign.when else None
        self.exit = Judge(campaign.exit, "exit", event, self.calendar) if campaign.exit else None
        self.program = Program(campaign, event, self.calendar)
        forks = [one.judge for one in self.program.instructions if isinstance(one, Fork)]
        judges = [judge for judge in (self.when, self.exit, *forks) if judge]
        self.counters: dict[str, CounterSpec] = {
            name: spec for judge in judges for name, spec in judge.counters.items()
        }
        """To be kept for this campaign, by key; those of events in general, whatever user they are of."""
        self.absence = _absence(campaign.trigger)
        """What tells when the user last did what a trigger `absent_for` misses."""
        if self.absence is not None:
            self.counters[key(self.absence)] = self.absence
        self.asks = frozenset(name for judge in judges for name in judge.asks)
        """Other facts that are asked for: "cart", "tier", "points", "coupons", "profile"."""
        self.fields = frozenset(name for judge in judges for name in judge.fields)
        """Of the event that triggers it: to be kept for whoever is under way."""
        self.awaits = frozenset(one.event for one in self.program.instructions if isinstance(one, Await))
        """Events for which somebody under way may wait."""
        self.hears = _hears(campaign.trigger, self.when)
        """Events that may start it, end its start or begin it anew; "" among them: every event of a user does."""

    def is_valid(self, at: int) -> bool:
        """Whether users may enter at the moment `at`."""
        return (self.begins is None or at >= self.begins) and (self.ends is None or at < self.ends)


class Checked(msgspec.Struct, frozen=True):
    """What `POST /v1/campaigns/check` has to say: the campaign, where it has no errors, and all problems. `id`: what a
    campaign in the seed's form calls itself, else "".
    """

    campaign: CompiledCampaign | None
    problems: Problems
    id: str = ""


def parse(data: bytes) -> CompiledCampaign | Refusal:
    """The campaign that the JSON `data` is, in our form, or the first thing that is wrong with it and where. Of
    whatever length: one that was taken is longer when its defaults are written out.
    """
    campaign = _decoded(data)
    if isinstance(campaign, Refusal):
        return campaign
    found = problems(campaign)
    return found.errors[0] if found.errors else CompiledCampaign(campaign)


def check(data: bytes, zone: str = "UTC", currency: str = "CNY") -> Checked:
    """The campaign that the JSON `data` is, in our form or in the seed's, and all that is wrong with it and where.
    `zone` and `currency`: of one in the seed's form that names none. Raises nothing, whatever `data` is.
    """
    if len(data) > BYTES_MAX:
        return _refused(Refusal("too_long", "", f"a campaign must be at most campaign_bytes_max, {BYTES_MAX}, bytes"))
    if seed_form.is_seeds(data):
        seed = seed_form.read(data, zone, currency)
        return _refused(seed) if isinstance(seed, Refusal) else _of_seed(seed)
    campaign = _decoded(data)
    return _refused(campaign) if isinstance(campaign, Refusal) else _checked(campaign)


def started_by(trigger: Trigger) -> str:
    """The event that starts it, "" when none does."""
    return trigger.event if isinstance(trigger, OnEvent | NoAction | AbsentFor) else ""


def inputs(counters: Iterable[CounterSpec]) -> frozenset[str]:
    """The events that change any of `counters`."""
    specs = list(counters)
    net = (REFUNDED, CANCELLED) if any(spec.net for spec in specs) else ()
    return frozenset((*(spec.event for spec in specs), *net))


def _decoded(data: bytes) -> Campaign | Refusal:
    try:
        return _campaign.decode(data)
    except msgspec.ValidationError as error:
        return mistakes.refusal(error, Campaign)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refusal("not_json", "", "a campaign must be JSON in UTF-8, of whole characters")


def _checked(campaign: Campaign) -> Checked:
    found = problems(campaign)
    return Checked(None if found.errors else CompiledCampaign(campaign), found)


def _of_seed(seed: seed_form.Read) -> Checked:
    checked = _checked(seed.campaign)
    errors, warnings = (
        tuple(dict.fromkeys(_moved(one, seed) for one in found))
        for found in (checked.problems.errors, checked.problems.warnings)
    )
    return Checked(checked.campaign, Problems(errors, warnings), seed.trigger_id)


def _moved(problem: Refusal, seed: seed_form.Read) -> Refusal:
    """With the places where things stood in what was sent."""
    place = seed.original(problem.field)
    message = problem.message.replace(problem.field, place, 1)
    return Refusal(problem.code, place, _INDEXED.sub(lambda found: seed.original(found[0]), message))


def _refused(refusal: Refusal) -> Checked:
    return Checked(None, Problems((refusal,)))


def _hears(trigger: Trigger, when: Judge | None) -> frozenset[str]:
    match trigger:
        case OnEvent(event=event) | AbsentFor(event=event):
            return frozenset((event,))
        case NoAction(event=event, none_of=none_of, idle=idle):
            return frozenset((event, *(one.event for one in none_of), *(("",) if idle else ())))
        case OnChange():
            return inputs(when.counters.values()) if when else frozenset()
        case CartIdle() | Schedule() | Birthday() | Before():
            return frozenset()


def _absence(trigger: Trigger) -> CounterSpec | None:
    return counter(trigger.event, LastTime(), Ever(), trigger.where) if isinstance(trigger, AbsentFor) else None


def _moment(text: str | None) -> int | None:
    return None if text is None else rfc3339_ms(text)
