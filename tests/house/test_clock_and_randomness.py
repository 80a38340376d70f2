"""Time and chance come in through constructors; only the files named here make the real ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.ours import root, sources

_MAKERS = {
    "run.py": "wires the real program",
    "supervision/clock.py": "is the real clock",
    "topology/broker_node.py": "waits for another program's process and makes its cookie",
}
"""Files that may, and why. A new line here needs as good a reason."""

_FORBIDDEN = {"secrets", "uuid"}
_FORBIDDEN_OF = {
    "time": {
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "sleep",
        "perf_counter",
        "perf_counter_ns",
        "localtime",
        "gmtime",
    },
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "os": {"urandom", "getrandom"},
}
_SEEDED = {"Random"}
"""What `random` may be used for: the type, and a generator made from a seed."""


def test_only_the_named_files_read_a_clock_draw_a_random_number_or_hash_by_process() -> None:
    wrong = [
        f"{path}:{line} {what}" for path, _, tree in sources() if path not in _MAKERS for line, what in _uses(tree)
    ]
    assert wrong == []


def test_every_named_file_exists_and_needs_its_exception() -> None:
    trees = {path: tree for path, _, tree in sources()}
    for path in _MAKERS:
        if path != "run.py" or (root / path).exists():
            assert path in trees and any(_uses(trees[path])), path


def test_the_guard_sees_each_way_round_it() -> None:
    for code in (
        "import time\ntime.time()",
        "import time as t\nt.sleep(1)",
        "from time import monotonic",
        "from time import time as now",
        "import random\nrandom.random()",
        "import random\nrandom.Random()",
        "from random import choice",
        "import uuid",
        "from uuid import uuid4",
        "hash('x')",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\ndatetime.now()",
        "import os\nos.urandom(8)",
        "f = hash",
    ):
        assert list(_uses(ast.parse(code))), code
    for code in ("import random\nrandom.Random(7)", "from random import Random", "clock.monotonic_s()", "entry.time"):
        assert not list(_uses(ast.parse(code))), code


def _uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, what) of each use, through whatever name the module was imported under."""
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names if alias.name in _FORBIDDEN)
            case ast.ImportFrom(module=str(module)):
                yield from ((node.lineno, f"{module}.{a.name}") for a in node.names if _bad(module, a.name))
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=attr):
                if _bad(names.get(owner, owner), attr):
                    yield node.lineno, f"{owner}.{attr}"
            case ast.Name(id="hash"):
                yield node.lineno, "hash"
            case ast.Call(func=ast.Name(id="Random") | ast.Attribute(attr="Random"), args=[], keywords=[]):
                yield node.lineno, "Random without a seed"
            case _:
                pass


def _bad(owner: str, attr: str) -> bool:
    if owner == "random":
        return attr not in _SEEDED
    return owner in _FORBIDDEN or attr in _FORBIDDEN_OF.get(owner, ())
