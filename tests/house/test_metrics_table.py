"""Every number the house counts stands in the table of gateway/metrics.py with its type and labels, and the reverse."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gateway.metrics import METRICS
from tests.house.ours import sources

_METHODS = {"count": "counter", "gauge": "gauge", "observe": "distribution"}
_OWN = {"unknown_metrics"}
"""Counted by the adapter itself."""

Call = tuple[str, str, frozenset[str], str]
"""(name, type, labels, where)."""


def test_every_call_that_counts_names_a_row_of_the_table_with_its_type_and_labels() -> None:
    table = {m.name: (m.type, frozenset(m.labels)) for m in METRICS}
    strangers = [f"{where} {name}" for name, type_, labels, where in _calls() if table.get(name) != (type_, labels)]
    assert strangers == []


def test_every_row_of_the_table_is_counted_by_somebody() -> None:
    counted = {name for name, *_ in _calls()}
    assert sorted({m.name for m in METRICS} - counted - _OWN) == []


def test_no_name_stands_twice() -> None:
    names = [m.name for m in METRICS]
    assert sorted(set(names)) == sorted(names)


def _calls() -> Iterator[Call]:
    for path, _, tree in sources():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(attr=method), args=[ast.Constant(value=str(name)), *_]) if (
                    method in _METHODS and (method != "count" or _counts(node))
                ):
                    labels = frozenset(k.arg for k in node.keywords if k.arg is not None)
                    yield name, _METHODS[method], labels, f"{path}:{node.lineno}"
                case _:
                    pass


def _counts(call: ast.Call) -> bool:
    """Not `str.count`: ours is a method of something called a counter."""
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    return owner.rpartition(".")[2].lstrip("_") in {"count", "counters", "tally"}
