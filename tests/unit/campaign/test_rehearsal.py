"""Rehearsals: what a campaign would do with one user, and what rule files expect of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.campaign import rehearsal, rule_file
from actors.campaign.compiled import CompiledCampaign
from actors.campaign.heard import FACTS
from actors.campaign.rehearsal import EVENTS_MAX, Given, Moment, rehearse
from actors.campaign.review import checked
from actors.campaign.rule_file import RuleFile, RuleTest, failures, read
from actors.commands import Refusal
from tests.house.ours import root

EXAMPLES = sorted((root / "examples").glob("*.json"))
VIEW: dict[str, Any] = {
    "name": "view",
    "trigger": {"type": "event", "event": "product_view"},
    "when": {"type": "event", "field": "view_duration", "op": ">", "value": 30},
    "steps": [{"type": "wait", "seconds": 60}, {"type": "issue_coupon", "template": "T"}],
}
SEEN = {"at": 0, "behavior_type": "product_view", "product_id": "p1", "view_duration": 45}


def made(**fields: Any) -> CompiledCampaign:
    found = checked(msgspec.json.encode(VIEW | fields))
    assert found.campaign is not None, found.problems
    return found.campaign


def played(*events: dict[str, Any], campaign: CompiledCampaign | None = None, **more: Any) -> tuple[Moment, ...]:
    moments = rehearse("V", campaign or made(), Given(events, **more), "CNY")
    assert not isinstance(moments, Refusal), moments
    return moments


def refusal(*events: dict[str, Any], **more: Any) -> Refusal:
    found = rehearse("V", made(), Given(events, **more), "CNY")
    assert isinstance(found, Refusal), found
    return found


def test_decisions_come_in_their_order_with_the_time_the_conditions_and_what_is_asked_of_others() -> None:
    entered, acted, finished = played(SEEN)
    assert (entered.at, entered.outcome) == ("2026-01-05T00:00:00.000Z", "entered")
    assert [(seen.path, seen.saw, seen.met) for seen in entered.conditions] == [("when", 45, True)]
    assert (acted.at, acted.step) == ("2026-01-05T00:01:00.000Z", "steps[1]")
    assert acted.effects == (
        {"kind": "coupon.issue", "template": "T", "source": "campaign", "activity_id": "V.1.steps[1]"},
    )  # fmt: skip
    assert finished.outcome == "finished"


def test_who_did_not_enter_is_told_why_each_time() -> None:
    moments = played(SEEN | {"view_duration": 5}, SEEN | {"at": 60, "view_duration": 6})
    assert [(moment.outcome, moment.reason, moment.conditions[0].saw) for moment in moments] == [
        ("not_entered", "when", 5), ("not_entered", "when", 6)
    ]  # fmt: skip


def test_times_are_seconds_since_it_begins_or_rfc_3339_and_it_ends_now() -> None:
    for at in (600, "2026-03-01T00:10:00Z"):
        (entered, *_) = played(SEEN | {"at": at}, begins="2026-03-01T00:00:00Z")
        assert entered.at == "2026-03-01T00:10:00.000Z"
    assert [moment.outcome for moment in played(SEEN, now=59)] == ["entered"]
    assert played(SEEN | {"at": 60}, now=59) == ()


def test_events_are_taken_in_the_order_of_their_times() -> None:
    bought = {"at": 30, "behavior_type": "purchase_complete", "order_id": "A", "order_value": 1}
    leaves = made(exit={"type": "after_trigger", "event": "purchase_complete"})
    assert [moment.outcome for moment in played(bought, SEEN, campaign=leaves)] == ["entered", "exited"]


@pytest.mark.parametrize(
    ("event", "field", "code"),
    [
        ({"behavior_type": "product_view"}, "events[1].at", "not_a_time"),
        ({"at": "noon", "behavior_type": "product_view"}, "events[1].at", "not_a_time"),
        ({"at": -1, "behavior_type": "product_view"}, "events[1].at", "not_a_time"),
        ({"at": 10**12, "behavior_type": "product_view"}, "events[1].at", "not_a_time"),
        ({"at": 1}, "events[1].behavior_type", "missing"),
        ({"at": 1, "behavior_type": "x", "fact": "points.earned"}, "events[1].behavior_type", "missing"),
        ({"at": 1, "behavior_type": "purchase_complete"}, "events[1].order_id", "missing"),
        ({"at": 1, "profile_changes": {"zone": "Mars"}}, "events[1].profile_changes.zone", "unknown_zone"),
        ({"at": 1, "fact": "points.stolen"}, "events[1].fact", "unknown"),
        ({"at": 1, "fact": 7}, "events[1].fact", "unknown"),
    ],
)  # fmt: skip
def test_an_event_that_no_door_would_take_is_refused_with_its_place(
    event: dict[str, Any], field: str, code: str
) -> None:
    found = refusal(SEEN, event)
    assert (found.field, found.code) == (field, code) and field in found.message


def test_what_is_no_time_no_user_or_too_much_is_refused() -> None:
    assert refusal(begins="x").field == "begins"
    assert refusal(begins="3000-01-01T00:00:00Z").field == "begins"
    assert refusal(templates={"": ()}).field == "templates.name"
    assert refusal(templates={"T": ("",)}).field == "templates.tags[0]"
    assert refusal(user_id="").field == "user_id"
    assert refusal(SEEN, now="x").field == "now"
    assert refusal(*[SEEN] * (EVENTS_MAX + 1)).code == "too_many"


@pytest.mark.parametrize("fact", FACTS)
def test_no_made_up_fact_makes_it_raise(fact: str) -> None:
    odd: tuple[Any, ...] = (None, "V", [1], {"a": 1}, 2**70, -1.5, True)
    names = ("campaign_id", "activity_id", "reference", "reason", "code", "level", "balance", "template", "valid_until")
    event = {"type": "event", "event": fact}
    for value in odd:
        events = ({"at": 0, "fact": fact}, {"at": 1, "fact": fact, **dict.fromkeys(names, value)})
        found = rehearse("V", made(trigger=event, when=None), Given(events), "CNY")
        assert not isinstance(found, Refusal) and found[0].outcome == "entered"


def test_a_campaign_that_never_comes_to_rest_is_not_rehearsed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervision.rehearsal.ENTRIES_MAX", 100)
    daily = made(trigger={"type": "schedule", "cron": "* * * * *"}, when=None, steps=[{"type": "emit", "effect": "x"}])
    found = rehearse("V", daily, Given((SEEN,)), "CNY")
    assert isinstance(found, Refusal) and found.code == "too_long"


def test_a_rehearsal_is_the_same_every_time() -> None:
    assert played(SEEN) == played(SEEN)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_taken_and_do_what_their_tests_say(path: Path) -> None:
    file = read(path.read_bytes())
    assert isinstance(file, RuleFile) and file.tests, file
    found = checked(bytes(file.campaign))
    assert found.campaign is not None and not found.problems.warnings, found.problems
    for test in file.tests:
        assert not list(failures(file.id or found.id, found.campaign, test, "CNY")), test.name


def test_there_is_an_example_for_each_of_the_seeds_triggers_and_one_for_a_webhook() -> None:
    assert len(EXAMPLES) == 11


def test_a_test_fails_by_an_effect_that_is_missing_one_too_many_and_one_that_is_other() -> None:
    expected = {"at": 60, "kind": "coupon.issue", "template": "T"}
    assert not said(expected)
    assert said() and "not expected" in said()[0]
    assert "does not come" in said(expected, expected)[0]
    assert said(expected | {"at": 61}) == [
        'expect[0] is {"at":"2026-01-05T00:01:01.000Z"}, and it does {"at":"2026-01-05T00:01:00.000Z"}'
    ]
    assert said(expected | {"template": "U"}) == ['expect[0] is {"template":"U"}, and it does {"template":"T"}']
    assert "expect[0].at must be" in said({"kind": "coupon.issue"})[0]
    assert said(expected, outcomes=("entered",))[0].startswith("outcomes are ['entered', 'acted', 'finished']")
    wrong = RuleTest("t", ({"at": 0},))
    assert list(failures("V", made(), wrong, "CNY")) == [refusal({"at": 0}).message]


def said(*expect: dict[str, Any], **more: Any) -> list[str]:
    return list(failures("V", made(), RuleTest("t", (SEEN,), expect, **more), "CNY"))


def test_a_file_is_a_campaign_or_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = msgspec.json.encode(VIEW)
    assert read(bare) == RuleFile(msgspec.Raw(bare))
    assert read(b'{"campaign":{},"id":"X"}') == RuleFile(msgspec.Raw(b"{}"), "X")
    for bad in (b"{", b"[]", b'{"campaign":{},"test":[]}', b"\xff"):
        assert isinstance(read(bad), Refusal), bad
    monkeypatch.setattr(rule_file, "FILE_BYTES_MAX", 10)
    assert isinstance(read(bare), Refusal)


def test_the_essays_example_is_one() -> None:
    essay = rehearsal.__doc__ or ""
    given = msgspec.json.decode(essay[essay.index("{") : essay.rindex("}") + 1], type=Given)
    assert not isinstance(rehearse("V", made(), given, "CNY"), Refusal)
