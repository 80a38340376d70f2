"""Each promise of docs/semantics.md names the test that keeps it, as `path::test_name`, and that test exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import pairwise

import pytest

from tests.house.ours import root

_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_PROMISE = re.compile(r"^(?:[-*]|\d+\.) ", re.MULTILINE)
_EXEMPT = re.compile(r"not promised|receiver", re.IGNORECASE)
"""Sections whose lines promise nothing of ours."""


def test_every_promise_names_a_test_that_exists() -> None:
    path = root / "docs" / "semantics.md"
    if not path.exists():
        pytest.fail("docs/semantics.md is missing")
    promises = _promises(path.read_text())
    assert promises, "no promises found: a promise is a list item"
    for promise in promises:
        named = _NAMED.findall(promise)
        assert named, f"no test named: {promise}"
        for file, test in named:
            assert test in _tests(file), f"{file}::{test} does not exist: {promise}"


def test_a_promise_without_a_test_is_noticed_and_what_is_not_promised_needs_none() -> None:
    text = "# S\n\n- kept. `tests/a.py::test_a`\n- bare,\n  over two lines\n\n## What is not promised\n\n- nothing\n"
    assert _promises(text) == ["- kept. `tests/a.py::test_a`", "- bare,\n  over two lines"]


def _promises(text: str) -> list[str]:
    """Top-level list items outside exempt sections, each with its continuation lines."""
    found: list[str] = []
    for section in re.split(r"^(?=#)", text, flags=re.MULTILINE):
        heading = section.partition("\n")[0]
        if heading.startswith("#") and _EXEMPT.search(heading):
            continue
        starts = [match.start() for match in _PROMISE.finditer(section)]
        for start, end in pairwise([*starts, len(section)]):
            found.append(section[start:end].partition("\n\n")[0].strip())
    return found


@cache
def _tests(file: str) -> set[str]:
    path = root / file
    if not path.exists():
        return set()
    return {
        n.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    }
