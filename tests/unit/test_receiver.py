"""The receiver's lines of docs/semantics.md, run as they stand there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.house.ours import root

Receive = Callable[[sqlite3.Connection, str, bytes, Callable[[sqlite3.Connection, bytes], None]], None]


def receiver() -> tuple[Receive, sqlite3.Connection]:
    """The code and the table that the page gives."""
    text = (root / "docs" / "semantics.md").read_text()
    section = text.partition("### The receiver's five lines")[2]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    table = re.search(r"`(CREATE TABLE .*?)`", section)
    assert code is not None and table is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    db = sqlite3.connect(":memory:")
    db.execute(table[1])
    db.execute("CREATE TABLE done (body BLOB)")
    return names["receive"], db


def do(db: sqlite3.Connection, body: bytes) -> None:
    db.execute("INSERT INTO done VALUES (?)", (body,))


def done(db: sqlite3.Connection) -> list[bytes]:
    return [body for (body,) in db.execute("SELECT body FROM done")]


def test_effects_heard_again_and_in_any_order_are_each_acted_upon_once() -> None:
    receive, db = receiver()
    said = [(f"{segment}.{epoch}.{offset}", b"%d.%d.%d" % (segment, epoch, offset))
            for segment in range(3) for epoch in (10, 11) for offset in range(1, 20)]  # fmt: skip
    heard = said * 3
    Random(1).shuffle(heard)
    for message_id, body in heard:
        receive(db, message_id, body, do)
    assert sorted(done(db)) == sorted(body for _, body in said)


def test_a_receiver_that_fails_in_the_middle_does_it_when_the_effect_comes_again() -> None:
    receive, db = receiver()

    def fail(db: sqlite3.Connection, body: bytes) -> None:
        do(db, body)
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        receive(db, "3.10.7", b"x", fail)
    receive(db, "3.10.7", b"x", do)
    receive(db, "3.10.7", b"x", do)
    assert done(db) == [b"x"]
