"""The same seeded history in both stores, and every answer compared: what no sentence of test_store.py thought of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from supervision.clock import VirtualClock
from supervision.entry import Draft
from supervision.messages import ParkedRow, RecordRow, Stage, TimerOp, TimerRow
from supervision.store import IdRow, StageRejected
from supervision.store_simulated import Disk, SimulatedStore
from supervision.store_sqlite import open_sqlite
from tests.opened_store import HOUR, NOW, SEGMENTS, Opened

STEPS = 120
SUBJECTS = [f"user:{i}" for i in range(6)] + ["user:é", "user:中"]
KEYS = [b"%016d" % i for i in range(8)]
DOMAINS = ("points", "notification")


class History:
    """Draws what both stores are told. It knows the checkpoints as a journal would, and lies about them at times."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._checkpoints: dict[tuple[int, str], int] = {}
        self._ids = 0
        self.now = NOW

    def step(self, heads: dict[int, int], epoch: int) -> dict[str, Any]:
        """The parts of one batch."""
        rng = self._rng
        self.now += rng.choice((0, 1, 1000, HOUR))
        segment = rng.randrange(SEGMENTS)
        drafts = [self._draft() for _ in range(rng.randrange(4))]
        first = heads[segment] + 1
        ids = [self._id(segment, epoch, first + i) for i in range(len(drafts)) if rng.random() < 0.7]
        stages = [self._stage(rng.randrange(SEGMENTS), heads, ids) for _ in range(rng.randrange(3))]
        pair = (rng.randrange(SEGMENTS), rng.randrange(SEGMENTS))
        moved = {pair: rng.randrange(100)} if rng.random() < 0.2 else {}
        return {
            "segment": segment, "drafts": drafts, "at": self.now, "ids": ids, "stages": stages, "outbound": moved,
        }  # fmt: skip

    def settle(self, stages: list[Stage]) -> None:
        """The batch was committed."""
        for stage in stages:
            self._checkpoints[stage.segment, stage.domain] = stage.upto

    def _draft(self) -> Draft:
        rng = self._rng
        return Draft("k", rng.choice(SUBJECTS), rng.randbytes(rng.randrange(50)), route=rng.choice(("", "r.k")))

    def _id(self, segment: int, epoch: int, offset: int) -> IdRow:
        self._ids += 1
        id_hash = self._ids * 0x9E3779B97F4A7C15 % 2**64
        return IdRow(id_hash, self._rng.getrandbits(64), segment, epoch, offset, self.now, self._rng.random() < 0.3)

    def _stage(self, segment: int, heads: dict[int, int], ids: list[IdRow]) -> Stage:
        rng = self._rng
        domain = rng.choice(DOMAINS)
        prev = self._checkpoints.get((segment, domain), 0) + (rng.random() < 0.05)
        upto = max(prev, rng.randint(prev, max(prev, heads[segment])))
        some = rng.sample(SUBJECTS, rng.randrange(4))
        return Stage(
            segment, domain, 1, prev, upto,
            states=[(subject, rng.randbytes(8)) for subject in some],
            timer_ops=[self._timer(segment, domain, subject, upto) for subject in some],
            records=[RecordRow(subject, rng.randrange(1, 400), rng.randrange(3), rng.randbytes(8)) for subject in some],
            keys=[(rng.choice(KEYS), rng.choice((b"1", b"1", b"1", b"2"))) for _ in some[:1]],
            rewritten=[(rng.choice(KEYS), rng.choice((b"1", b"2"))) for _ in some[1:2] if rng.random() < 0.5],
            parked=[ParkedRow(segment, domain, s, rng.randrange(1, 9), "why", 1, self.now, b"e") for s in some[:1]],
            unparked=[(subject, rng.randrange(1, 9)) for subject in some[1:]],
            replies=[(row.id_hash, rng.randbytes(4)) for row in ids[:1]],
        )  # fmt: skip

    def _timer(self, segment: int, domain: str, subject: str, gen: int) -> TimerOp:
        key = self._rng.choice("ab")
        if self._rng.random() < 0.3:
            return TimerOp(subject, key, None)
        due = self.now + self._rng.randrange(5) * 1000
        return TimerOp(subject, key, TimerRow(segment, domain, subject, key, gen, due, b"t", self._rng.random() < 0.2))


def outcome(work: Callable[[], Any]) -> Any:
    """What `work` says. Which of several wrong stages is named first is each store's own affair."""
    try:
        return work()
    except StageRejected:
        return "rejected"


def answers(store: Opened, history: History) -> list[Any]:
    """All that can be asked."""
    reader, now = store.reader, history.now
    found: list[Any] = [store.store.timers_due((0, 0, "", "", ""), now + 3000, 99), reader.parked(limit=999)]
    hashes = [n * 0x9E3779B97F4A7C15 % 2**64 for n in range(1, 300)]
    known = store.store.known_ids(hashes, now)
    found.append(known)
    for segment in range(SEGMENTS):
        found.append(list(reader.read_log(segment, store.recovery.bases[segment] - 1, 10**6, 10**6)))
        for domain in DOMAINS:
            found.append(list(reader.subjects_after(segment, domain, "user:2", 3)))
            found.append(list(reader.parked_subjects(segment, domain)))
            found.append(list(reader.parked_at(segment, domain, 9)))
            pairs = [(subject, key) for subject in SUBJECTS for key in "ab"]
            found.append(reader.load(segment, domain, SUBJECTS, pairs, KEYS))
            found += [reader.snapshot(segment, domain, subject) for subject in SUBJECTS]
            found += [list(reader.records(segment, domain, subject, (300, 1), 5)) for subject in SUBJECTS]
    # A reply may outlive its id for as long as the bucket stands; nobody can ask for it then.
    found += [reader.reply(id_hash, domain) for id_hash in hashes if id_hash in known for domain in DOMAINS]
    return found


def comparable(found: list[Any]) -> list[Any]:
    return [list(part) if isinstance(part, list | tuple) else part for part in found]


@pytest.mark.parametrize("seed", range(6))
def test_both_stores_give_the_same_answers_to_the_same_history(tmp_path: Path, seed: int) -> None:
    disk = Disk(SEGMENTS)
    real = Opened(lambda: open_sqlite(tmp_path, SEGMENTS, {"points": 1}, "test", VirtualClock(NOW), id_slots=1 << 10))
    model = Opened(lambda: SimulatedStore(disk))
    history, rng = History(seed), Random(seed)
    for number in range(STEPS):
        parts = history.step({segment: head.offset for segment, head in real.heads.items()}, real.recovery.epoch)
        said = [outcome(partial(store.commit, **parts)) for store in (real, model)]
        assert said[0] == said[1], number
        if isinstance(said[0], list):
            history.settle(parts["stages"])
        if rng.random() < 0.3:
            due = model.store.timers_due((0, 0, "", "", ""), history.now, 2)
            for store in (real, model):
                store.commit(fired=due)
        if rng.random() < 0.1:
            clean = rng.random() < 0.5
            for store in (real, model):
                store.reopen(clean)
            assert real.recovery == model.recovery
        if rng.random() < 0.2:
            for store in (real, model):
                store.store.idle(history.now)
        if number % 10 == 0:
            assert comparable(answers(real, history)) == comparable(answers(model, history)), number
    for store in (real, model):
        store.store.check()
        store.close()
