"""`run.py audit` on the real program's store: beside it under load, after SIGKILL in the midst of it, and at rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from tests.crash.audited import proven
from tests.crash.program import Program, until

USERS = 60
LIVES = 3
EVENTS_AT_ONCE = 40
AUDITS_BESIDE = 2
WORK_S_MAX = 60.0


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with closing(Program(tmp_path, "--log-level", "warning")) as made:
        yield made


class Load:
    """Sends events over HTTP, one request after the other, until it is told to end or nobody answers."""

    def __init__(self, url: str, seed: int) -> None:
        self.taken = 0
        self._url = url
        self._rng = Random(seed)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        with httpx.Client() as client:
            while not self._ended.is_set():
                events = [self._event() for _ in range(EVENTS_AT_ONCE)]
                try:
                    answer = client.post(f"{self._url}/v1/events", json=events, timeout=30.0)
                except httpx.HTTPError:
                    return
                assert answer.status_code == 200, answer.text
                self.taken += len(events)

    def _event(self) -> dict[str, Any]:
        user, other = self._rng.sample(range(USERS), 2)
        what = self._rng.choice(["points_accrue", "points_redeem", "points_gift", "points_reserve"])
        event: dict[str, Any] = {"event_type": what, "user_id": f"u{user}", "points": self._rng.randint(1, 200)}
        more: dict[str, dict[str, Any]] = {"points_redeem": {"reason": "mug"}, "points_gift": {"to": f"u{other}"}}
        return event | more.get(what, {})

    def end(self) -> None:
        self._ended.set()
        self._thread.join(WORK_S_MAX)


def test_kills_under_load_and_audits_beside_it_find_nothing_off(program: Program) -> None:
    records: list[int] = []
    for life in range(LIVES):
        program.start()
        program.ready()
        load = Load(program.url, life)
        until(lambda load=load: load.taken > 400, WORK_S_MAX, lambda: "no load")
        records += [proven(program) for _ in range(AUDITS_BESIDE)]
        assert load.taken > 400 + EVENTS_AT_ONCE
        program.kill()
        load.end()
        records.append(proven(program))
    assert records == sorted(records) and records[-1] > records[0], records
    program.start()
    program.ready()
    program.stop()
    assert proven(program) >= records[-1]
