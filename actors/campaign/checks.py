"""What makes a well-typed campaign make sense: everything that takes two fields, or the world, to be seen.

Errors are refused: who puts such a campaign has mistyped something, and would find out from customers. Warnings are
told and taken: they harm nobody, but their author believes something that is not so (a limit that nobody will ever
meet, a condition that always holds). All problems are told at once, each with the place of the field.

A campaign that is too large or nested too deeply is told only that: nothing else looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import msgspec

from actors.campaign import walking
from actors.campaign.campaign import (
    STEP_DEPTH_MAX,
    STEPS_MAX,
    AbsentFor,
    Action,
    Branch,
    Campaign,
    CartIdle,
    EmitEffect,
    GivePoints,
    IssueCoupon,
    NoAction,
    OnChange,
    OnEvent,
    Schedule,
    SendNotification,
    Step,
    Steps,
    Stop,
    UpgradeTier,
    Valid,
    Wait,
    WaitFor,
    Webhook,
)
from actors.campaign.condition_checks import NEVER_HOLDS, NO_MEANING, idle, mistakes, tests_mistakes, window_mistakes
from actors.campaign.conditions import (
    CONDITION_DEPTH_MAX,
    CONDITIONS_MAX,
    All,
    Any,
    Clock,
    Condition,
    Count,
    DistinctDays,
    Not,
    Since,
    Sum,
    Window,
)
from actors.campaign.limits import CHANNEL, TAG, dead, limits_of
from actors.campaign.schedule import times
from actors.commands import Refusal, must_be
from actors.fields import rfc3339_ms, text_code
from actors.notification.messages import KEPT_MAX
from actors.rule_words import LABEL_BYTES_MAX, labels_mistakes, world_mistakes

MOMENT_END_MS = rfc3339_ms("3000-01-01T00:00:00Z") or 0
"""Campaigns lie before; days that are added then lead to years that calendars have."""


class Problems(msgspec.Struct, frozen=True):
    """`errors`: the campaign is refused. `warnings`: it is taken."""

    errors: tuple[Refusal, ...] = ()
    warnings: tuple[Refusal, ...] = ()


def problems(campaign: Campaign) -> Problems:
    """All that makes no sense in `campaign`, which is well-typed."""
    if large := list(_size(campaign)):
        return Problems(tuple(large))
    errors = tuple(dict.fromkeys(_errors(campaign)))
    return Problems(errors, () if errors else tuple(_warnings(campaign)))


def _size(campaign: Campaign) -> Iterator[Refusal]:
    steps = list(walking.steps(campaign))
    yield from _at_most(len(steps), STEPS_MAX, "steps", "steps_max", "steps, those within others too")
    deepest = max((step.depth for step in steps), default=0)
    yield from _at_most(deepest, STEP_DEPTH_MAX, "steps", "step_depth_max", "levels of steps within steps")
    nodes = [node for place, condition in walking.roots(campaign) for node in walking.nodes(condition, place)]
    leaves = sum(1 for node in nodes if not isinstance(node.condition, All | Any | Not))
    yield from _at_most(leaves, CONDITIONS_MAX, "when", "conditions_max", "conditions in the whole campaign")
    for place in [node.place for node in nodes if node.depth == CONDITION_DEPTH_MAX + 1]:
        wanted = f"nested at most condition_depth_max, {CONDITION_DEPTH_MAX}, deep"
        yield must_be("too_deep", place, wanted)


def _at_most(number: int, most: int, place: str, limit: str, what: str) -> Iterator[Refusal]:
    if number > most:
        yield Refusal("too_many", place, f"there must be at most {limit}, {most}, {what}, not {number}")


def _errors(campaign: Campaign) -> Iterator[Refusal]:
    world = list(world_mistakes(campaign.zone, campaign.currency))
    yield from world
    yield from _text(campaign.name, "name")
    yield from labels_mistakes(campaign.tags, "tags")
    if Fraction(campaign.holdout_percent) >= 100:
        yield must_be("out_of_range", "holdout_percent", f"less than 100, not {campaign.holdout_percent}")
    moments = dict(_moments(campaign.valid))
    yield from _valid(campaign.valid, moments)
    yield from _trigger(campaign)
    if isinstance(campaign.trigger, Schedule) and not any(one.field == "zone" for one in world):
        yield from _cron(campaign.trigger.cron, campaign.zone, moments)
    has_event = isinstance(campaign.trigger, OnEvent | NoAction)
    for place, condition in walking.roots(campaign):
        yield from mistakes(condition, place, has_event)
    yield from _steps(campaign)
    yield from _limits(campaign)


def _text(text: str, place: str) -> Iterator[Refusal]:
    if code := text_code(text, LABEL_BYTES_MAX):
        yield must_be(code, place, f"1 to {LABEL_BYTES_MAX} bytes of UTF-8 without control characters")


def _moments(valid: Valid) -> Iterator[tuple[str, int]]:
    for name, text in (("begins", valid.begins), ("ends", valid.ends)):
        at = None if text is None else rfc3339_ms(text)
        if at is not None and 0 <= at < MOMENT_END_MS:
            yield name, at


def _valid(valid: Valid, moments: dict[str, int]) -> Iterator[Refusal]:
    for name, text in (("begins", valid.begins), ("ends", valid.ends)):
        if text is not None and name not in moments:
            wanted = "an RFC 3339 time with its offset from UTC, of the years 1970 to 2999"
            yield must_be("not_rfc3339" if rfc3339_ms(text) is None else "out_of_range", f"valid.{name}", wanted)
    if len(moments) == 2 and moments["ends"] <= moments["begins"]:
        yield must_be(NEVER_HOLDS, "valid.ends", f"after valid.begins, {valid.begins}, not {valid.ends}")


def _trigger(campaign: Campaign) -> Iterator[Refusal]:
    match campaign.trigger:
        case OnEvent(where=where) | AbsentFor(where=where):
            yield from tests_mistakes(where, "trigger.where")
        case NoAction(where=where, none_of=none_of):
            yield from tests_mistakes(where, "trigger.where")
            for index, one in enumerate(none_of):
                yield from tests_mistakes(one.where, f"trigger.none_of[{index}].where")
        case OnChange() if campaign.when is None:
            yield must_be("missing", "when", "there with a trigger of type change: what else should come to hold?")
        case _:
            pass


def _cron(cron: str, zone: str, moments: dict[str, int]) -> Iterator[Refusal]:
    try:
        first = times(cron, zone).after(moments.get("begins", 0) - 1)
    except ValueError as error:
        wanted = f'a cron of minute, hour, day of the month, month, day of the week, such as "0 10 * * *"; {error}'
        yield must_be("bad_cron", "trigger.cron", wanted)
        return
    if first is None:
        yield must_be("never_fires", "trigger.cron", f"a cron that comes within 50 years, not {cron}")
    elif "ends" in moments and first >= moments["ends"]:
        yield must_be("never_fires", "trigger.cron", f"a cron that comes before valid.ends, not {cron}")


def _steps(campaign: Campaign) -> Iterator[Refusal]:
    yield from _block(campaign.steps, "steps")
    if not campaign.steps:
        yield must_be("missing", "steps", "one at least: a campaign that does nothing is none")
    for placed in walking.steps(campaign):
        yield from _step(placed.step, placed.place)
        for within, place in walking.blocks(placed.step, placed.place):
            yield from _block(within, place)


def _block(steps: Steps, place: str) -> Iterator[Refusal]:
    stops = [index for index, step in enumerate(steps) if isinstance(step, Stop)]
    if stops and stops[0] < len(steps) - 1:
        yield must_be("never_reached", f"{place}[{stops[0] + 1}]", "absent after a stop")


def _step(step: Step, place: str) -> Iterator[Refusal]:
    match step:
        case Wait(seconds=None, until=None):
            yield must_be("missing", f"{place}.seconds", "there, or else until")
        case WaitFor(where=where):
            yield from tests_mistakes(where, f"{place}.where")
        case Branch(then=(), otherwise=()):
            yield must_be("missing", f"{place}.then", "there, or else else: a branch without steps does nothing")
        case Wait() | Stop() | Branch():
            pass
        case _:
            yield from _action(step, place)


def _action(action: Action, place: str) -> Iterator[Refusal]:
    match action:
        case SendNotification(template=template):
            yield from _text(template, f"{place}.template")
        case IssueCoupon(template=template, tag=tag):
            if (template is None) == (tag is None):
                yield must_be("exclusive", f"{place}.template", "there, or else tag, and not both")
            yield from _text(template or tag or "-", f"{place}.{'tag' if template is None else 'template'}")
        case GivePoints(reason=reason):
            yield from _text(reason, f"{place}.reason")
        case UpgradeTier(level=level):
            yield from _text(level, f"{place}.level")
        case Webhook() | EmitEffect():
            pass


def _limits(campaign: Campaign) -> Iterator[Refusal]:
    channels = {one.step.channel for one in walking.steps(campaign) if isinstance(one.step, SendNotification)}
    for index, limit in enumerate(campaign.limits):
        place = f"limits[{index}]"
        yield from window_mistakes(limit.window, f"{place}.window")
        if limit.scope.startswith(TAG) and limit.scope.removeprefix(TAG) not in campaign.tags:
            yield must_be(NO_MEANING, f"{place}.scope", f"of a tag of this campaign, not {limit.scope}")
        if limit.scope.startswith(CHANNEL) and limit.scope.removeprefix(CHANNEL) not in channels:
            yield must_be(NO_MEANING, f"{place}.scope", f"of a channel that this campaign sends by, not {limit.scope}")
    for spec in limits_of(campaign):
        if spec.of_messages and spec.count > KEPT_MAX:
            wanted = f"at most {KEPT_MAX} of messages, of which no more are remembered"
            yield must_be("out_of_range", f"{spec.place}.count", wanted)


def _warnings(campaign: Campaign) -> Iterator[Refusal]:
    for limit, other in dead(limits_of(campaign), campaign.tags):
        why = f"never reached, since {other.place} lets no more pass"
        yield Refusal("dead_limit", limit.place, f"{limit.place} is {why}")
    for place, condition in walking.roots(campaign):
        yield from idle(condition, place)
    if isinstance(campaign.trigger, OnChange):
        yield from _unheard(campaign)
    if campaign.exit is None and _waits_then_acts(campaign.steps):
        message = "without exit, whoever waits is acted on whatever has happened meanwhile"
        yield Refusal("no_exit", "exit", message)
    if isinstance(campaign.trigger, CartIdle) and campaign.trigger.min_value == 0:
        yield Refusal("empty_cart", "trigger.min_value", "trigger.min_value 0 means empty carts too")


def _unheard(campaign: Campaign) -> Iterator[Refusal]:
    """Conditions that come to hold by time alone, which is no change."""
    assert campaign.when is not None
    for node in walking.nodes(campaign.when, "when"):
        if _holds_in_time(node.condition):
            message = f"{node.place} comes to hold by time alone, and is judged only when something else changes"
            yield Refusal("unheard", node.place, message)


def _holds_in_time(condition: Condition) -> bool:
    """Whether waiting alone may bring it to hold: the clock moves on, and what is counted leaves its window."""
    match condition:
        case Clock() | Since(op=">" | ">="):
            return True
        case Count(op="<" | "<=", within=within) | Sum(op="<" | "<=", within=within):
            return within != Window()
        case DistinctDays(op="<" | "<=", within=within):
            return within != Window()
        case _:
            return False


def _waits_then_acts(steps: Iterable[Step]) -> bool:
    """Whether an action comes after a wait, in the outermost steps."""
    waited = False
    for step in steps:
        if waited and not isinstance(step, Wait | WaitFor | Stop):
            return True
        waited = waited or isinstance(step, Wait | WaitFor)
    return False
