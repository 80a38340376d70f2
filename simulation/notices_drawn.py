"""What a world's shop decides about its messages, how campaigns ask for them, and what users say of them.

Small numbers, and hours around the one in which worlds begin (14:13 in UTC, 22:13 in Shanghai, 02:13 in Auckland), so
that a hundred inputs meet each limit, wait over a pause and go, or end before they may.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Literal

import msgspec

from simulation.browsing import TIMES
from simulation.campaigns_drawn import WAITS, WINDOWS, Word

CONSENT_CHANGED = b'{"event_type":"consent_changed"'
"""How such a message begins here."""
CONSENTS = ("marketing.behavior.events", "behavior.consent.changed")
"""Front door and key."""
DELIVERY_REPORT = b'{"event_type":"delivery_report"'
REPORTS = ("marketing.behavior.events", "behavior.delivery.report")
STATUSES = ("delivered", "failed", "bounced", "opened", "clicked", "unsubscribed", "complained")
"""What may be reported of a message."""
BEGIN_HOUR = {"UTC": 14, "Asia/Shanghai": 22, "Pacific/Auckland": 2}
"""What the clocks of users' zones show when worlds begin."""
CHANNELS = ("sms", "sms", "push")
PREFERRED = (14, 15, 15, 16, 18, 22, 23, 0, 2, 3, 4)
LANGUAGES = ("en", "en", "en-GB", "zh-Hans", "fr", None)
LIMITS = (
    "all 1 per day", "all 2 per day", "all 3 per day", "channel:sms 1 per day", "channel:push 1 per day",
    "all 3 per week", "all 1 per 30m", "all 2 per 1h", "channel:sms 1 per 45m", "channel:push 1 per 20m",
)  # fmt: skip
VALID_S = (600, 6_000, 30_000, 86_400, 86_400, 200_000, 200_000)
"""How long a message may wait: not over a pause, over one, over some, over a day."""
UNKNOWN_SHARE = 0.1
"""Of steps: they name a template that there is not."""
SAID_INSTEAD = {"emit": 0.8, "issue_coupon": 0.8, "give_points": 0.5}
"""Of other actions, those that become messages."""


STOPS_SHARE = 0.9
GO_SHARE = 0.8
Press = tuple[Literal["stop", "go"], dict[str, Any]]
"""A button, and what it is pressed for."""


class PolicyWords(msgspec.Struct, frozen=True):
    """As the settings say it."""

    zone: str = "UTC"
    consent: str = "allow"
    quiet: str = ""
    limits: str = ""
    preferred_hours: bool = False
    valid_for_s: int = 259_200


def policy(rng: Random) -> PolicyWords:
    """Of one world."""
    zone = rng.choice(("UTC", "Asia/Shanghai", "Asia/Shanghai", "Pacific/Auckland"))
    begin = BEGIN_HOUR[zone]
    return PolicyWords(
        zone,
        rng.choice((*("allow",) * 6, "push=deny", "sms=deny", "deny")),
        f"{begin}-{(begin + rng.choice((1, 2, 2, 10))) % 24}" if rng.random() < 0.6 else "",
        "; ".join(rng.sample(LIMITS, rng.choice((0, 1, 1, 2, 2, 2, 3)))),
        rng.random() < 0.6,
        rng.choice(VALID_S),
    )


def message(rng: Random, user: int) -> bytes:
    """What a user agrees to, or where he lives, what he speaks and when he likes to hear of us."""
    if rng.random() < 0.4:
        return _profile(rng, user)
    consent = "withdrawn" if rng.random() < 0.45 else "granted"
    told: dict[str, Any] = {"user_id": f"u{user}", "channel": rng.choice(CHANNELS), "consent": consent}
    if rng.random() < 0.3:
        told["category"] = rng.choice(("points", "news"))
    if rng.random() < 0.3:
        told["timestamp"] = rng.choice(TIMES)
    return msgspec.json.encode({"event_type": "consent_changed", **told})


def _profile(rng: Random, user: int) -> bytes:
    changes: dict[str, Any] = {"zone": rng.choice(list(BEGIN_HOUR))} if rng.random() < 0.7 else {}
    if not changes or rng.random() < 0.5:
        changes["preferred_hour"] = rng.choice(PREFERRED)
    if rng.random() < 0.4:
        changes["locale"] = rng.choice(LANGUAGES)
    return msgspec.json.encode(
        {"event_type": "user_profile_update", "user_id": f"u{user}", "profile_changes": changes}
        | {"update_timestamp": "2026-09-21T12:00:00Z"}
    )


def presses(rng: Random, campaigns: int) -> list[Press]:
    """Buttons in the order in which they are pressed: one scope is stopped, mostly let go, then perhaps another; or two
    overlap.
    """
    if rng.random() >= STOPS_SHARE:
        return []
    scopes: list[dict[str, Any]] = [{"channel": "sms"}, {"channel": "sms"}, {"channel": "push"}]
    scopes += [{"all": True}, {"all": True}, *({"campaign": f"c{rng.randrange(campaigns)}"} for _ in range(2))]
    one, other = rng.sample(scopes, 2)
    goes = rng.random() < GO_SHARE
    words: list[Press] = [("stop", one), *([("go", one)] if goes else [])]
    if rng.random() < 0.5:
        at = rng.randrange(len(words) + 1)
        words[at:at] = [("stop", other)]
        words.append(("go", other))
    return words


def with_messages(rng: Random, words: dict[str, list[Word]]) -> None:
    """Let campaigns say more, each message with what it may have; in place, since versions share their steps."""
    seen: set[int] = set()
    for said in words.values():
        more, waits = _more(rng), _waits(rng)
        for _, campaign in said:
            if not campaign:
                continue
            steps: list[dict[str, Any]] = campaign["steps"]
            campaign |= {**more, "limits": [*campaign.get("limits", ()), *more["limits"]]}
            campaign["steps"] = [*steps[:1], *waits, *steps[1:]] if len(steps) > 1 else [*waits, *steps]
            for step in _steps(campaign["steps"]):
                if id(step) not in seen:
                    seen.add(id(step))
                    _told(rng, step)


def _more(rng: Random) -> dict[str, Any]:
    """What all versions of a campaign have besides; of limits one of entries, and one of all messages to a user."""
    limits: list[dict[str, Any]] = [{"count": rng.randint(1, 3), "window": rng.choice(WINDOWS)}]
    limits = limits if rng.random() < 0.5 else []
    if rng.random() < 0.3:
        limits.append({"scope": "all", "count": rng.randint(1, 3), "window": rng.choice(WINDOWS)})
    more: dict[str, Any] = {"priority": rng.randint(0, 3), "limits": limits}
    more |= {"holdout_percent": "30"} if rng.random() < 0.15 else {}
    return more | ({"under_way": "finish"} if rng.random() < 0.4 else {})


def _waits(rng: Random) -> list[dict[str, Any]]:
    """A step over which somebody is under way when something is stopped."""
    return [{"type": "wait", "seconds": rng.choice(WAITS)}] if rng.random() < 0.3 else []


def _steps(steps: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        for way in ("then", "else"):
            yield from _steps(step.get(way, ()))


def _told(rng: Random, step: dict[str, Any]) -> None:
    if rng.random() < SAID_INSTEAD.get(step["type"], 0):
        step.clear()
        step |= {"type": "send_notification", "channel": rng.choice(CHANNELS), "template": "remind"}
    if step["type"] != "send_notification":
        return
    if rng.random() < UNKNOWN_SHARE:
        step["template"] = "unheard_of"
    if rng.random() < 0.2:
        step["transactional"] = True
    if rng.random() < 0.8:
        step["valid_for_s"] = rng.choice(VALID_S)
