"""What a shop has decided about all its messages: how many, when, and to whom without being asked.

Nothing is limited, quiet or denied unless it is written here, so an engine without a policy sends what it is told to.
The words in which an operator writes it are short, since they stand on a line of the settings: `all 3 per day;
channel:sms 1 per 24h`, `sms=deny`, `22-8`.

A calendar window is one of the user's own zone, so that "3 a day" is his day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from actors.calendar import DAY_MS, HOUR_MS
from actors.notification.consent import Default
from actors.notification.messages import EVERYTHING, USER_ZONE
from actors.rule_words import Hours, hours_of
from actors.windows.slots import Limit
from actors.windows.window_spec import Calendar, Rolling, WindowSpec

_CHANNELS = "sms|email|push|in_app|webhook"
_COUNT = "[1-9][0-9]?|[12][0-9][0-9]|3[0-5][0-9]|36[0-6]"
"""To slots.COUNT_MAX."""
_LIMIT = rf"(?:all|channel:(?:{_CHANNELS})) (?:{_COUNT}) per (?:day|week|month|quarter|year|[1-9][0-9]{{0,3}}[smhd])"
LIMITS = rf"^({_LIMIT}(?:; ?{_LIMIT})*)?$(?!\n)"
CONSENT = rf"^(?:(?:allow|deny)|(?:{_CHANNELS})=(?:allow|deny)(?:, ?(?:{_CHANNELS})=(?:allow|deny))*)$(?!\n)"
QUIET = r"^((?:1?[0-9]|2[0-3])-(?:1?[0-9]|2[0-4]))?$(?!\n)"
"""What the settings' texts look like, for who checks them before `parse` reads them."""

VALID_FOR_S = 3 * 24 * 3600
"""How long a message may be held, unless it says itself or another time is configured."""
HOURS_OF_A_DAY = 24
_UNITS_MS: Mapping[str, int] = {"s": 1_000, "m": 60_000, "h": HOUR_MS, "d": DAY_MS}


class ScopeLimit(msgspec.Struct, frozen=True):
    """No more than `count`, 1 to slots.COUNT_MAX, within `window`; scopes are those of MessageLimit."""

    scope: str
    window: WindowSpec
    count: int


class Policy(msgspec.Struct, frozen=True):
    """`zone` is that of users who have told none. `quiet` in the user's zone. `consent`: by channel; what is not named
    allows. `preferred_hours`: whether users' own are kept to.
    """

    zone: str = "UTC"
    consent: Mapping[str, Default] = {}
    quiet: Hours | None = None
    limits: tuple[ScopeLimit, ...] = ()
    preferred_hours: bool = False
    valid_for_s: int = VALID_FOR_S

    @property
    def lets_all_go(self) -> bool:
        """Whether it says nothing."""
        return not (self.consent or self.quiet or self.limits or self.preferred_hours)


def parse(
    zone: str, consent: str, quiet: str, limits: str, preferred_hours: bool = False, valid_for_s: int = VALID_FOR_S
) -> Policy:
    """A policy as the settings write it, in the forms of CONSENT, QUIET and LIMITS. Raises ValueError where no hour is
    left.
    """
    hours = _hours(quiet)
    if len(hours_of(hours)) == HOURS_OF_A_DAY:
        raise ValueError(f"quiet_hours must be less than the whole day, not {quiet}")
    parsed = tuple(_limit(one.strip()) for one in limits.split(";") if one.strip())
    return Policy(zone, _defaults(consent), hours, parsed, preferred_hours, valid_for_s)


def in_zone(limits: Sequence[Limit], zone: str) -> list[Limit]:
    """The same, where they are of the user's zone of `zone`."""
    return [
        ScopeLimit(limit.scope, msgspec.structs.replace(limit.window, zone=zone), limit.count)
        if getattr(limit.window, "zone", "") == USER_ZONE
        else limit
        for limit in limits
    ]


def scopes_of(channel: str) -> tuple[str, str]:
    """What a message on `channel` counts in."""
    return EVERYTHING, f"channel:{channel}"


def _defaults(text: str) -> Mapping[str, Default]:
    """`deny` is of every channel."""
    if text == "allow":
        return {}
    named = text if "=" in text else ",".join(f"{channel}={text}" for channel in _CHANNELS.split("|"))
    pairs = [one.strip().split("=") for one in named.split(",")]
    return {channel: "deny" for channel, word in pairs if word == "deny"}


def _hours(text: str) -> Hours | None:
    if not text:
        return None
    begin, end = map(int, text.split("-"))
    return begin, end


def _limit(text: str) -> ScopeLimit:
    scope, count, _, per = text.split(" ")
    rolling = re.fullmatch(r"([0-9]+)([smhd])", per)
    if rolling:
        return ScopeLimit(scope, Rolling(int(rolling[1]) * _UNITS_MS[rolling[2]]), int(count))
    return ScopeLimit(
        scope, msgspec.convert({"type": "calendar", "unit": per, "zone": USER_ZONE}, Calendar), int(count)
    )
