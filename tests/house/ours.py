"""Our own source files, parsed: what the tests of this folder look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

root = Path(__file__).parents[2]
layers = ("supervision", "actors", "topology", "gateway", "simulation", "run")
"""From the ground up: each may import itself and those before it."""


@cache
def sources() -> Sequence[tuple[str, str, ast.Module]]:
    """(path below the root, its layer, its tree) of every file of the product. Nobody changes the trees."""
    return tuple(_parsed())


def _parsed() -> Iterator[tuple[str, str, ast.Module]]:
    for layer in layers:
        paths = [root / "run.py"] if layer == "run" else sorted((root / layer).rglob("*.py"))
        for path in paths:
            if path.exists():
                yield str(path.relative_to(root)), layer, ast.parse(path.read_text(), str(path))
