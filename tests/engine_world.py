"""A small engine for unit tests: two segments, a toy domain that does what its input says, on the stepped runtime."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, ClassVar

import msgspec
import structlog

from supervision.clock import VirtualClock
from supervision.counters import Tally
from supervision.domain import Domain, Event, TimerDue
from supervision.engine import Engine
from supervision.entry import Draft, Entry, Origin, encode_draft, segment_of
from supervision.host import HostLimits
from supervision.journal import Limits
from supervision.messages import Append, AppendResult, Item
from supervision.outputs import Arm, Cancel, Claim, Emit, Output, Record, Reply, business_key
from supervision.stepped import SteppedRuntime
from supervision.store import Batch
from supervision.store_simulated import Disk, Fault, SimulatedStore
from supervision.supervisor import SupervisorSpec
from supervision.tree import plant

START_MS = 1_790_000_000_000
SEGMENTS = 2


class Do(msgspec.Struct, frozen=True):
    """What the toy is told: the first field set wins nothing, all are done in order."""

    add: int = 0
    fail: int = 0
    """Raise on the first so many attempts (by the toy's own count, which outlives incarnations)."""
    emit_to: str = ""
    emits: int = 0
    loop: bool = False
    arm_ms: int = -1
    absence: bool = False
    bulk: bool = False
    cancel: bool = False
    claim: str = ""
    tab: str = ""
    """A business key whose value counts how often it was named; `x` replaces its value without having been told."""
    ask: bool = False
    ask_there: bool = False
    """The subject `emit_to` is to answer."""
    page_after: str | None = None


class Said(msgspec.Struct, frozen=True):
    total: int
    note: str = ""


class Total(msgspec.Struct, array_like=True):
    format: int = 1
    total: int = 0
    seen: list[int] = []


class Toy(Domain[Total]):
    name = "toy"
    reacts_to: ClassVar[Mapping[str, Any]] = {"toy.do": Do, "toy.loop": Said}
    state_type = Total
    format = 1
    parks = "subject"
    holds_money = True

    def __init__(self) -> None:
        self.attempts: dict[str, int] = {}
        self.broken = False
        """Raise on everything."""
        self.paged: list[Sequence[str]] = []

    def fresh(self, subject: str) -> Total:
        return Total()

    def keys(self, event: Event) -> Sequence[bytes]:
        if not isinstance(event.body, Do):
            return ()
        return [business_key(name) for name in (event.body.claim, event.body.tab) if name not in ("", "x")]

    def page(self, event: Event) -> tuple[str, int] | None:
        after = event.body.page_after if isinstance(event.body, Do) else None
        return None if after is None else (after, 2)

    def react(self, state: Total, event: Event) -> Iterator[Output]:
        state.seen.append(event.entry.offset)
        body = event.body
        if isinstance(body, TimerDue):
            state.total += 1000
            yield Record(Said(state.total, f"{body.key} {body.gen} {'held' if body.held else ''}"))
            return
        if isinstance(body, Said):
            yield Emit("toy.loop", Said(body.total + 1))
            return
        times = self.attempts[event.place] = self.attempts.get(event.place, 0) + 1
        if self.broken or times <= body.fail:
            raise ValueError(f"attempt {times}")
        yield from self._do(state, event, body)

    def _do(self, state: Total, event: Event, body: Do) -> Iterator[Output]:
        if body.claim:
            if business_key(body.claim) in event.claimed:
                return
            yield Claim(business_key(body.claim), b"1")
        if body.tab:
            key = business_key(body.tab)
            count = int(event.claimed.get(key, b"0")) + 1
            yield Claim(key, b"%d" % count, replaces=count > 1 or body.tab == "x")
            yield Record(Said(count, "tab"))
        if body.page_after is not None:
            self.paged.append(event.page)
        state.total += body.add
        if body.add:
            yield Record(Said(state.total))
            yield Emit("toy.said", Said(state.total), route="toy.said")
        for i in range(body.emits):
            yield Emit("toy.heard", Said(i))
        if body.emit_to:
            yield Emit("toy.do", Do(add=body.add, ask=body.ask_there), subject=body.emit_to)
        if body.loop:
            yield Emit("toy.loop", Said(0))
        if body.arm_ms >= 0:
            yield Arm("t", event.at + body.arm_ms, absence=body.absence, lane="bulk" if body.bulk else "")
        if body.cancel:
            yield Cancel("t")
        if body.ask:
            yield Reply(Said(state.total))


class Skipper(Toy):
    """The same, but it parks by entry."""

    name = "skipper"
    parks = "entry"
    holds_money = False


class World:
    """A process on a disk; `restart` kills it and begins another."""

    def __init__(
        self,
        *domains: Toy,
        seed: int = 1,
        limits: Limits | None = None,
        has_broker: bool = False,
        host_limits: HostLimits | None = None,
        answers_to: Callable[[Event], int] | None = None,
    ) -> None:
        structlog.configure(processors=[_drop])
        self.toys = domains or (Toy(),)
        self.toy = self.toys[0]
        self.clock = VirtualClock(START_MS)
        self.runtime = SteppedRuntime(Random(seed), self.clock)
        self.disk = Disk(SEGMENTS)
        self.batches: list[Batch] = []
        self.disk.on_commit = self.batches.append
        self.faults: list[Fault] = []
        """What happens to the next commits, in order; then all is well."""
        self.load_faults = 0
        self.died = ""
        self._limits = limits or Limits()
        self._has_broker = has_broker
        self._host_limits = host_limits or HostLimits()
        self._answers_to = answers_to or reply_to
        self._processes = 0
        self.start()

    def start(self) -> None:
        self._processes += 1
        self.tally = Tally()
        self.store = SimulatedStore(self.disk, lambda _: self.faults.pop(0) if self.faults else "ok", self._load_fault)
        self.engine = Engine(
            self.store, self.store.recover(self.clock.now_ms()), list(self.toys), self.runtime, self.tally,
            self._answers_to, self._limits, self._host_limits, self._has_broker, checks=True,
        )  # fmt: skip
        root = SupervisorSpec("root", self.engine.children(), intensity=0)
        self.tree = plant(self.runtime, root, Random(1), self._fatal, self.tally, f"p{self._processes}/")
        self.tree.start()
        assert self.runtime.run_until(lambda: bool(self.died) or self.engine.begun(), 20_000)

    def _fatal(self, reason: str) -> None:
        self.died = reason

    def _load_fault(self) -> bool:
        if self.load_faults:
            self.load_faults -= 1
            return True
        return False

    def restart(self, clean: bool = False) -> None:
        self.runtime.kill(f"p{self._processes}/")
        self.disk.crash(Random(1))
        if clean:
            self.disk.image.clean = True
        self.died = ""
        self.start()

    def append(self, *dos: Do | tuple[str, Do], id: str = "", **draft: Any) -> list[AppendResult | None]:
        """Tell the journal; the returned list fills when it answers."""
        items = [self._item(do, id, **draft) for do in dos]
        answers: list[AppendResult | None] = []
        done = lambda results: answers.extend(results if results is not None else [None])  # noqa: E731
        self.engine.journal.tell(Append(items, done, sum(len(item.encoded) for item in items)))
        return answers

    def _item(self, do: Do | tuple[str, Do], id: str, **more: Any) -> Item:
        subject, body = do if isinstance(do, tuple) else ("user:1", do)
        draft = Draft("toy.do", subject, msgspec.json.encode(body), id=id, **{"root": id, **more})
        known_by = hash_of(id, subject) if id else None
        return Item(segment_of(subject, SEGMENTS), draft, encode_draft(draft), known_by, hash_of(str(body)))

    def decide(self, kind: str, subject: str, domain: str = "toy") -> None:
        """An operator's word."""
        draft = Draft(
            kind, subject, msgspec.json.encode({"domain": domain, "subject": subject}), origin=Origin.OPERATOR
        )
        item = Item(segment_of(subject, SEGMENTS), draft, encode_draft(draft))
        self.engine.journal.tell(Append([item], lambda _: None, len(item.encoded)))

    def settle(self, seconds: float = 8.0) -> None:
        """Let so much virtual time pass."""
        self.runtime.run_for(seconds)

    def log(self, subject: str = "user:1") -> list[Entry]:
        segment = segment_of(subject, SEGMENTS)
        return list(self.store.reader().read_log(segment, 0, 1 << 40, 100_000))

    def kinds(self, subject: str = "user:1") -> list[str]:
        return [entry.kind for entry in self.log(subject)]

    def state(self, subject: str = "user:1", domain: str = "toy") -> Total | None:
        data = self.store.image.states.get((segment_of(subject, SEGMENTS), domain), {}).get(subject.encode())
        return None if data is None else msgspec.msgpack.decode(data, type=Total)

    def total(self, subject: str = "user:1", domain: str = "toy") -> int:
        state = self.state(subject, domain)
        return state.total if state else 0

    def parked(self) -> list[tuple[str, int, int]]:
        return [(row.subject, row.offset, row.attempts) for row in self.store.image.parked.values()]

    def checkpoint(self, segment: int, domain: str = "toy") -> int:
        return self.store.image.checkpoints[segment, domain].upto


def hash_of(text: str, subject: str = "user:1") -> int:
    return zlib.crc32(f"{text}|{subject}".encode())


def reply_to(event: Event) -> int:
    """As the doors do it: an input is known by its id and its subject."""
    return hash_of(event.entry.root, event.entry.asked_of or event.subject)


def _drop(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent
