"""Imports point one way: run → simulation → gateway → topology → actors → supervision."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.ours import layers, sources


def test_no_file_imports_from_a_layer_above_its_own() -> None:
    wrong = [
        f"{path}:{line} imports {name}"
        for path, layer, tree in sources()
        for line, name in _imports(tree)
        if name in layers and layers.index(name) > layers.index(layer)
    ]
    assert wrong == []


def test_no_product_file_imports_tests_or_benchmarks() -> None:
    wrong = [
        f"{path}:{line}" for path, _, tree in sources() for line, name in _imports(tree) if name in ("tests", "bench")
    ]
    assert wrong == []


def test_imports_are_absolute_so_that_the_layer_can_be_read_off() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert wrong == []


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, top-level package) of each import, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module.split(".")[0]
