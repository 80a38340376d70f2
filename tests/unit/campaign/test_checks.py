"""What makes no sense is refused or told, with its place."""

from __future__ import annotations

from typing import Any

import pytest

from actors.campaign.campaign import (
    CODES_MAX,
    CRON_CHARS_MAX,
    DAYS_MAX,
    LIMIT_COUNT_MAX,
    LIMITS_MAX,
    PARAMETER_CHARS_MAX,
    PARAMETERS_MAX,
    PRIORITY_MAX,
    STEP_DEPTH_MAX,
    STEPS_MAX,
    TAGS_MAX,
)
from actors.campaign.conditions import CONDITION_DEPTH_MAX, CONDITIONS_MAX, EVENTS_MAX, SECONDS_MAX
from actors.comparison import NUMBER_MAX, VALUES_MAX
from actors.notification.messages import KEPT_MAX
from actors.windows.window_spec import FILTER_TESTS_MAX, WINDOW_DAYS_MAX, WINDOW_EVENTS_MAX
from tests.campaign_world import EVENT, SMS, STOP, checked, errors, taken, warnings, words

COUPON = {"type": "issue_coupon", "template": "t"}
WAIT = {"type": "wait", "seconds": 60}
CHANGE = {"type": "change"}


def points(op: str, value: Any) -> dict[str, Any]:
    return {"type": "points", "op": op, "value": value}


def count(op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "count", "event": "x", "op": op, "value": value} | more


def days(value: int, **within: Any) -> dict[str, Any]:
    return {"type": "days", "event": "sign_in", "op": ">=", "value": value, "within": within}


def every(*of: Any) -> dict[str, Any]:
    return {"type": "all", "of": list(of)}


def field(op: str, value: Any) -> dict[str, Any]:
    return {"field": "view_s", "op": op, "value": value}


def shop_event(where: Any) -> dict[str, Any]:
    return EVENT | {"where": where}


@pytest.mark.parametrize(
    ("campaign", "place", "code"),
    [
        (words(zone="Mars/Olympus"), "zone", "unknown_zone"),
        (words(currency="XYZ"), "currency", "unknown_currency"),
        (words(name="a\nb"), "name", "control_characters"),
        (words(tags=["a\tb"]), "tags[0]", "control_characters"),
        (words(holdout_percent="100"), "holdout_percent", "out_of_range"),
        (words(valid={"begins": "2025-01-01"}), "valid.begins", "not_rfc3339"),
        (words(valid={"ends": "3000-01-01T00:00:00Z"}), "valid.ends", "out_of_range"),
        (
            words(valid={"begins": "2025-01-01T00:00:00Z", "ends": "2025-01-01T01:00:00+01:00"}),
            "valid.ends",
            "never_holds",
        ),
        (words(trigger=CHANGE), "when", "missing"),
        (words(trigger={"type": "schedule", "cron": "0 25 * * *"}), "trigger.cron", "bad_cron"),
        (words(trigger={"type": "schedule", "cron": "0 0 0 * * *"}), "trigger.cron", "bad_cron"),
        (words(trigger={"type": "schedule", "cron": "0 0 */31 2 mon#5"}), "trigger.cron", "never_fires"),
        (
            words(
                trigger={"type": "schedule", "cron": "0 0 29 2 *"},
                valid={"begins": "2025-01-01T00:00:00Z", "ends": "2028-02-29T00:00:00Z"},
            ),
            "trigger.cron",
            "never_fires",
        ),
        (words(trigger=shop_event([field(">", "a"), field("<", 3)])), "trigger.where[1]", "never_holds"),
        (words(trigger=shop_event([field("in", 3)])), "trigger.where[0].value", "wrong_type"),
        (words(trigger=shop_event([field("=", [3])])), "trigger.where[0].value", "wrong_type"),
        (words(trigger=shop_event([field("<", True)])), "trigger.where[0].value", "wrong_type"),
        (
            words(
                trigger={
                    "type": "no_action",
                    "event": "x",
                    "seconds": 1,
                    "none_of": [{"event": "y", "where": [field("in", 3)]}],
                }
            ),
            "trigger.none_of[0].where[0].value",
            "wrong_type",
        ),
        (words(when=points("in", 3)), "when.value", "wrong_type"),
        (words(when=points("=", [3])), "when.value", "wrong_type"),
        (words(when=points("<", 0)), "when.value", "never_holds"),
        (words(when=count("=", -1)), "when.value", "never_holds"),
        (words(when=days(31, days=30)), "when.value", "never_holds"),
        (words(when=days(8, calendar="week")), "when.value", "never_holds"),
        (words(when=days(2, seconds=86_400)), "when.within.seconds", "no_meaning"),
        (words(when=count(">", 1, within={"days": 1, "calendar": "day"})), "when.within.calendar", "exclusive"),
        (words(when=count(">", WINDOW_EVENTS_MAX + 1, within={"seconds": 60})), "when.value", "window_events_max"),
        (words(when=every(points(">", 9), points("<", 5))), "when.of[1]", "never_holds"),
        (words(when=every(points(">", 9), every(points("<", 5)))), "when.of[1].of[0]", "never_holds"),
        (words(exit=every(points(">", 5), points("!=", 3), points("<", 6))), "exit.of[2]", "never_holds"),
        (words(when={"type": "clock"}), "when.weekdays", "missing"),
        (words(when={"type": "clock", "hours": [5, 5]}), "when.hours", "never_holds"),
        (words(when={"type": "cart_has"}), "when.products", "missing"),
        (
            words(limits=[{"scope": "all", "window": {"days": 1}, "count": KEPT_MAX + 1}]),
            "limits[0].count",
            "out_of_range",
        ),
        (
            words(when={"type": "did", "event": "x", "but_not": [{"event": "y", "where": [field("in", 1)]}]}),
            "when.but_not[0].where[0].value",
            "wrong_type",
        ),
        (
            words(trigger=CHANGE, when={"type": "event", "field": "a", "op": "=", "value": 1}),
            "when",
            "no_meaning",
        ),
        (words(steps=[]), "steps", "missing"),
        (words(steps=[SMS, STOP, SMS]), "steps[2]", "never_reached"),
        (words(steps=[{"type": "wait"}]), "steps[0].seconds", "missing"),
        (words(steps=[{"type": "branch", "when": points(">", 5)}]), "steps[0].then", "missing"),
        (
            words(steps=[{"type": "branch", "when": points("<", 0), "then": [SMS]}]),
            "steps[0].when.value",
            "never_holds",
        ),
        (
            words(steps=[COUPON | {"on_refused": [{"then": [STOP, SMS]}]}]),
            "steps[0].on_refused[0].then[1]",
            "never_reached",
        ),
        (words(steps=[{"type": "issue_coupon"}]), "steps[0].template", "exclusive"),
        (words(steps=[COUPON | {"tag": "x"}]), "steps[0].template", "exclusive"),
        (words(steps=[COUPON | {"template": "a\nb"}]), "steps[0].template", "control_characters"),
        (words(limits=[{"count": 1, "scope": "tag:x"}]), "limits[0].scope", "no_meaning"),
        (words(limits=[{"count": 1, "scope": "channel:push"}]), "limits[0].scope", "no_meaning"),
        (words(limits=[{"count": 1, "window": {"seconds": 5, "days": 1}}]), "limits[0].window.days", "exclusive"),
        (words(steps=[{"type": "send"}]), "steps[0].type", "unknown_value"),
        (words(trigger={"type": "event"}), "trigger.event", "missing"),
        (words(limits=[{"count": 1, "scope": "channel:fax"}]), "limits[0].scope", "out_of_range"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(campaign: Any, place: str, code: str) -> None:
    found = errors(campaign)
    assert {place: code} == {where: refusal.code for where, refusal in found.items()}
    assert place in found[place].message


def test_all_errors_are_told_at_once() -> None:
    campaign = words(zone="Mars/Olympus", steps=[{"type": "wait"}, COUPON | {"tag": "x"}], when=points("<", 0))
    assert list(errors(campaign)) == ["zone", "when.value", "steps[0].seconds", "steps[1].template"]


@pytest.mark.parametrize(
    ("campaign", "place", "code"),
    [
        (words(limits=[{"count": 3, "window": {"days": 1}}, {"count": 1}]), "limits[0]", "dead_limit"),
        (words(when=points(">=", 0)), "when", "always_holds"),
        (words(when=every(points(">", 0), days(0, days=30))), "when.of[1]", "always_holds"),
        (
            words(trigger=CHANGE, when={"type": "since", "event": "x", "op": ">=", "seconds": 5}),
            "when",
            "unheard",
        ),
        (
            words(trigger=CHANGE, when=every(points(">", 5), {"type": "clock", "hours": [9, 12]})),
            "when.of[1]",
            "unheard",
        ),
        (words(trigger=CHANGE, when=count("<", 1, within={"days": 30})), "when", "unheard"),
        (words(steps=[SMS, WAIT, COUPON]), "exit", "no_exit"),
        (words(steps=[{"type": "wait_for", "event": "x", "seconds": 5}, COUPON]), "exit", "no_exit"),
        (words(trigger={"type": "cart_idle", "seconds": 60, "min_value": 0}), "trigger.min_value", "empty_cart"),
    ],
)
def test_what_does_no_harm_is_taken_and_told(campaign: Any, place: str, code: str) -> None:
    assert {place: code} == {where: warning.code for where, warning in warnings(campaign).items()}


@pytest.mark.parametrize(
    "campaign",
    [
        words(),
        words(when=days(7, days=7)),
        words(steps=[SMS, WAIT]),
        words(steps=[SMS, WAIT, COUPON], exit={"type": "after_trigger", "event": "purchase_complete"}),
        words(when={"type": "any", "of": [points(">", 9), points("<", 5)]}),
        words(when=every(points(">", 5), count(">", 3), count("<", 3, within={"days": 1}))),
        words(trigger=shop_event([field(">=", 30), {"field": "flagged", "op": "=", "value": False}])),
        words(trigger={"type": "schedule", "cron": "0 10 * * *", "catch_up": "skip"}, zone="Asia/Shanghai"),
        words(trigger=CHANGE, when={"type": "since", "event": "x", "op": "<", "seconds": 5}),
        words(trigger=CHANGE, when=count("<", 3)),
        words(trigger=CHANGE, when=count(">", 3, within={"days": 30})),
        words(limits=[{"count": 1, "scope": "tag:茶"}], tags=["茶"]),
        words(steps=[{"type": "webhook", "endpoint": "crm", "parameters": {"why": "cart", "n": 1}}]),
        words(trigger=EVENT | {"event": "试穿"}),
    ],
)
def test_what_makes_sense_is_taken_without_a_word(campaign: Any) -> None:
    assert warnings(campaign) == {}


def steps_of(n: int) -> Any:
    return words(steps=[COUPON | {"on_refused": [{"then": [SMS] * (n // 2)}]}, *[SMS] * (n - n // 2 - 1)])


def nested(depth: int) -> Any:
    step: Any = SMS
    for _ in range(depth - 1):
        step = {"type": "branch", "when": points(">", 5), "then": [step]}
    return words(steps=[step])


def negated(depth: int) -> Any:
    condition = points(">", 5)
    for _ in range(depth - 1):
        condition = {"type": "not", "of": condition}
    return words(when=condition)


def conditions_of(n: int) -> Any:
    return words(when=every(*[points(">", 5)] * (n // 2)), exit=every(*[points(">", 5)] * (n - n // 2)))


@pytest.mark.parametrize(
    ("most", "make"),
    [
        (STEPS_MAX, steps_of),
        (STEP_DEPTH_MAX, nested),
        (CONDITION_DEPTH_MAX, negated),
        (CONDITIONS_MAX, conditions_of),
        (TAGS_MAX, lambda n: words(tags=[str(i) for i in range(n)])),
        (PRIORITY_MAX, lambda n: words(priority=n)),
        (LIMITS_MAX, lambda n: words(limits=[{"count": 1}] * n)),
        (LIMIT_COUNT_MAX, lambda n: words(limits=[{"count": n}])),
        (PARAMETERS_MAX, lambda n: words(steps=[SMS | {"parameters": {str(i): i for i in range(n)}}])),
        (DAYS_MAX, lambda n: words(trigger={"type": "before", "what": "tier_end", "days": n})),
        (SECONDS_MAX, lambda n: words(steps=[{"type": "wait", "seconds": n}])),
        (WINDOW_DAYS_MAX, lambda n: words(when=count(">", 1, within={"days": n}))),
        (WINDOW_EVENTS_MAX, lambda n: words(when=count(">", n, within={"seconds": 60}))),
        (
            FILTER_TESTS_MAX,
            lambda n: words(trigger=shop_event([{"field": f"f{i}", "op": "=", "value": 1} for i in range(n)])),
        ),
        (VALUES_MAX, lambda n: words(trigger=shop_event([field("in", list(range(n)))]))),
        (VALUES_MAX, lambda n: words(when=points("in", list(range(n))))),
        (EVENTS_MAX, lambda n: words(when={"type": "did", "event": "x", "but_not": [{"event": "y"}] * n})),
        (CODES_MAX, lambda n: words(steps=[COUPON | {"on_refused": [{"then": []}] * n}])),
        (CODES_MAX, lambda n: words(steps=[COUPON | {"on_refused": [{"then": [], "codes": ["a"] * n}]}])),
        (PARAMETER_CHARS_MAX, lambda n: words(steps=[SMS | {"parameters": {"a": "a" * n}}])),
        (CRON_CHARS_MAX, lambda n: words(trigger={"type": "schedule", "cron": "0 10 * * *".ljust(n)})),
        (NUMBER_MAX, lambda n: words(when=points("<", n))),
    ],
)
def test_of_everything_the_largest_is_taken_and_one_more_refused_with_the_limit(most: int, make: Any) -> None:
    taken(make(most))
    assert any(str(most) in error.message for error in checked(make(most + 1)).problems.errors)
