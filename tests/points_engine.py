"""A whole engine of the points domain on a real SQLite store, in one thread and on a clock that stands still: for
tests that look at what it leaves on disk, while it runs and when it was killed. Or on a disk of the simulator's: for
those to whom the disk is nothing but slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import structlog
from structlog.testing import LogCapture

from actors.notification.policy import Policy
from actors.points.programme import Programme, parse
from actors.registry import COMMANDS, FOR_OPERATORS, domains
from actors.watch.actor import REFUSALS_MAX
from gateway.nightly import NextAfter
from gateway.wiring import Parts, Wiring
from supervision.clock import VirtualClock
from supervision.counters import Tally
from supervision.domain import Domain, formats
from supervision.engine_events import Decision
from supervision.entry import Draft, Entry, Origin, encode_draft, segment_of
from supervision.journal import Limits
from supervision.messages import Append, Item
from supervision.stepped import SteppedRuntime
from supervision.store_simulated import Disk, SimulatedStore
from supervision.store_sqlite import SqliteStore, open_sqlite
from tests.cells import pass_time
from topology.ports import NoBroker
from topology.wire import Door, MadeUp

SEGMENTS = 4
START_MS = 1_790_000_000_000
DAY_S = 86_400
RULES = {"zone": "UTC", "gifts": {"per_day": 10_000, "points_per_day": 1_000_000_000}, "lots_max": 5}


def programme(**rules: Any) -> Programme:
    made = parse(msgspec.json.encode(RULES | rules))
    assert isinstance(made, Programme), made
    return made


class PointsEngine:
    """`say` sends a message; nothing happens until `settle` or `step`. `close` ends it in order, `kill` does not."""

    def __init__(
        self, folder: Path, clock: VirtualClock | None = None, audit_after: NextAfter | None = None,
        refusals_max: int = REFUSALS_MAX, policy: Policy | None = None, disk: Disk | None = None,
        limits: Limits | None = None, **rules: Any,
    ) -> None:  # fmt: skip
        structlog.configure(processors=[LogCapture()])
        self.folder = folder
        self.clock = clock or VirtualClock(START_MS)
        self.registered: Sequence[Domain[Any]] = domains(
            programme(**rules), SEGMENTS, refusals_max=refusals_max, policy=policy
        )
        self.store = SimulatedStore(disk) if disk is not None else self._opened()
        self.runtime = SteppedRuntime(Random(1), self.clock)
        self.tally = Tally()
        self.fatal: list[str] = []
        parts = Parts(
            self.store, self.registered, self.runtime, Random(1), self.tally, self.fatal.append,
            publish_without_broker=NoBroker(), limits=limits or Limits(), checks=True, audit_after=audit_after,
            prefix="p/",
        )  # fmt: skip
        wiring = Wiring(parts, self.clock.now_ms())
        self.engine, self.tree = wiring.engine, wiring.tree
        self.tree.start()
        assert self.runtime.run_until(self.engine.begun, 20_000)
        self._door = Door({**COMMANDS, **FOR_OPERATORS}, SEGMENTS)
        self._said = 0

    def _opened(self) -> SqliteStore:
        return open_sqlite(self.folder, SEGMENTS, formats(self.registered), "test", self.clock, id_slots=1 << 12)

    def say(self, event_type: str, user: str, **fields: Any) -> None:
        self._said += 1
        raw = msgspec.json.encode({"event_type": event_type, "user_id": user, **fields})
        item = self._door.decode(raw, "test", None, MadeUp(f"m-{self._said}"))
        assert isinstance(item, Item), item
        self.engine.journal.tell(Append((item,), lambda _: None, len(raw)))

    def decide(self, kind: str, user: str, domain: str = "points") -> None:
        """An operator's word about what is parked of a user, or of another subject."""
        subject = user if ":" in user else f"user:{user}"
        body = msgspec.json.encode(Decision(domain, subject))
        draft = Draft(kind, subject, body, origin=Origin.OPERATOR)
        item = Item(segment_of(subject, SEGMENTS), draft, encode_draft(draft))
        self.engine.journal.tell(Append((item,), lambda _: None, len(body)))

    def said(self, kind: str) -> Sequence[tuple[Entry, Any]]:
        """The entries of that kind in all segments, with what they say."""
        with closing(self.store.reader()) as reader:
            log = [entry for segment in range(SEGMENTS) for entry in reader.read_log(segment, 0, 1 << 40, 100_000)]
        return [(entry, msgspec.json.decode(entry.body)) for entry in log if entry.kind == kind]

    def settle(self, seconds: float = 3.0) -> None:
        """Let so much time pass; what is due meanwhile fires."""
        self.runtime.run_for(seconds)
        assert self.fatal == []

    def pass_time(self, seconds: float) -> None:
        """The same for hours, in strides."""
        pass_time(self.runtime, seconds)
        assert self.fatal == []

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            if not self.runtime.step():
                self.settle(0.01)

    def close(self) -> None:
        self.tree.stop()
        self.store.close(clean=True)

    def kill(self) -> None:
        """Nothing of what is under way becomes durable; what is, stays."""
        self.runtime.kill("p/")
        self.store.close(clean=False)
