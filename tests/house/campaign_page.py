"""What docs/campaigns.md says of the rule language, made from the types that decide it.

`python -m tests.house.campaign_page` writes it between the page's marks; a test holds the page to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import msgspec
from msgspec import inspect

from actors import comparison
from actors.calendar import DAY_MS
from actors.campaign import (
    campaign,
    compiled,
    conditions,
    delayed_check,
    directory,
    heard,
    knowledge,
    listing,
    running,
    schedule,
    seed_form,
    state,
    totals,
)
from actors.campaign.review import review
from actors.delay import waiting
from actors.notification import held
from actors.notification import messages as notification
from actors.stops import stops
from actors.webhook import messages as webhook
from actors.windows import window_spec
from tests.house.coupon_page import default, said, table, tag, text, type_of
from tests.house.ours import root

PATH = root / "docs" / "campaigns.md"
BEGIN = "<!-- made by python -m tests.house.campaign_page: {} -->\n"
_MADE = re.compile(r"(<!-- made by python -m tests\.house\.campaign_page: (\w+) -->\n).*?(?=<!-- end -->\n)", re.DOTALL)

LIMITS: Sequence[tuple[str, int, str]] = (
    ("a campaign's id", listing.CAMPAIGN_ID_BYTES_MAX, "bytes"),
    ("a campaign's JSON", compiled.BYTES_MAX, "bytes"),
    ("all campaigns of a store", directory.BYTES_MAX, "bytes"),
    ("versions that users may be under way on, the newest", directory.VERSIONS_MAX, "versions"),
    ("steps, those within others too", campaign.STEPS_MAX, "steps"),
    ("steps within steps", campaign.STEP_DEPTH_MAX, "deep"),
    ("conditions of a campaign, all, any and not left out", conditions.CONDITIONS_MAX, "conditions"),
    ("conditions within conditions", conditions.CONDITION_DEPTH_MAX, "deep"),
    ("values of an `in`", comparison.VALUES_MAX, "values"),
    ("tests of one `where`", window_spec.FILTER_TESTS_MAX, "tests"),
    ("a window of `days` or `seconds`", window_spec.WINDOW_DAYS_MAX, "days"),
    ("events that one counter tells apart", window_spec.WINDOW_EVENTS_MAX, "events"),
    ("counters of a user, of all campaigns", state.COUNTERS_MAX, "counters"),
    ("limits", campaign.LIMITS_MAX, "limits"),
    ("what a limit of entries counts", campaign.LIMIT_COUNT_MAX, "entries"),
    ("what a limit of messages counts", notification.KEPT_MAX, "messages"),
    ("tags", campaign.TAGS_MAX, "tags"),
    ("templates that an `issue_coupon` with `tag` issues, the first by name", directory.TAGGED_MAX, "templates"),
    ("parameters of a message or effect", campaign.PARAMETERS_MAX, "parameters"),
    ("one of them", campaign.PARAMETER_CHARS_MAX, "characters"),
    ("an action's answer is waited for, beyond the time that it may take", running.ANSWER_MS // 1_000, "s"),
    ("a webhook is tried again for", webhook.CALLED_MS // 1_000, "s"),
    ("an occurrence of a schedule is on time when no later than", schedule.ON_TIME_MS // 1_000, "s"),
    (
        "facts of a profile that conditions know, besides `zone`, `birthday`, `locale` and `membership_end`",
        knowledge.FACTS_MAX,
        "facts",
    ),
    ("one that is a text, or a list as JSON; a longer one is not known", knowledge.FACT_CHARS_MAX, "characters"),
    ("campaigns in which a user is under way", state.RUNS_MAX, "runs"),
    ("campaigns that wait for a user to do nothing", state.WATCHES_MAX, "campaigns"),
    ("orders that refunds may take back", state.ORDERS_MAX, "orders"),
    ("campaigns whose last word is kept of a user", state.WHY_LAST_MAX, "campaigns"),
    ("campaigns that a segment counts for `stats`", totals.CAMPAIGNS_MAX, "campaigns"),
    ("actions in the original's form", seed_form.ACTIONS_MAX, "actions"),
    ("delayed checks of a user", state.CHECKS_MAX, "checks"),
    ("a delayed check's `cart_snapshot`", delayed_check.SNAPSHOT_BYTES_MAX, "bytes"),
    ("a delayed check lies ahead", delayed_check.AHEAD_DAYS_MAX, "days"),
    ("a message at `marketing.delay` lies ahead", waiting.DELAY_DAYS_MAX, "days"),
    ("and is known after it went out", waiting.REMEMBERED_MS // DAY_MS, "days"),
    ("scopes that are stopped, besides all", stops.STOPS_MAX, "scopes"),
    ("a stop's reason", stops.REASON_BYTES_MAX, "bytes"),
)

EXAMPLES: Sequence[str] = ("daily_10_flash_coupon", "order_500_gift", "sign_in_7_days", "favorite_webhook")
"""In examples/, one of each kind."""
SEED_EXAMPLES: Sequence[str] = ("cart_abandon", "vip_upgrade")

SEED_STARTS: Sequence[str] = (
    '{"event": "purchase_complete", "min_order_value": 500}',
    '{"event": "add_to_cart", "no_action_duration": 3600, "min_cart_value": 100}',
    '{"user_level": "silver"}',
)
SEED_CONDITIONS: Sequence[str] = (
    '{"user_level": "silver"}',
    '{"user_level": "!= silver"}',
    '{"points_balance": ">= 500"}',
    '{"min_cart_value": 100}',
    '{"purchase_amount_30d": ">= 1000"}',
    '{"purchase_count_30d": ">= 3"}',
    '{"product_view_count_7d": "> 10"}',
    '{"login_days_30d": ">= 20"}',
    '{"event": "product_view", "category": "electronics"}',
    '{"event": "product_view", "min_view_duration": 30}',
    '{"event": "purchase_complete", "order_value": ">= 99.90"}',
    '{"or": [{"user_level": "gold"}, {"points_balance": 0}]}',
    '{"not": {"user_level": "gold"}}',
)
SEED_NEEDS: Mapping[str, str] = {
    "send_notification": '"template": "birthday_email"',
    "issue_coupon": '"template": "cart_save_10"',
    "upgrade_vip": '"level": "gold"',
}
"""What an action cannot do without."""

ERRORS: Mapping[str, str] = {
    "bad_cron": "`cron` is none; the sentence says which part",
    "control_characters": "a text holds control characters",
    "empty": "a text, or a name in a list, is empty",
    "exclusive": "two that exclude each other: `seconds`, `days` and `calendar` of a window; `template` and `tag`",
    "missing": "a field that must be there, or one of two, is not",
    "never_fires": "the cron has no time within 50 years, or none before `valid.ends`",
    "never_holds": "no value can pass: one comparison, or several of an `all` together; an end before its begin",
    "never_reached": "steps behind a `stop`",
    "no_meaning": "fields of an event where none triggers; `days` in a window of seconds; a limit of a tag, or "
    "of a channel, that the campaign has not",
    "not_json": "the body is no JSON in UTF-8",
    "not_rfc3339": "a moment without its offset from UTC, or none at all",
    "out_of_range": "a number, a text or a list beyond its bounds, or not of its pattern",
    "too_deep": "conditions within conditions",
    "too_long": "the JSON, or a text, has too many bytes",
    "too_many": "steps, levels of steps or conditions in the whole campaign",
    "too_precise": "an amount with more decimal places than its currency has",
    "unknown_currency": "no code of ISO 4217",
    "unknown_endpoint": "a webhook to an endpoint that this engine does not list",
    "unknown_field": "a field that there is not; in the original's form a condition that is not understood",
    "unknown_value": "none of the words that there are; the sentence lists them",
    "unknown_zone": "no name of the IANA time zone database",
    "window_events_max": "what could not be counted exactly: too many events in a window of seconds",
    "wrong_type": "a value of another kind than the field, or the operator, takes",
}
"""Codes of what is refused."""
WARNINGS: Mapping[str, str] = {
    "always_holds": "a comparison that holds whatever happens",
    "dead_limit": "a limit that another one never lets be reached",
    "empty_cart": "`cart_idle` with `min_value` 0 means empty carts too",
    "no_exit": "actions behind a wait, and no `exit`",
    "unheard": "with `change`: a condition that comes to hold by time alone, which is no change",
}
"""Codes of what is told and taken."""


def sections() -> dict[str, str]:
    """Name -> what stands between its marks."""
    whole = [("the campaign", campaign.Campaign), ("each of `limits`", campaign.Limit), ("`valid`", campaign.Valid)]
    return {
        "campaign": text(_structs(whole)),
        "triggers": text(_structs(_tagged("trigger", campaign.Trigger))),
        "conditions": text(_structs([*_tagged("condition", conditions.Condition), ("`within`", conditions.Window)])),
        "steps": text(_structs([*_tagged("step", campaign.Step), ("each of `on_refused`", campaign.OnRefused)])),
        "examples": _examples(EXAMPLES),
        "examples_of_seed": _examples(SEED_EXAMPLES),
        "facts": f"\n{_words(heard.FACTS)}.\n\n",
        "answers": table(("step", "codes"), _answers()),
        "seed": text(_structs(_SEED)),
        "starts": table(("`conditions` in the original", "`trigger`", "`when`", "`exit`"), map(_start, SEED_STARTS)),
        "conditions_of_seed": table(("one of `conditions`", "is read as"), map(_asked, SEED_CONDITIONS)),
        "actions_of_seed": table(("action", "is read as"), _actions()),
        "problems": table(
            ("code", "", "means"),
            [*((f"`{code}`", "error", what) for code, what in ERRORS.items())]
            + [(f"`{code}`", "warning", what) for code, what in WARNINGS.items()],
        ),
        "limits": table(("limit", "value", "unit"), ((what, f"{most:,}", unit) for what, most, unit in LIMITS)),
    }


def renewed(page: str) -> str:
    """The page with everything between marks as the code has it now."""
    made = sections()
    return _MADE.sub(lambda found: found[1] + made[found[2]], page)


_SEED: Sequence[tuple[str, Any]] = (
    ("the campaign", seed_form.SeedCampaign),
    ("each of `actions`", seed_form.SeedAction),
    ("`frequency_limit`", seed_form.FrequencyLimit),
)


def _examples(names: Sequence[str]) -> str:
    return "\n" + "\n".join(_example(name) for name in names) + "\n"


def _example(name: str) -> str:
    """A file's campaign, a line for each field."""
    file = json.loads((root / "examples" / f"{name}.json").read_text())
    fields = ",\n ".join(f"{_json(field)}: {_json(value)}" for field, value in file["campaign"].items())
    return f"`examples/{name}.json`:\n\n```json\n{{{fields}}}\n```\n"


def _answers() -> Iterator[tuple[str, str]]:
    sent = (*get_args(notification.RefusalCode), *_literals(held.Reason))
    yield "`send_notification`", _words(sorted(sent))
    yield "`webhook`", _words(sorted(get_args(webhook.FailureCode)))
    yield "`issue_coupon`", "[those of coupons](coupons.md#refusals)"


def _literals(union: Any) -> Iterator[str]:
    for one in get_args(union):
        yield from (one,) if isinstance(one, str) else _literals(one)


def _read(conditions_: str, action: str = '{"type": "issue_coupon", "template": "t"}') -> dict[str, Any]:
    """What we keep of a campaign in the original's form."""
    found = review(f'{{"trigger_id": "T", "conditions": {conditions_}, "actions": [{action}]}}'.encode())
    assert found.normal_form is not None, found.problems
    return found.normal_form


def _start(conditions_: str) -> tuple[str, ...]:
    read = _read(conditions_)
    parts = [f"`{_json(read[part])}`" if part in read else "" for part in ("trigger", "when", "exit")]
    return (f"`{conditions_}`", *parts)


def _asked(condition: str) -> tuple[str, str]:
    return f"`{condition}`", f"`{_json(_read(condition)['when'])}`"


def _actions() -> Iterator[tuple[str, str]]:
    for type_ in get_args(seed_form.ActionType):
        needs = f", {SEED_NEEDS[type_]}" if type_ in SEED_NEEDS else ""
        action = f'{{"type": "{type_}"{needs}}}'
        yield f"`{action}`", f"`{_json(_read(SEED_CONDITIONS[0], action)['steps'][0])}`"


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _tagged(noun: str, union: Any) -> list[tuple[str, Any]]:
    return [(f"{noun} `{tag(one)}`", one) for one in get_args(getattr(union, "__value__", union))]


def _structs(named: Sequence[tuple[str, Any]]) -> Iterator[str]:
    for name, struct in named:
        yield f"**{name}**: {said(struct) if struct.__doc__ else ''}\n"
        fields = msgspec.structs.fields(struct)
        rows = [(f"`{one.encode_name}`", type_of(inspect.type_info(one.type)), default(one)) for one in fields]
        if rows:
            yield table(("field", "type", "default"), rows).strip("\n") + "\n"


if __name__ == "__main__":
    PATH.write_text(renewed(PATH.read_text()))
