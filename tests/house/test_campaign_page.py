"""docs/campaigns.md says what the code says."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from typing import Any

from tests.house import campaign_page
from tests.house.ours import root

JUDGES = ("checks", "compiled", "condition_checks", "review", "seed_form")
"""Of actors/campaign: whoever has something to say of a campaign."""
SHARED = {"mistakes": "refusal", "money": "minor_of_seed _minor _out_of_range", "rule_words": ""}
"""Of actors: what these call, by name where not all of it is for campaigns."""
ELSEWHERE = {"empty", "too_long", "control_characters", "window_events_max"}
"""Of fields.text_code, which returns them, and of windows/counters.py."""


def test_what_is_made_from_the_code_is_as_the_code_has_it() -> None:
    page = campaign_page.PATH.read_text()
    assert all(campaign_page.BEGIN.format(name) in page for name in campaign_page.sections())
    assert campaign_page.renewed(page) == page, "run python -m tests.house.campaign_page"


def test_every_code_that_a_check_may_say_has_its_row_and_there_is_no_other() -> None:
    said = set(ELSEWHERE)
    for name in JUDGES:
        said |= set(_codes(f"actors.campaign.{name}", ""))
    for name, functions in SHARED.items():
        said |= set(_codes(f"actors.{name}", functions))
    assert said == campaign_page.ERRORS.keys() | campaign_page.WARNINGS.keys()


def _codes(module: str, functions: str) -> Iterator[str]:
    """The codes of all refusals that are made in `module`, or in these `functions` of it."""
    found: Any = importlib.import_module(module)
    tree = ast.parse((root / f"{module.replace('.', '/')}.py").read_text())
    wanted = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in functions.split()]
    for node in (each for one in (wanted or [tree]) for each in ast.walk(one)):
        match node:
            case ast.Call(func=ast.Name(id="Refusal" | "must_be"), args=[code, *_]):
                yield from _words(code, found)
            case ast.Assign(targets=[ast.Name(id="code")], value=ast.IfExp() as code):
                yield from _words(code, found)
            case _:
                pass


def _words(code: ast.expr, module: Any) -> Iterator[str]:
    match code:
        case ast.Constant(value=str(word)):
            yield word
        case ast.Name(id=name) if name.isupper():
            yield getattr(module, name)
        case ast.IfExp(body=one, orelse=other):
            yield from _words(one, module)
            yield from _words(other, module)
        case _:
            pass
