"""The campaigns that a world's marketing has, and what its operators do with each while the world runs.

A few families with parameters, so that the reference model can tell them again in plain words: an event of which there
were so many; nothing after something was put into the cart, a reminder, and a coupon if that did not help; a time of
day for everybody; somebody who is waited for. Small numbers, so that a hundred inputs reach limits and windows, and
zones whose days end, or whose clocks change, while the world lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

ZONES = ("UTC", *("Asia/Shanghai",) * 3, "Pacific/Auckland")
"""Worlds begin on 21 September, two hours before midnight in the second; in the last one clocks go forward on the 27th,
from 02:00 to 03:00.
"""
GAP = ("Pacific/Auckland", "30 2 * * *")
"""A zone and a time that it leaves out once,"""
GAP_DAYS = 4
"""in worlds that last longer."""
CRONS = ("*/20 * * * *", "*/7 * * * *", "0 0 * * *", "14 14 * * *", "30 22 * * *")
"""Often, at midnight, a moment after worlds begin, a while after."""
EVENTS = ("add_to_cart", "product_view", "purchase_complete", "order_cancelled")
DAYS: tuple[dict[str, Any], ...] = ({"days": 1}, {"calendar": "day"})
WINDOWS: tuple[dict[str, Any], ...] = (
    {"seconds": 60}, {"seconds": 3_600}, {"days": 2}, {"calendar": "week"}, {}, *DAYS, *DAYS,
)  # fmt: skip
CLOCKS = ("00:00", "02:30", "14:20", "22:30")
"""Of a user's own moments: the second is left out once in a zone, the last are soon after worlds begin."""
WAITS = (1, 30, 1_500, 5_000)
"""Seconds: within a round, across a pause, across two."""
TAG = "spring"
CHANGES_MAX = 4
Word = tuple[str, dict[str, Any]]
"""put, activate, pause or archive; what is put, else nothing."""


def campaigns(rng: Random, number: int, days: int, young: int = 0) -> dict[str, list[Word]]:
    """Each with what is done with it, in order; they are put and activated first. `days`: how long the world lasts.
    `young`: how many look at carts, or at moments of each user's own.
    """
    families = rng.sample((_counted, _counted, _idle, _idle, _scheduled, _awaited, _awaited), number)
    families[:young] = rng.sample(YOUNG, young)
    if number and days > GAP_DAYS and _scheduled not in families:
        families[-1] = _scheduled
    return {f"c{n}": _words(rng, f"c{n}", family, days > GAP_DAYS) for n, family in enumerate(families)}


def _words(rng: Random, id: str, family: Callable[[Random], dict[str, Any]], gap: bool) -> list[Word]:
    campaign: dict[str, Any] = {"name": id, "zone": rng.choice(ZONES)} | family(rng)
    if gap and campaign["trigger"]["type"] == "schedule":
        campaign["zone"], campaign["trigger"]["cron"] = GAP
    campaign |= {"holdout_percent": "30"} if rng.random() < 0.25 else {}
    campaign |= {"under_way": "move"} if rng.random() < 0.5 else {}
    campaign |= {"tags": [TAG]} if rng.random() < 0.5 else {}
    if limits := _limits(rng, "tags" in campaign):
        campaign["limits"] = limits
    words: list[Word] = [("put", campaign), ("activate", {})]
    status = "active"
    stays = gap and campaign["trigger"]["type"] == "schedule"
    for _ in range(rng.choice((1, 2, CHANGES_MAX, CHANGES_MAX))):
        word = (
            "put"
            if stays
            else rng.choice(("put", "put", "put", "pause", "archive") if status == "active" else ("activate", "put"))
        )
        campaign = _edited(rng, campaign) if word == "put" else campaign
        words.append((word, campaign if word == "put" else {}))
        status = {"put": status, "pause": "paused", "activate": "active"}.get(word, "archived")
        if word == "archive":
            break
    return words


# Families.


def _counted(rng: Random) -> dict[str, Any]:
    """So many of an event, in some stretch of time."""
    event = rng.choice(EVENTS)
    steps = [_action(rng) for _ in range(rng.randint(1, 2))]
    when = _count(rng, event, (1, 1, 2, 3))
    if rng.random() < 0.4:
        return {"trigger": {"type": "event", "event": event}, "when": when, "steps": steps}
    steps[1:1] = [{"type": "wait", "seconds": rng.choice(WAITS)}]
    exits = {"type": "after_trigger", "event": rng.choice(("purchase_complete", event))}
    return {"trigger": {"type": "event", "event": event}, "when": when, "exit": exits, "steps": [*steps, _action(rng)]}


def _idle(rng: Random) -> dict[str, Any]:
    """A reminder, and a coupon later unless it was bought."""
    trigger: dict[str, Any] = {"type": "no_action", "event": "add_to_cart", "seconds": rng.choice(WAITS)}
    trigger["none_of"] = [{"event": "purchase_complete"}]
    if rng.random() < 0.5:
        trigger["idle"] = True
    steps = [_message(rng), {"type": "wait", "seconds": rng.choice(WAITS)}, _coupon(rng)]
    return {"trigger": trigger, "exit": {"type": "after_trigger", "event": "purchase_complete"}, "steps": steps}


def _scheduled(rng: Random) -> dict[str, Any]:
    """At a time, for everybody of whom something is known."""
    trigger = {"type": "schedule", "cron": rng.choice(CRONS), "catch_up": rng.choice(("once", "once", "skip"))}
    found: dict[str, Any] = {"trigger": trigger, "steps": [_action(rng)]}
    if rng.random() < 0.6:
        found["when"] = _count(rng, rng.choice(EVENTS), (1, 2))
    if rng.random() < 0.3:
        found["steps"] += [{"type": "wait", "seconds": rng.choice(WAITS)}, _action(rng)]
    return found


def _awaited(rng: Random) -> dict[str, Any]:
    """Wait for something, do one thing when it comes and another when it does not."""
    wait = {"type": "wait_for", "event": rng.choice(("purchase_complete", "sign_in")), "seconds": rng.choice(WAITS)}
    wait |= {"then": [_action(rng)], "else": [_action(rng), {"type": "stop"}] if rng.random() < 0.5 else []}
    steps = [wait, _action(rng)]
    if rng.random() < 0.5:
        branch = {"type": "branch", "when": _count(rng, "purchase_complete", (1, 2))}
        steps.insert(rng.randrange(2), branch | {"then": [_action(rng)], "else": [_action(rng)]})
    return {"trigger": {"type": "event", "event": rng.choice(EVENTS)}, "steps": steps}


def _left_alone(rng: Random) -> dict[str, Any]:
    """A reminder of a cart, and a coupon later unless it was bought."""
    trigger = {"type": "cart_idle", "seconds": rng.choice(WAITS), "min_value": rng.choice((1, 1, 1, 30_000))}
    steps = [_message(rng), {"type": "wait", "seconds": rng.choice(WAITS)}, _coupon(rng)]
    return {"trigger": trigger, "exit": {"type": "after_trigger", "event": "purchase_complete"}, "steps": steps}


def _birthday(rng: Random) -> dict[str, Any]:
    return {"trigger": {"type": "birthday", "at": rng.choice(CLOCKS)}, "steps": [_action(rng)]}


def _away(rng: Random) -> dict[str, Any]:
    """For who did not do it again for a day or two."""
    trigger = {"type": "absent_for", "event": rng.choice(EVENTS), "days": rng.choice((1, 1, 2))}
    steps = [_action(rng) for _ in range(rng.randint(1, 2))]
    return {"trigger": trigger | {"at": rng.choice(CLOCKS)}, "steps": steps}


def _holds(rng: Random) -> dict[str, Any]:
    """Once a condition comes to hold: so many of an event, or a cart of some worth."""
    when = _count(rng, rng.choice(EVENTS), (1, 2, 3))
    if rng.random() < 0.5:
        when = {"type": "cart", "of": "value", "op": ">=", "value": rng.choice((1, 30_000, 60_000))}
    return {"trigger": {"type": "change"}, "when": when, "steps": [_action(rng)]}


YOUNG = (*(_left_alone, _birthday, _away, _holds) * 2, _birthday)

# Parts.


def _count(rng: Random, event: str, values: tuple[int, ...]) -> dict[str, Any]:
    count: dict[str, Any] = {"type": "count", "event": event, "op": ">=", "value": rng.choice(values)}
    if window := rng.choice((*WINDOWS, *DAYS * 3)):
        count["within"] = window
    if rng.random() < 0.7:
        return count
    kind = rng.choice(("all", "any", "not"))
    other = {"type": "count", "event": rng.choice(EVENTS), "op": "<", "value": 5, "within": rng.choice(WINDOWS)}
    return {"type": "not", "of": other | {"op": ">"}} if kind == "not" else {"type": kind, "of": [count, other]}


def _action(rng: Random) -> dict[str, Any]:
    return rng.choice((_message, _coupon, _points, _effect))(rng)


def _message(rng: Random) -> dict[str, Any]:
    return {"type": "send_notification", "channel": rng.choice(("sms", "push")), "template": "remind"}


def _coupon(rng: Random) -> dict[str, Any]:
    return {"type": "issue_coupon", "template": rng.choice(("save", "more"))}


def _points(rng: Random) -> dict[str, Any]:
    return {"type": "give_points", "points": rng.randint(1, 9)}


def _effect(rng: Random) -> dict[str, Any]:
    return {"type": "emit", "effect": rng.choice(("popup", "badge"))}


def _limits(rng: Random, tagged: bool) -> list[dict[str, Any]]:
    limits: list[dict[str, Any]] = []
    if rng.random() < 0.6:
        limits.append({"count": rng.choice((1, 1, 2, 3)), "window": rng.choice(WINDOWS)})
    if tagged and rng.random() < 0.6:
        limits.append({"count": rng.randint(1, 4), "window": rng.choice(WINDOWS), "scope": f"tag:{TAG}"})
    return limits


def _edited(rng: Random, campaign: dict[str, Any]) -> dict[str, Any]:
    """Another version: more is done at the end, or less, or something else."""
    steps = list(campaign["steps"])
    if len(steps) > 1 and rng.random() < 0.3:
        steps.pop(rng.randrange(len(steps)))
        if all(step["type"] in ("wait", "stop") for step in steps):
            steps.append(_action(rng))
    else:
        at = rng.choice((0, len(steps)))
        steps[at:at] = [_action(rng) for _ in range(rng.randint(1, 4))]
    return campaign | {"steps": steps}
