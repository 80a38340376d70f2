"""Functions fit in a glance, modules open with an essay, and no file needs a banner."""

from __future__ import annotations

import ast
import re

from tests.house.ours import root, sources

function_lines_max = 60
_BANNER = re.compile(r"^\s*#\s*(?:[-=*#~]{4,}|.*[-=*#~]{4,}\s*$)")


def test_no_function_is_longer_than_the_limit() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}: {lines}"
        for path, _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > function_lines_max
    ]
    assert long == []


def test_every_module_opens_with_why_it_is_there() -> None:
    silent = [path for path, _, tree in sources() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_no_file_has_section_banners() -> None:
    banners = [
        f"{path}:{number}"
        for path, _, _ in sources()
        for number, line in enumerate((root / path).read_text().splitlines(), 1)
        if _BANNER.match(line)
    ]
    assert banners == []
