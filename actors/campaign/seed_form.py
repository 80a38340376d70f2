"""Campaigns as the original description writes them, read once into our own form.

    {"trigger_id": "VIP_UPGRADE",
     "conditions": {"and": [{"user_level": "silver"}, {"purchase_amount_30d": ">= 1000"}, {"login_days_30d": ">= 20"}]},
     "actions": [{"type": "upgrade_vip", "level": "gold"}, {"type": "send_congratulation"},
                 {"type": "issue_vip_coupon_pack"}]}

What that form leaves open is decided here, and nowhere else:

- Several conditions in one object must all hold. A bare value means equal, `min_…` at least.
- `purchase_amount_30d` is the money of purchases of the last 30 × 24 hours, net of refunds and cancellations;
  `…_count_30d` how many such events there were in that time, purchases net too. `login_days_30d` is on how many of the
  last 30 calendar days, today among them, the user signed in.
- Amounts (`min_cart_value`, `purchase_amount_…`, what else is one of the seed's amounts) are in major units.
- With `event` the campaign is judged at that event; with `no_action_duration` when so many seconds have passed in which
  the user did nothing, and never after a purchase. Without `event` whenever it comes to hold.
- After a no-action trigger each action is preceded by a second look: who has bought meanwhile, or whose cart is no
  longer worth `min_cart_value`, is left alone.
- `delay` is seconds after the trigger, not after the action before.
- A notification goes by the channel that its template's name ends in, else by SMS.

What is not understood is refused with its place: a condition that is skipped is a message to everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

from actors import mistakes
from actors.campaign import conditions
from actors.campaign.campaign import (
    LIMIT_COUNT_MAX,
    Action,
    Campaign,
    Channel,
    IssueCoupon,
    Limit,
    NoAction,
    OnChange,
    OnEvent,
    SendNotification,
    Step,
    Trigger,
    UpgradeTier,
    Wait,
)
from actors.campaign.conditions import (
    CONDITION_DEPTH_MAX,
    AfterTrigger,
    All,
    Cart,
    Condition,
    Count,
    DistinctDays,
    EventField,
    EventMatch,
    Not,
    NumberOp,
    Points,
    Seconds,
    Sum,
    Tier,
    Window,
)
from actors.commands import Refusal, must_be
from actors.comparison import Scalar
from actors.money import EXPONENTS, is_seed_field, minor_of_seed
from actors.rule_words import Id, Label
from actors.windows.window_spec import WINDOW_DAYS_MAX, EventName

PURCHASE, ORDER_VALUE = "purchase_complete", "order_value"
ADD_TO_CART = "add_to_cart"
CONGRATULATION = "congratulation"
VIP_COUPON_PACK = "vip_coupon_pack"
TIER_CHARS_MAX = 64
ACTIONS_MAX = 32
"""With a wait before each they are as many steps as a campaign may have."""
DELAY_S_MAX = 366 * 24 * 3600
DAY_S, HOUR_S = 24 * 3600, 3600
COOL_DOWN_HOURS_MAX = WINDOW_DAYS_MAX * 24
_CHANNELS: tuple[Channel, ...] = get_args(Channel)
_EVENTS = {"purchase": PURCHASE, "order": PURCHASE, "login": "sign_in"}
"""What words in names of conditions mean as events."""

_COMPARISON = re.compile(r"\s*(>=|<=|!=|==|=|>|<)?\s*(.*?)\s*", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_WINDOWED = re.compile(r"([a-z][a-z0-9_]*)_(amount|count|days)_([1-9][0-9]{0,3})d")
_OPS: dict[str, NumberOp] = {
    "": "=", "=": "=", "==": "=", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<=",
}  # fmt: skip

Delay = Annotated[int, Meta(ge=0, le=DELAY_S_MAX)]
Times = Annotated[int, Meta(ge=1, le=LIMIT_COUNT_MAX)]
ActionType = Literal["send_notification", "issue_coupon", "upgrade_vip", "send_congratulation", "issue_vip_coupon_pack"]


class SeedAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`delay`: s after the trigger, or after the check."""

    type: ActionType
    template: Label | None = None
    channel: Channel | None = None
    level: Label | None = None
    delay: Delay = 0


class FrequencyLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a user may enter; each that is said is a limit."""

    max_times_per_day: Times | None = None
    max_times_per_user: Times | None = None
    cool_down_hours: Annotated[int, Meta(ge=1, le=COOL_DOWN_HOURS_MAX)] | None = None


class SeedCampaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`zone` and `currency` are ours: the original says neither."""

    trigger_id: Id
    conditions: msgspec.Raw
    actions: Annotated[tuple[SeedAction, ...], Meta(max_length=ACTIONS_MAX)]
    trigger_name: Label | None = None
    frequency_limit: FrequencyLimit | None = None
    zone: str | None = None
    currency: str | None = None


class Read(msgspec.Struct, frozen=True):
    """The campaign of `trigger_id`, and where what stands at a place of it stood in the original."""

    trigger_id: str
    campaign: Campaign
    places: dict[str, str]

    def original(self, place: str) -> str:
        """The place in what was sent of a `place` in the campaign; as it is where there is none."""
        found = max((ours for ours in self.places if place.startswith(ours)), key=len, default="")
        # Within a step fields have the same names in both forms; elsewhere the forms have nothing in common.
        rest = place.removeprefix(found) if found.startswith("steps") else ""
        return self.places[found] + rest if found else place


class _Found(NamedTuple):
    """A condition, where it stood, and what it was made of, in the order of its `of`."""

    condition: Condition
    place: str
    inner: tuple[_Found, ...] = ()


class _At(NamedTuple):
    """Where in the original somebody reads, how deep, and what holds for all of it."""

    place: str
    depth: int
    event: bool
    currency: str

    def below(self, step: str) -> _At:
        return _At(f"{self.place}{step}", self.depth + 1, self.event, self.currency)


_campaign = msgspec.json.Decoder(SeedCampaign)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_objects = msgspec.json.Decoder(list[msgspec.Raw])
_scalar = msgspec.json.Decoder(Scalar)
_event = msgspec.json.Decoder(EventName)
_seconds = msgspec.json.Decoder(Seconds)


def is_seeds(data: bytes) -> bool:
    """Whether the JSON `data` is an object of the original form."""
    try:
        return not {"trigger_id", "conditions"}.isdisjoint(_object.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def read(data: bytes, zone: str, currency: str) -> Read | Refusal:
    """The campaign that `data` is, which is an object of the original form; in `zone` and `currency` where it says
    none. Raises nothing.
    """
    try:
        seed = _campaign.decode(data)
    except msgspec.ValidationError as error:
        return mistakes.refusal(error, SeedCampaign)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refusal("not_json", "", "a campaign must be JSON in UTF-8, of whole characters")
    currency = seed.currency or currency
    if currency not in EXPONENTS:
        return must_be("unknown_currency", "currency", f"a currency code of ISO 4217 such as CNY, not {currency!r}")
    try:
        return _read(seed, seed.zone or zone, currency)
    except _Refused as refused:
        return refused.refusal


def steps(actions: tuple[SeedAction, ...], place: str) -> tuple[Step, ...] | Refusal:
    """What a list of the original's actions is, with waits between them."""
    try:
        return tuple(step for step, _ in _steps(actions, place))
    except _Refused as refused:
        return refused.refusal


class _Refused(Exception):
    """Raised in the middle of a tree, where else every level would hand it on; it never leaves this module."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def _read(seed: SeedCampaign, zone: str, currency: str) -> Read:
    given = _members(seed.conditions, "conditions")
    event, seconds = given.pop("event", None), given.pop("no_action_duration", None)
    at = _At("conditions", 1, event is not None, currency)
    trigger = _trigger(event, seconds)
    asked = (*_of_cart(trigger, given), *(_condition(name, raw, at) for name, raw in given.items()))
    found = _all(asked, "conditions") if asked else None
    when = found.condition if found else None
    limits = list(_limits(seed.frequency_limit or FrequencyLimit()))
    placed = list(_steps(seed.actions, "actions"))
    campaign = Campaign(
        name=seed.trigger_name or seed.trigger_id, trigger=trigger, steps=tuple(step for step, _ in placed), zone=zone,
        currency=currency, when=when, exit=_exit(trigger, when), limits=tuple(limit for limit, _ in limits),
    )  # fmt: skip
    places = {"when": "conditions", "exit": "conditions", "trigger": "conditions"}
    places |= _places(found, "when") | _places(found, "exit.of[1].of") if found else {}
    places |= {f"limits[{n}]": place for n, (_, place) in enumerate(limits)}
    places |= {"steps": "actions"} | {f"steps[{n}]": place for n, (_, place) in enumerate(placed)}
    return Read(seed.trigger_id, campaign, places)


def _trigger(event: msgspec.Raw | None, seconds: msgspec.Raw | None) -> Trigger:
    if event is None:
        if seconds is not None:
            raise _Refused(
                must_be("missing", "conditions.event", "there with no_action_duration: no action since what?")
            )
        return OnChange()
    name = _decoded(_event, event, "conditions.event", "the name of an event such as add_to_cart")
    if seconds is None:
        return OnEvent(name)
    wanted = f"whole seconds from 1 to {WINDOW_DAYS_MAX * DAY_S}"
    nothing_s = _decoded(_seconds, seconds, "conditions.no_action_duration", wanted)
    return NoAction(name, nothing_s, none_of=(EventMatch(PURCHASE),), idle=True)


def _of_cart(trigger: Trigger, given: dict[str, msgspec.Raw]) -> list[_Found]:
    """An abandoned cart has something in it, whatever else is said of it."""
    abandoned = isinstance(trigger, NoAction) and trigger.event == ADD_TO_CART
    return [_Found(Cart("pieces", ">=", 1), "conditions.event")] if abandoned and "min_cart_value" not in given else []


def _all(found: tuple[_Found, ...], place: str) -> _Found:
    return found[0] if len(found) == 1 else _Found(All(tuple(one.condition for one in found)), place, found)


def _places(found: _Found, ours: str) -> dict[str, str]:
    """Where what stands at a place in our form stood."""
    places = {ours: found.place}
    for index, one in enumerate(found.inner):
        places |= _places(one, f"{ours}.of" if isinstance(found.condition, Not) else f"{ours}.of[{index}]")
    return places


def _exit(trigger: Trigger, when: Condition | None) -> Condition | None:
    if not isinstance(trigger, NoAction):
        return None
    bought = AfterTrigger(PURCHASE)
    return conditions.Any((bought, Not(when))) if when else bought


def _condition(name: str, raw: msgspec.Raw, at: _At) -> _Found:
    here = at.below(f".{name}")
    if here.depth > 2 * CONDITION_DEPTH_MAX:
        limit = f"nested at most condition_depth_max, {CONDITION_DEPTH_MAX}, deep"
        raise _Refused(must_be("too_deep", here.place, limit))
    match name:
        case "and":
            return _all(_each(raw, here), here.place)
        case "or":
            each = _each(raw, here)
            return _Found(conditions.Any(tuple(one.condition for one in each)), here.place, each)
        case "not":
            inner = _object_of(raw, here)
            return _Found(Not(inner.condition), here.place, (inner,))
        case _:
            return _Found(_leaf(name, raw, here), here.place)


def _each(raw: msgspec.Raw, at: _At) -> tuple[_Found, ...]:
    return tuple(_object_of(one, at.below(f"[{n}]")) for n, one in enumerate(_list(raw, at.place)))


def _object_of(raw: msgspec.Raw, at: _At) -> _Found:
    """All that one object asks for."""
    found = tuple(_condition(name, one, at) for name, one in _members(raw, at.place).items())
    if not found:
        raise _Refused(must_be("missing", at.place, "an object with a condition at least"))
    return _all(found, at.place)


def _leaf(name: str, raw: msgspec.Raw, at: _At) -> Condition:
    match name:
        case "user_level":
            return _tier(raw, at.place)
        case "points_balance":
            return Points(*_whole(raw, at.place))
        case "min_cart_value":
            return Cart("value", *_money(raw, True, at))
        case _:
            return _windowed(name, raw, at) or _of_event(name, raw, at)


def _windowed(name: str, raw: msgspec.Raw, at: _At) -> Condition | None:
    """`purchase_amount_30d` and its like."""
    match = _WINDOWED.fullmatch(name)
    if match is None:
        return None
    word, measure, days = match[1], match[2], int(match[3])
    if days > WINDOW_DAYS_MAX:
        raise _Refused(must_be("out_of_range", at.place, f"of at most {WINDOW_DAYS_MAX} days"))
    event = _EVENTS.get(word, word)
    if measure == "days":
        return DistinctDays(event, *_whole(raw, at.place), within=Window(days=days))
    within = Window(seconds=days * DAY_S)
    if measure == "count":
        return Count(event, *_whole(raw, at.place), within=within, net=event == PURCHASE)
    if event != PURCHASE:
        raise _Refused(must_be("unknown_field", at.place, f"purchase_amount_{days}d: only purchases have amounts"))
    op, amount = _money(raw, False, at)
    return Sum(event, ORDER_VALUE, op, amount, within=within, net=True)


def _of_event(name: str, raw: msgspec.Raw, at: _At) -> Condition:
    """A field of the event itself, with `min_` or without."""
    if not at.event:
        raise _Refused(Refusal("unknown_field", at.place, f"{at.place} is no condition that is known without an event"))
    field = name.removeprefix("min_")
    least = field != name
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", field):
        raise _Refused(Refusal("unknown_field", at.place, f"{at.place} is no name of an event's field"))
    if is_seed_field(field) or is_seed_field(name):
        op, amount = _money(raw, least, at)
        return EventField(field, op, amount)
    return EventField(field, *_compared(raw, least, at.place))


def _money(raw: msgspec.Raw, least: bool, at: _At) -> tuple[NumberOp, int]:
    """An amount in major units: a number, or a comparison with one."""
    op, text = _split(raw, at.place)
    amount = minor_of_seed(text.encode(), at.currency, at.place)
    if isinstance(amount, Refusal):
        raise _Refused(amount)
    return _op(op, least, at.place), amount


def _op(written: str, least: bool, place: str) -> NumberOp:
    """`least`: the condition's name says at least, and no comparison may say otherwise."""
    if not least:
        return _OPS[written]
    if written not in ("", ">="):
        raise _Refused(must_be("wrong_type", place, f"a bare number: min_ means at least, not {written}"))
    return ">="


def _tier(raw: msgspec.Raw, place: str) -> Condition:
    op, level = _split(raw, place)
    if op not in ("", "=", "==", "!=") or not 1 <= len(level) <= TIER_CHARS_MAX:
        raise _Refused(must_be("wrong_type", place, f"the id of a level, 1 to {TIER_CHARS_MAX} characters"))
    return Tier("!=" if op == "!=" else "=", level)


def _whole(raw: msgspec.Raw, place: str) -> tuple[NumberOp, int]:
    op, text = _split(raw, place)
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise _Refused(must_be("wrong_type", place, 'a whole number, or a comparison such as ">= 20"'))
    return _OPS[op], int(text)


def _compared(raw: msgspec.Raw, least: bool, place: str) -> tuple[NumberOp, Any]:
    """A comparison with a number, or equality with whatever else."""
    op, text = _split(raw, place)
    if _NUMBER.fullmatch(text):
        return _op(op, least, place), float(text) if "." in text else int(text)
    if least or op not in ("", "=", "==", "!="):
        raise _Refused(must_be("wrong_type", place, f"a number, not {text[:64]!r}"))
    value = _decoded(_scalar, raw, place, "a number, a text or true or false") if not op else text
    return _OPS[op], value


def _split(raw: msgspec.Raw, place: str) -> tuple[str, str]:
    """(operator, the rest) of a number or of a text such as ">= 1000"."""
    wanted = 'a number, a text, or a comparison such as ">= 1000"'
    if bytes(raw)[:1] in b"-0123456789":
        return "", bytes(raw).decode()
    value = _decoded(_scalar, raw, place, wanted)
    if not isinstance(value, str):
        return "", bytes(raw).decode()
    match = _COMPARISON.fullmatch(value)
    assert match is not None, "the pattern takes every text"
    return match[1] or "", match[2]


def _members(raw: msgspec.Raw, place: str) -> dict[str, msgspec.Raw]:
    return _decoded(_object, raw, place, "an object of conditions")


def _list(raw: msgspec.Raw, place: str) -> list[msgspec.Raw]:
    found = _decoded(_objects, raw, place, "a list of objects")
    if not 1 <= len(found) <= conditions.CONDITIONS_MAX:
        raise _Refused(must_be("out_of_range", place, f"a list of 1 to {conditions.CONDITIONS_MAX} objects"))
    return found


def _decoded(decoder: msgspec.json.Decoder[Any], raw: msgspec.Raw, place: str, wanted: str) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Refused(must_be("wrong_type", place, wanted)) from error


def _steps(actions: tuple[SeedAction, ...], place: str) -> Iterator[tuple[Step, str]]:
    """The actions by their delays, each with the place where it stood; a wait stands with the action that it is for."""
    read = [(action.delay, f"{place}[{n}]", _action(action, f"{place}[{n}]")) for n, action in enumerate(actions)]
    read.sort(key=lambda one: one[0])
    for (before, _, _), (delay, here, action) in pairwise([(0, "", None), *read]):
        if delay > before:
            yield Wait(delay - before), f"{here}.delay"
        assert action is not None
        yield action, here


def _action(action: SeedAction, place: str) -> Action:
    match action.type:
        case "send_notification":
            template = _there(action.template, f"{place}.template")
            return SendNotification(action.channel or _channel(template), template)
        case "send_congratulation":
            template = action.template or CONGRATULATION
            return SendNotification(action.channel or _channel(template), template)
        case "issue_coupon":
            return IssueCoupon(_there(action.template, f"{place}.template"))
        case "issue_vip_coupon_pack":
            return IssueCoupon(tag=VIP_COUPON_PACK)
        case "upgrade_vip":
            return UpgradeTier(_there(action.level, f"{place}.level"))


def _there(value: str | None, place: str) -> str:
    if value is None:
        raise _Refused(Refusal("missing", place, f"{place} is missing"))
    return value


def _channel(template: str) -> Channel:
    """The one that the template's name ends in, else SMS."""
    for channel in _CHANNELS:
        if template.endswith(f"_{channel}"):
            return channel
    return "sms"


def _limits(frequency: FrequencyLimit) -> Iterator[tuple[Limit, str]]:
    if frequency.max_times_per_day is not None:
        yield Limit(frequency.max_times_per_day, Window(days=1)), "frequency_limit.max_times_per_day"
    if frequency.max_times_per_user is not None:
        yield Limit(frequency.max_times_per_user), "frequency_limit.max_times_per_user"
    if frequency.cool_down_hours is not None:
        window = Window(seconds=frequency.cool_down_hours * HOUR_S)
        yield Limit(1, window), "frequency_limit.cool_down_hours"
