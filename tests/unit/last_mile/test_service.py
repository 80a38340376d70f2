"""The program of the last mile with its threads, on pretended ports."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from supervision.clock import SystemClock
from supervision.threads import ThreadRuntime
from tests.topology_world import DEADLINE_S
from topology.last_mile.heard import Heard
from topology.last_mile.routes import Route
from topology.last_mile.service import WORKERS, LastMile, Parts
from topology.ports import Deliveries, Delivery, NoBroker, Opened, Props
from topology.table import EFFECTS

BODY = msgspec.json.encode({"user_id": "7", "text": "Hello"})


class Full(NoBroker):
    """A broker with so many messages."""

    def __init__(self, messages: int) -> None:
        super().__init__()
        self._batch = [
            Delivery(tag, EFFECTS, "notify.sms", Props(message_id=f"0.1.{tag}"), BODY) for tag in range(1, messages + 1)
        ]

    def connect(self, to: Any) -> int:
        generation = super().connect(to)
        to.tell(Opened(generation))
        to.tell(Deliveries(generation, self._batch))
        return generation


class Forgetful(Heard):
    """Its disk is full."""

    def remember(self, message_id: str, routes: Iterable[str]) -> None:
        raise sqlite3.OperationalError("database or disk is full")


def test_where_nothing_can_be_remembered_nothing_more_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    go_on = threading.Event()

    def send(url: str, title: str, text: str, for_one: bool) -> bool:
        said.append(text)
        if len(said) > 1:
            assert go_on.wait(DEADLINE_S)
        return True

    with closing(ThreadRuntime(SystemClock())) as runtime, closing(Forgetful(tmp_path / "heard")) as heard:
        parts = Parts(
            Full(8 * WORKERS), NoBroker(), heard, {"sms": (Route("json://one"),)}, send, runtime, Random(1)
        )  # fmt: skip
        with pytest.raises(sqlite3.OperationalError):
            LastMile(parts).run(threading.Event())
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("last-mile"):
            thread.join(DEADLINE_S)
    assert len(said) <= WORKERS + 1
