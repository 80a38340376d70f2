"""Steps become instructions that each know what comes next."""

from __future__ import annotations

from typing import Any

import pytest

from actors.campaign.program import END, Await, Do, Fork, Instruction, Program, Sleep
from tests.campaign_world import SMS, STOP, taken, words

POINTS = {"type": "give_points", "points": 5}
COUPON = {"type": "issue_coupon", "template": "t"}
WAIT = {"type": "wait", "seconds": 60}
RICH = {"type": "points", "op": ">=", "value": 100}


def program(*steps: Any) -> Program:
    return taken(words(steps=steps, exit=RICH)).program


def path(laid: Program, answers: Any = ()) -> list[str]:
    """The places that a run comes by; `answers`: of each instruction that has a choice, in turn."""
    number, places, given = laid.start, list[str](), iter(answers)
    while number != END:
        instruction = laid.instructions[number]
        places.append(instruction.place)
        number = _next(instruction, given)
    return places


def _next(instruction: Instruction, answers: Any) -> int:
    match instruction:
        case Await() | Fork():
            return instruction.next if next(answers) else instruction.otherwise
        case Do(refused=()):
            return instruction.next
        case Do():
            code = next(answers)
            return instruction.after_refusal(code) if code else instruction.next
        case Sleep():
            return instruction.next


def test_steps_follow_each_other() -> None:
    assert path(program(SMS, WAIT, COUPON)) == ["steps[0]", "steps[1]", "steps[2]"]


def test_a_branch_comes_back_to_what_follows_it() -> None:
    laid = program({"type": "branch", "when": RICH, "then": [SMS, WAIT], "else": [POINTS]}, COUPON)
    assert path(laid, [True]) == ["steps[0]", "steps[0].then[0]", "steps[0].then[1]", "steps[1]"]
    assert path(laid, [False]) == ["steps[0]", "steps[0].else[0]", "steps[1]"]


def test_an_event_that_does_not_come_leads_to_the_else() -> None:
    laid = program({"type": "wait_for", "event": "click", "seconds": 60, "then": [STOP], "else": [SMS]}, COUPON)
    assert path(laid, [True]) == ["steps[0]"]
    assert path(laid, [False]) == ["steps[0]", "steps[0].else[0]", "steps[1]"]


@pytest.mark.parametrize(
    ("code", "places"),
    [
        ("", ["steps[0]", "steps[1]"]),
        ("sold_out", ["steps[0]", "steps[0].on_refused[0].then[0]", "steps[1]"]),
        ("capped", ["steps[0]"]),
        ("other", ["steps[0]", "steps[0].on_refused[2].then[0]", "steps[1]"]),
    ],
)
def test_the_first_branch_that_has_a_refusals_code_counts(code: str, places: list[str]) -> None:
    branches = [
        {"codes": ["sold_out"], "then": [POINTS]}, {"codes": ["capped"], "then": [STOP]}, {"then": [SMS]},
    ]  # fmt: skip
    assert path(program(COUPON | {"on_refused": branches}, SMS), [code]) == places


def test_a_refusal_that_no_branch_names_changes_nothing() -> None:
    laid = program(COUPON | {"on_refused": [{"codes": ["sold_out"], "then": [STOP]}]}, SMS)
    assert path(laid, ["capped"]) == ["steps[0]", "steps[1]"]


def test_whoever_moves_goes_on_at_the_same_place_if_it_is_of_the_same_kind() -> None:
    old, new = program(SMS, WAIT, COUPON), program(SMS, {"type": "wait", "seconds": 99}, POINTS, WAIT)
    instructions = {one.place: one for one in old.instructions}
    assert new.moved(instructions["steps[1]"]) == new.numbers["steps[1]"]
    assert new.moved(instructions["steps[2]"]) == new.numbers["steps[2]"]
    assert program(SMS, SMS).moved(instructions["steps[1]"]) is None
    assert program(SMS).moved(instructions["steps[2]"]) is None


def test_a_campaign_of_nothing_but_stop_ends_where_it_begins() -> None:
    assert program(STOP).start == END
