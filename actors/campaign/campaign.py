"""A campaign as data: everything a marketing operator may decide about it, in typed, immutable structs.

    {"name": "购物车遗弃", "zone": "Asia/Shanghai",
     "trigger": {"type": "no_action", "event": "add_to_cart", "seconds": 3600,
                 "none_of": [{"event": "purchase_complete"}], "idle": true},
     "when": {"type": "cart", "of": "value", "op": ">=", "value": 10000},
     "exit": {"type": "after_trigger", "event": "purchase_complete"},
     "steps": [{"type": "send_notification", "channel": "sms", "template": "cart_remind_sms"},
               {"type": "wait", "seconds": 1800},
               {"type": "issue_coupon", "template": "cart_save_10"}],
     "limits": [{"window": {"days": 1}, "count": 1}]}

`trigger` says what makes the engine look at a user, `when` whether the user enters, `steps` what then happens, and
`exit` what ends it: judged before each action, never once for all. Whoever is under way when the campaign is edited
finishes on the version of the start, or moves on to the new one.

Times are seconds, money is integers of minor units of `currency`, moments are RFC 3339, days and clock times are those
of `zone`. What is not said has the default that stands here; a default, once released, is never changed, since
campaigns in the log rely on it.

Bounds of one field stand with the types; what takes two fields or the world to be seen is in checks.py. Nothing here
decides anything: judging.py judges conditions, program.py lays out steps, schedule.py tells times.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from actors.campaign.conditions import EVENTS_MAX, Condition, EventMatch, Seconds, Tests, Window
from actors.comparison import FieldName, Whole
from actors.points.messages import POINTS_MAX
from actors.rule_words import Amount, Id, Label, Rational
from actors.webhook.messages import EndpointName
from actors.windows.window_spec import EventName

TAGS_MAX = 32
PRIORITY_MAX = 1_000
STEPS_MAX = 64
"""Of one campaign, those within others too."""
STEP_DEPTH_MAX = 8
LIMITS_MAX = 16
LIMIT_COUNT_MAX = 366
"""One a day for a year."""
PARAMETERS_MAX = 32
PARAMETER_CHARS_MAX = 500
CODES_MAX = 16
DAYS_MAX = 366
CRON_CHARS_MAX = 128

# `$` alone lets a line break pass behind it.
ClockTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)")]
"""HH:MM on the wall. Where clocks leave it out, the first instant after; where they show it twice, the first time."""
Cron = Annotated[str, Meta(min_length=9, max_length=CRON_CHARS_MAX)]
"""Five fields: minute, hour, day of the month, month, day of the week."""
Channel = Literal["sms", "email", "push", "in_app", "webhook"]
Scope = Annotated[
    str, Meta(pattern=r"^(campaign|all|tag:[^\x00-\x1f]{1,128}|channel:(sms|email|push|in_app|webhook))$(?!\n)")
]
EffectName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]
"""Goes out as `campaign.effect.<name>`."""
Days = Annotated[int, Meta(ge=0, le=DAYS_MAX)]


class _Trigger(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class OnEvent(_Trigger, frozen=True, tag="event"):
    """Such an event: of behaviour, or a fact such as `points.earned`, `tier.upgraded`, `coupon.expiring`."""

    event: EventName
    where: Tests = ()


class NoAction(_Trigger, frozen=True, tag="no_action"):
    """Such an event, and for `seconds` after it none of `none_of`, which end it. Another such event begins the time
    anew; `idle`: so does whatever else the user does.
    """

    event: EventName
    seconds: Seconds
    where: Tests = ()
    none_of: Annotated[tuple[EventMatch, ...], Meta(max_length=EVENTS_MAX)] = ()
    idle: bool = False


class CartIdle(_Trigger, frozen=True, tag="cart_idle"):
    """A cart worth at least `min_value` that did not change for `seconds`."""

    seconds: Seconds
    min_value: Amount = 1


class Schedule(_Trigger, frozen=True, tag="schedule"):
    """At these times, for every user. `catch_up`: what becomes of occurrences that were missed."""

    cron: Cron
    catch_up: Literal["once", "skip"] = "once"


class Birthday(_Trigger, frozen=True, tag="birthday"):
    """On the user's birthday at this time; 29 February is the 28th in other years."""

    at: ClockTime = "09:00"


class Before(_Trigger, frozen=True, tag="before"):
    """`days` before the day on which it ends, at the time `at`. `tier_end`: the user's level is lost; `coupon_end`: one
    of the user's coupons is over; `membership_end`: the moment or day that the profile's fact of this name is.
    """

    what: Literal["tier_end", "coupon_end", "membership_end"]
    days: Days
    at: ClockTime = "10:00"


class AbsentFor(_Trigger, frozen=True, tag="absent_for"):
    """`days` after the day of the last such event, at the time `at`. Who never had one is not absent."""

    days: Annotated[int, Meta(ge=1, le=DAYS_MAX)]
    event: EventName = "purchase_complete"
    where: Tests = ()
    at: ClockTime = "10:00"


class OnChange(_Trigger, frozen=True, tag="change"):
    """`when` comes to hold: judged whenever something changes that it asks for, and not met again before it has ceased
    to hold. Two events that race meet it once.
    """


Trigger = OnEvent | NoAction | CartIdle | Schedule | Birthday | Before | AbsentFor | OnChange


class OnRefused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do instead when an action is refused with one of `codes` (none given: with any), `sold_out` for instance
    or `capped`; then the step after the action comes.
    """

    then: Steps
    codes: Annotated[tuple[Id, ...], Meta(max_length=CODES_MAX)] = ()


class _Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


Refused = Annotated[tuple[OnRefused, ...], Meta(max_length=CODES_MAX)]
"""The first that has the code counts. Without any the campaign goes on as if nothing had been refused."""
Parameters = Annotated[
    dict[FieldName, Annotated[str, Meta(max_length=PARAMETER_CHARS_MAX)] | Whole], Meta(max_length=PARAMETERS_MAX)
]


class SendNotification(_Step, frozen=True, tag="send_notification"):
    """`transactional`: passes quiet hours. `valid_for_s`: held (by a cap, by quiet hours) for so long at most."""

    channel: Channel
    template: Label
    parameters: Parameters = {}
    transactional: bool = False
    valid_for_s: Seconds = 86_400
    on_refused: Refused = ()


class IssueCoupon(_Step, frozen=True, tag="issue_coupon"):
    """One coupon of `template`, or of each template that bears `tag`."""

    template: Label | None = None
    tag: Label | None = None
    on_refused: Refused = ()


class GivePoints(_Step, frozen=True, tag="give_points"):
    """So many points of the main wallet, valid as the programme says."""

    points: Annotated[int, Meta(ge=1, le=POINTS_MAX)]
    reason: Label = "campaign"
    on_refused: Refused = ()


class UpgradeTier(_Step, frozen=True, tag="upgrade_tier"):
    """A floor under the user's level, `days` long (None: for ever)."""

    level: Label
    days: Annotated[int, Meta(ge=1, le=10 * DAYS_MAX)] | None = None
    on_refused: Refused = ()


class Webhook(_Step, frozen=True, tag="webhook"):
    """A call to `endpoint`, which the engine's configuration lists with its address, with `parameters` in its body. It
    is retried for a day; with `on_refused` the campaign waits for how it ends.
    """

    endpoint: EndpointName
    parameters: Parameters = {}
    on_refused: Refused = ()


class EmitEffect(_Step, frozen=True, tag="emit"):
    """Says it to the world; what it means is its hearers' matter. Cannot be refused."""

    effect: EffectName
    parameters: Parameters = {}


class Wait(_Step, frozen=True, tag="wait"):
    """So long, or until the wall shows `until` (today or tomorrow), or so long and then until. At least one."""

    seconds: Seconds | None = None
    until: ClockTime | None = None


class WaitFor(_Step, frozen=True, tag="wait_for"):
    """For such an event, `seconds` at most; `then` when it came, `else` when it did not."""

    event: EventName
    seconds: Seconds
    where: Tests = ()
    then: Steps = ()
    otherwise: Steps = msgspec.field(default=(), name="else")


class Branch(_Step, frozen=True, tag="branch"):
    """`then` where `when` holds at that moment, `else` where it does not."""

    when: Condition
    then: Steps = ()
    otherwise: Steps = msgspec.field(default=(), name="else")


class Stop(_Step, frozen=True, tag="stop"):
    """The campaign is over for this user."""


Action = SendNotification | IssueCoupon | GivePoints | UpgradeTier | Webhook | EmitEffect
Step = Action | Wait | WaitFor | Branch | Stop
Steps = Annotated[tuple[Step, ...], Meta(max_length=STEPS_MAX)]


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most `count` in the window. `campaign`: how often a user may enter this campaign; `tag:x`: campaigns with this
    tag, together; `channel:x` and `all`: how many messages a user may have had (of any campaign, or of none) when this
    campaign sends one.
    """

    count: Annotated[int, Meta(ge=1, le=LIMIT_COUNT_MAX)]
    window: Window = Window()
    scope: Scope = "campaign"


class Valid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Users enter from `begins` up to, not including, `ends`. Who is under way then finishes."""

    begins: str | None = None
    ends: str | None = None


class Campaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole campaign. `holdout_percent` of the users, always the same ones, are kept out and counted. Of messages
    that wait for the same moment, those of higher `priority` go first.
    """

    name: Label
    trigger: Trigger
    steps: Steps
    zone: Annotated[str, Meta(max_length=64)] = "UTC"
    currency: Annotated[str, Meta(max_length=3)] = "CNY"
    tags: Annotated[tuple[Label, ...], Meta(max_length=TAGS_MAX)] = ()
    priority: Annotated[int, Meta(ge=0, le=PRIORITY_MAX)] = 0
    holdout_percent: Rational = "0"
    valid: Valid = Valid()
    when: Condition | None = None
    exit: Condition | None = None
    limits: Annotated[tuple[Limit, ...], Meta(max_length=LIMITS_MAX)] = ()
    under_way: Literal["finish", "move"] = "finish"
