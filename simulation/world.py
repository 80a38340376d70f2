"""One seed, one world: the seed draws sizes, load and faults first, then everything happens on one thread in virtual
time.

Two phases, as in TigerBeetle's VOPR: in the first anything may fail at any time; in the second faults are over and
the world must come to rest within a bound, or it fails with the list of who waits on what. Then the books are
compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import structlog

from actors.notification.actor import NotificationActor
from actors.notification.templates import Templates
from actors.points.actor import PointsLedgerActor
from actors.points.programme import Programme
from gateway.ingest import Ingest, Taken
from gateway.wiring import Broker, Parts, Wiring
from simulation.broker import LATER, Call, Message, SimulatedBroker
from simulation.checker import Checker
from simulation.crashes import Crashes, Simulated, Violation
from simulation.model import Model
from simulation.wire import Wire
from supervision.clock import VirtualClock
from supervision.counters import Tally
from supervision.domain import Domain, Event
from supervision.host import DomainHost
from supervision.journal import Limits
from supervision.messages import Item, Stage
from supervision.runtime import Behaviour
from supervision.stepped import SteppedRuntime
from supervision.store import Batch
from supervision.store_simulated import Disk, Fault, SimulatedStore, rejectable
from topology.ports import Props
from topology.wire import ByKey

START_MS = 1_790_000_000_000
STEPS_MAX = 400_000
DAY_MS = 86_400_000
LEAP_S = 15.0
"""Longer than the log's clock holds a leap."""
REST_S_MAX = 600.0
"""Virtual seconds in which a healed world must come to rest."""
REJECTIONS_MAX = 4
"""Of one reader's stages in a world, all segments together."""
READERS = ("points", "notification", "courier", "relay")


class Draw(msgspec.Struct, frozen=True):
    """What the seed drew before the world began (swarm: each kind of fault is on in some worlds only)."""

    segments: int
    users: int
    inputs: int
    orders: int
    http_share: float
    resend_rate: float
    bad_rate: float
    referral_rate: float
    refused_rate: float
    unknown_rate: float
    rejected_rate: float
    load_fault_rate: float
    crash_rate: float
    """Reactions that raise, once."""
    process_crashes: int
    broker_cuts: int
    nack_rate: float
    blocks: int
    quiet_days: int
    valid_days: int
    slow_share: float
    window_s: float


def draw(rng: Random) -> Draw:
    """A world's dimensions, each off in about half of the worlds where it can be."""

    def sometimes(value: float) -> float:
        return value if rng.random() < 0.5 else 0.0

    return Draw(
        segments=rng.randint(1, 4),
        users=rng.randint(1, 12),
        inputs=rng.randint(10, 90),
        orders=rng.randint(3, 60),
        http_share=sometimes(rng.random()),
        resend_rate=sometimes(rng.uniform(0.05, 0.5)),
        bad_rate=sometimes(0.1),
        referral_rate=sometimes(rng.uniform(0.05, 0.4)),
        refused_rate=sometimes(rng.uniform(0.01, 0.2)),
        unknown_rate=sometimes(rng.uniform(0.01, 0.15)),
        rejected_rate=sometimes(rng.uniform(0.01, 0.1)),
        load_fault_rate=sometimes(0.05),
        crash_rate=sometimes(rng.uniform(0.01, 0.1)),
        process_crashes=int(sometimes(rng.randint(1, 4))),
        broker_cuts=int(sometimes(rng.randint(1, 4))),
        nack_rate=sometimes(0.05),
        blocks=int(sometimes(rng.randint(1, 2))),
        quiet_days=int(sometimes(rng.randint(1, 4))),
        valid_days=rng.randint(1, 3),
        slow_share=sometimes(0.3),
        window_s=rng.choice((0.05, 0.5, 5.0)),
    )


class Outcome(msgspec.Struct, frozen=True):
    """How a world ended. `violation` empty: well."""

    seed: int
    digest: str
    steps: int
    inputs: int
    effects: int
    violation: str
    counts: dict[str, int]


class World:
    """Built and run once."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._rng = Random(seed)
        self.draw = draw(Random(self._rng.random()))
        self.clock = VirtualClock(START_MS)
        self.runtime = SteppedRuntime(Random(self._rng.random()), self.clock, weigh=self._weigh)
        self.crashes = Crashes(self.clock)
        self.runtime.on_crash = self.crashes.judge
        self.disk = Disk(self.draw.segments)
        self.checker = Checker(self.disk.image)
        self.disk.on_commit = self._committed
        self.broker = SimulatedBroker(self.runtime, Random(self._rng.random()), self.draw.nack_rate)
        self.broker.on_ack = self._acked
        self.broker.on_publish = self.checker.published
        self.broker.on_write = Wire().written
        self.tally = Tally()
        self._faulty = True
        self._processes = 0
        self._poisoned: set[str] = set()
        self._rejections: Counter[str] = Counter()
        self._made_up = 0
        self._steps = 0
        self.wiring = self._start()

    def _committed(self, batch: Batch) -> None:
        self.checker.committed(batch)
        self.crashes.committed(batch, f"p{self._processes}/")

    def _weigh(self, name: str) -> float:
        return 0.1 if self.draw.slow_share and Random(f"{self.seed}{name}").random() < self.draw.slow_share else 1.0

    def _start(self) -> Wiring:
        """A process begins on what the disk holds."""
        self._processes += 1
        self.checker.process_started()
        process = self._processes
        store = SimulatedStore(self.disk, self._fault, self._load_fault)
        domains: list[Domain[Any]] = [
            PointsLedgerActor(Programme(points_valid_days=self.draw.valid_days, points_reminder_days=0)),
            NotificationActor(Templates()),
        ]
        parts = Parts(
            store=store,
            domains=[self._crashing(domain) for domain in domains] if self.draw.crash_rate else domains,
            runtime=self.runtime,
            rng=Random(self._rng.random()),
            counters=self.tally,
            on_fatal=lambda reason: self._fatal(process, reason),
            broker=Broker(self.broker.consumer, self.broker.publisher),
            limits=Limits(tick_s=0.5),
            checks=True,
            prefix=f"p{process}/",
        )
        wiring = Wiring(parts, self.clock.now_ms())
        wiring.tree.start()
        return wiring

    def _crashing(self, domain: Domain[Any]) -> Domain[Any]:
        """The same domain, but some entries make it raise once."""
        react, rng = domain.react, Random(self._rng.random())

        def raising(state: Any, event: Event) -> Any:
            key = f"{domain.name}{event.place}"
            if self._faulty and key not in self._poisoned and rng.random() < self.draw.crash_rate:
                self._poisoned.add(key)
                raise Simulated("a reaction raises")
            return react(state, event)

        domain.react = raising
        return domain

    def _fault(self, batch: Batch) -> Fault:
        self.checker.offered(batch)
        if not self._faulty:
            return "ok"
        stage = rejectable(batch)
        if stage is not None and self._rng.random() < self.draw.rejected_rate and self._may_reject(stage):
            self.checker.rejected(stage)
            return "rejected"
        roll = self._rng.random()
        if roll < self.draw.refused_rate:
            return "refused"
        if roll < self.draw.refused_rate + self.draw.unknown_rate:
            return self._rng.choice(("unknown_committed", "unknown_lost"))
        if self.draw.process_crashes and roll > 0.999:
            return "fsync"
        return "ok"

    def _may_reject(self, stage: Stage) -> bool:
        """Not so often that a cell uses up its restarts."""
        self._rejections[stage.domain] += 1
        return self._rejections[stage.domain] <= REJECTIONS_MAX

    def _load_fault(self) -> bool:
        return self._faulty and self._rng.random() < self.draw.load_fault_rate

    def _fatal(self, process: int, reason: str) -> None:
        """The process exits; another is started a moment later."""
        if process == self._processes:
            self.runtime.send_after(0.01, LATER, Call(lambda: self._crash(process)))

    def _crash(self, process: int) -> None:
        """kill -9: memory, mail and alarms are gone, sockets closed, the un-synced suffix kept, lost or torn."""
        if process != self._processes:
            return
        self.runtime.kill(f"p{process}/")
        self.broker.process_died()
        self.disk.crash(self._rng)
        self.wiring = self._start()

    def _plan(self) -> None:
        """All load and all scheduled faults, spread over the world's window."""
        window = self.draw.window_s
        for n in range(self.draw.inputs):
            self._at(self._rng.uniform(0, window), self._input_of(n))
        for _ in range(self.draw.process_crashes):
            self._at(self._rng.uniform(0, window * 1.5), lambda: self._crash(self._processes))
        for _ in range(self.draw.broker_cuts):
            self._at(self._rng.uniform(0, window * 1.5), self.broker.cut)
        for _ in range(self.draw.blocks):
            self._at(self._rng.uniform(0, window), lambda: self.broker.publisher.block(window / 2))

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        self.runtime.send_after(seconds, LATER, Call(act))

    def _input_of(self, n: int) -> Callable[[], None]:
        rng = Random(self._rng.random())
        body = self._body(rng)
        over_http = rng.random() < self.draw.http_share

        def send() -> None:
            if over_http:
                self._post(n, body, retries=20)
            else:
                self.broker.put(
                    Message(
                        n,
                        "marketing.points.events",
                        "points.increase.x",
                        Props(message_id=f"m{n}", app_id="shop"),
                        body,
                    )
                )

        def first() -> None:
            send()
            if rng.random() < self.draw.resend_rate:
                self._at(rng.uniform(0, self.draw.window_s), send)

        return first

    def _body(self, rng: Random) -> bytes:
        if rng.random() < self.draw.bad_rate:
            return rng.choice((b"{", b"[]", b'{"event_type":"points_change"}', b'{"event_type":"x"}', b"\xff"))
        user = min(int(rng.expovariate(2 / self.draw.users)), self.draw.users - 1)  # a few hot ones
        change: dict[str, Any] = {
            "event_type": "points_change",
            "user_id": f"u{user}",
            "change_type": rng.choices(("increase", "decrease", "expire"), (6, 3, 1))[0],
            "points": rng.randint(1, 100),
            "reason": rng.choice(("purchase", "sign_in", "gift card!")),
        }
        if rng.random() < 0.6:
            change["order_id"] = f"o{rng.randrange(self.draw.orders)}"
        if rng.random() < self.draw.referral_rate:
            change |= {
                "change_type": "increase",
                "reason": "referral",
                "metadata": {"referrer_id": f"r{rng.randrange(5)}"},
            }
        return msgspec.json.encode(change)

    def _post(self, n: int, body: bytes, retries: int) -> None:
        """A client that sends again under the same key until it is answered."""
        process = self._processes
        answered: list[bool] = []

        def answer(result: Any) -> None:
            answered.append(True)
            if isinstance(result, Taken):
                for accepted in result.accepted:
                    self.checker.answered(accepted.segment, accepted.offset, accepted.id)
            elif getattr(result, "code", "") == "not_taking" and retries:
                self._at(0.2, lambda: self._post(n, body, retries - 1))

        engine = self.wiring.engine
        open_door = engine.journal.bound
        if open_door:
            ingest = Ingest(self.wiring.door.decode, engine.journal, engine.pressure.reasons, self._name, self.tally)
            ingest.submit(body, f"h{n}", answer)

        def again() -> None:
            if not answered and retries and (process != self._processes or not open_door):
                self._post(n, body, retries - 1)
            elif not answered and retries:
                self._at(1.0, again)

        self._at(1.0, again)

    def _name(self) -> str:
        self._made_up += 1
        return f"made-up-{self._made_up}"

    def _acked(self, message: Message) -> None:
        item = self.wiring.door.decode(message.body, "shop", message.props.message_id, ByKey("never"))
        if isinstance(item, Item):
            self.checker.acked(item.draft.id, item.draft.subject)
        else:
            buried = any(letter.body == message.body for letter in self.broker.dead)
            if not buried:
                raise Violation("invariant 5: a message that no door takes was acked and is not among the dead")

    def run(self) -> Outcome:
        """Live, heal, come to rest, compare."""
        violation = ""
        try:
            self._plan()
            self.runtime.after_step = self._stepped
            self._live(self.draw.window_s * 2 + 1)
            for _ in range(self.draw.quiet_days):
                self._pass_a_day()
            self._heal()
            self._compare()
        except (Violation, AssertionError) as found:
            violation = f"{type(found).__name__}: {found}"
        effects = len({effect.props.message_id for effect in self.broker.effects})
        counts = {name: n for (name, _), n in sorted(self.tally.counts.items())}
        return Outcome(
            self.seed, self.runtime.trace.hexdigest(), self._steps, self.checker.inputs, effects, violation, counts
        )

    def _live(self, seconds: float) -> None:
        deadline = self.clock.monotonic_s() + seconds
        self._at(seconds, lambda: None)
        self.runtime.run_while(lambda: self.clock.monotonic_s() < deadline and self._steps < STEPS_MAX)

    def _pass_a_day(self) -> None:
        """Nothing happens for a day: the wall clock leaps, is not believed at first, and then is (logclock.py)."""
        self.clock.skew_ms += DAY_MS
        self._live(LEAP_S)

    def _stepped(self) -> None:
        self._steps += 1
        self.crashes.check()
        self.checker.visible(self.wiring.engine.tails.values())

    def _heal(self) -> None:
        self._faulty = False
        if not self.runtime.run_while(lambda: not self._at_rest(), REST_S_MAX):
            raise Violation(f"liveness: not at rest after {REST_S_MAX} s:\n{self.runtime.pending()}")

    def _at_rest(self) -> bool:
        if self._steps % 50:
            return False
        if self._steps > STEPS_MAX:
            raise Violation(f"liveness: not at rest after {STEPS_MAX} steps:\n{self.runtime.pending()}")
        if not self.broker.idle:
            return False
        heads = {segment: len(log) for segment, log in self.checker.logs.items()}
        stands = self.checker.checkpoints
        return all(stands.get((segment, name), -1) == head for segment, head in heads.items() for name in READERS)

    def _compare(self) -> None:
        self._live(12.0)
        self.runtime.run_while(lambda: not self._at_rest(), REST_S_MAX)
        self.checker.at_rest(READERS)
        self.checker.store_compares()
        self.checker.timers_done(self.clock.now_ms())
        self.wiring.tree.check()
        SimulatedStore(self.disk).check()
        self.checker.memory_is_the_store(self._memories())
        model = Model(self.draw.valid_days)
        for log in self.checker.logs.values():
            for entry in log:
                model.fold(entry)
        self._compare_books(model)

    def _memories(self) -> list[tuple[int, str, str, Any]]:
        found: list[tuple[int, str, str, Any]] = []
        for path in self.wiring.tree.paths:
            host: Behaviour | None = self.wiring.tree.cell(path).behaviour
            if isinstance(host, DomainHost):
                found += host.memories()
        return found

    def _compare_books(self, model: Model) -> None:
        said: dict[str, list[tuple[str, int, int]]] = {}
        for log in self.checker.logs.values():
            for entry in log:
                if entry.kind.startswith("points.") and entry.route and entry.kind != "points.expiring":
                    body = msgspec.json.decode(entry.body)
                    said.setdefault(body["user_id"], []).append((body["event_type"], body["points"], body["balance"]))
        for user, book in sorted(model.books.items()):
            if said.get(user, []) != book.effects:
                raise Violation(f"model: {user} heard {said.get(user, [])[-5:]}, the model says {book.effects[-5:]}")
        for user in sorted(said.keys() - model.books.keys()):
            raise Violation(f"model: {user} heard {said[user]} for nothing")
        for referrer in sorted(model.owed.keys() | model.credited.keys()):
            owed, got = sorted(model.owed.get(referrer, [])), sorted(model.credited.get(referrer, []))
            if owed != got:
                raise Violation(f"model: {referrer} is owed {owed} and was credited {got}")


def _drop(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent


def quiet_logs() -> None:
    """A world's own log lines are noise: thousands of faults are meant."""
    structlog.configure(processors=[_drop])
