"""What goes wrong inside a process: the store's bad days, and actors that raise, in whatever hook the seed picks.

Everything raised here is a `Simulated…`, so that a crash which nobody meant can be told from one that was. What was
done to which entry is remembered over processes: an entry that is set aside without ever having raised is a finding.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

from simulation.crashes import Simulated
from simulation.draw import Draw
from supervision.clock import VirtualClock
from supervision.domain import Domain, Event
from supervision.entry import Entry, Origin
from supervision.host import DomainHost
from supervision.messages import Stage
from supervision.runtime import Address, Behaviour
from supervision.store import Batch, Loaded, Refused
from supervision.store_simulated import Disk, Fault, SimulatedReader, SimulatedStore, rejectable
from supervision.tree import Tree

RAISES_ALWAYS = 1_000_000
FIRING_FACTOR = 15
"""Firings are few among the entries, so they are poison that much oftener."""
FLAKY_RATE = 0.5
FLAKES_MAX = 4
FLAKY_PERIOD_S = 60.0
"""A flaky cell gets so many chances within such a time: fewer than restarts that would be too many."""
CRASHABLE = ("journal", "readers/courier", "readers/watchdog", "doors/relay", "doors/bridge", "segments/")
"""Whose starts and messages may raise: everybody below the supervisors."""


class Ill(msgspec.Struct):
    """What one entry does to one domain: raises (or kills the process) in `hook` as long as `left` is not used up."""

    hook: str
    left: int


class Faults:
    """Outlives processes. `counts` says how often each kind happened; `on` False ends all of it."""

    def __init__(self, rng: Random, draw: Draw, clock: VirtualClock) -> None:
        self._rng = rng
        self._draw = draw
        self._clock = clock
        self.on = True
        self.counts: Counter[str] = Counter()
        self.on_offer: Callable[[Batch], None] = lambda _: None
        self.on_reject: Callable[[Stage], None] = lambda _: None
        self.on_trouble: Callable[[], None] = lambda: None
        """Told of each fault of the store."""
        self.kill = False
        """A reaction has taken the process with it: the world ends it after this step."""
        self.on_kill: Callable[[], None] = lambda: None
        """Told at the very moment."""
        self.on_deadly: Callable[[str, Event, str], None] = lambda _domain, _event, _hook: None
        """Told of each entry that takes the process with it, and how."""
        self.disk_low = False
        self.stalled = False
        """The store takes nothing at all."""
        self._sick_left = draw.sick_crashes
        self._flaky = ""
        """The one cell that crashes now and then as long as faults last."""
        self._flakes: deque[float] = deque(maxlen=FLAKES_MAX)
        self._ill: dict[tuple[str, int, int, int], Ill | None] = {}
        self.guilty: set[tuple[str, str]] = set()
        """(domain, place) of entries that have raised or killed, (domain, subject) of spoilt states."""
        self._unencodable: list[Any] = []
        """States, by identity, that an ill reaction has left."""
        self._deadly: list[tuple[Any, str, Event]] = []
        """States, by identity, over whose encoding the process dies, and because of whom."""

    def happens(self, rate: float) -> bool:
        return self.on and rate > 0.0 and self._rng.random() < rate

    @property
    def of_store(self) -> int:
        return sum(n for kind, n in self.counts.items() if kind.startswith("store_"))

    def free_bytes(self) -> int:
        return 1 << 20 if self.disk_low else 1 << 40

    # The store.

    def of_commit(self, batch: Batch) -> Fault:
        self.on_offer(batch)
        if not self.on:
            return "ok"
        draw = self._draw
        if self.happens(0.1 if draw.slow_store_s else 0.0):
            self.counts["store_slow"] += 1
            self._clock.advance(self._rng.uniform(0.0, draw.slow_store_s))
        if self.stalled or self.happens(draw.refused_rate):
            return self._counted("refused")
        if self.happens(draw.unknown_rate):
            return self._counted("unknown_committed" if self._rng.random() < 0.5 else "unknown_lost")
        if self.happens(draw.fsync_rate):
            return self._counted("fsync")
        stage = rejectable(batch)
        if stage is not None and self.happens(draw.rejected_rate):
            self.on_reject(stage)
            return self._counted("rejected")
        return "ok"

    def _counted(self, fault: Fault) -> Fault:
        self.counts[f"store_{fault}"] += 1
        self.on_trouble()
        return fault

    def of_load(self) -> bool:
        if self.happens(self._draw.load_fault_rate):
            self.counts["store_load_refused"] += 1
            return True
        return False

    def of_doubt(self) -> bool:
        if self.happens(self._draw.doubt_rate):
            self.counts["store_doubt_refused"] += 1
            return True
        return False

    # Domains.

    def wrap(self, domain: Domain[Any]) -> Domain[Any]:
        """The same domain, but some entries make one of its hooks raise, or end the process."""
        if not (self._draw.poison_rate or self._draw.kill_rate or self._draw.raise_rate):
            return domain
        name, react, keys = domain.name, domain.react, domain.keys
        check, check_shared = domain.check, domain.check_shared

        def reacting(state: Any, event: Event) -> Any:
            ill = self._ill_of(name, event)
            if ill is not None and ill.hook != "keys" and self._takes(ill, name, event):
                match ill.hook:
                    case "react":
                        raise Simulated("a reaction raises")
                    case "late":
                        list(react(state, event))
                        raise Simulated("a reaction raises when it has changed everything")
                    case "encode":
                        self._unencodable.append(state)
                    case "kill_late":
                        self._deadly.append((state, name, event))
                    case _:
                        self._die(name, event, ill.hook)
            return react(state, event)

        def naming(event: Event) -> Sequence[bytes]:
            ill = self._ill_of(name, event)
            if ill is not None and ill.hook == "keys" and self._takes(ill, name, event):
                raise Simulated("keys raises")
            return keys(event)

        def checking(state: Any) -> None:
            self._make_sure_of(state)
            check(state)

        def checking_shared(shared: Any) -> None:
            self._make_sure_of(shared)
            check_shared(shared)

        domain.react, domain.keys = reacting, naming
        domain.check, domain.check_shared = checking, checking_shared
        return domain

    def _die(self, domain: str, event: Event, hook: str) -> None:
        self.on_deadly(domain, event, hook)
        self.kill = True
        self.on_kill()

    def _make_sure_of(self, state: Any) -> None:
        for left, domain, event in self._deadly:
            if left is state:
                self._deadly.clear()
                self._die(domain, event, "kill_late")
                break
        if any(ill is state for ill in self._unencodable):
            raise Simulated("a state cannot be encoded")

    def _takes(self, ill: Ill, domain: str, event: Event) -> bool:
        if not self.on or ill.left <= 0:
            return False
        ill.left -= 1
        self.guilty.add((domain, event.place))
        if ill.hook in ("encode", "kill_late"):  # it may show with a later entry of the same subject only
            self.guilty.add((domain, event.subject))
        self.counts[f"raised_{ill.hook}"] += 1
        return True

    def _ill_of(self, domain: str, event: Event) -> Ill | None:
        entry = event.entry
        at = (domain, entry.segment, entry.epoch, entry.offset)
        if at not in self._ill:
            self._ill[at] = self._draw_ill(domain, entry.origin is Origin.TIMER) if self.on else None
        return self._ill[at]

    def _draw_ill(self, domain: str, firing: bool) -> Ill | None:
        rng, draw = self._rng, self._draw
        hooks = ("react", "react", "keys") if domain == "notification" else ("react", "late", "late", "keys", "encode")
        if self.happens(draw.poison_rate * (FIRING_FACTOR if firing else 1)):
            return Ill(rng.choice(hooks), rng.choice((3, 5, 7, RAISES_ALWAYS, RAISES_ALWAYS)))
        if self.happens(draw.kill_rate):
            hook = "kill" if domain == "notification" else rng.choice(("kill", "kill", "kill_late"))
            return Ill(hook, rng.choice((1, 3, 6, 6)))
        if self.happens(draw.raise_rate):
            return Ill(rng.choice(hooks), rng.randint(1, 2))
        return None

    # Cells.

    def infect(self, tree: Tree, plant: Callable[[str, Callable[[Address], Behaviour]], None]) -> None:
        """Make factories, first acts, messages and last acts raise now and then. Before the tree starts."""
        if self._sick_left:
            sick = self._rng.choice([path for path in tree.paths if path.startswith("segments/") and _is_host(path)])
            plant(sick, self._sickened(tree.cell(sick).spec.factory))
        if not (self._draw.start_crash_rate or self._draw.cell_crash_rate):
            return
        paths = [p for p in tree.paths if p.startswith(CRASHABLE) and (not p.startswith("segments/") or _is_host(p))]
        if not self._flaky:
            self._flaky = self._rng.choice([path for path in paths if path != "journal"])
        for path in paths:
            plant(path, self._infected(tree.cell(path).spec.factory, path == self._flaky))

    def _sickened(self, factory: Callable[[Address], Behaviour]) -> Callable[[Address], Behaviour]:
        """As long as it is sick, whether or not faults are over: its domain is parked, and an operator's matter."""

        def make(me: Address) -> Behaviour:
            if self._sick_left > 0:
                self._sick_left -= 1
                self.counts["raised_factory"] += 1
                raise Simulated("factory raises again and again")
            return factory(me)

        return make

    def _infected(self, factory: Callable[[Address], Behaviour], flaky: bool) -> Callable[[Address], Behaviour]:
        def make(me: Address) -> Behaviour:
            self._maybe("factory", self._draw.start_crash_rate / 3)
            made: Any = factory(me)
            started, receive, stopping = made.started, made.receive, made.stopping

            def starting() -> None:
                self._maybe("started", self._draw.start_crash_rate / 3)
                started()
                self._maybe("started", self._draw.start_crash_rate / 3)

            def receiving(message: Any) -> Any:
                self._maybe("receive", self._draw.cell_crash_rate)
                if flaky and self._may_flake():
                    self._maybe("receive", FLAKY_RATE)
                return receive(message)

            def ending() -> None:
                stopping()
                self._maybe("stopping", self._draw.start_crash_rate)

            made.started, made.stopping = starting, ending
            if flaky or self._draw.cell_crash_rate:
                made.receive = receiving
            return made

        return make

    def _may_flake(self) -> bool:
        """Seldom enough that a restart is a cure each time, for ever."""
        now_s = self._clock.monotonic_s()
        if self._flakes and now_s - self._flakes[0] < FLAKY_PERIOD_S:
            return False
        self._flakes.append(now_s)
        return True

    def _maybe(self, hook: str, rate: float) -> None:
        if self.happens(rate):
            self.counts[f"raised_{hook}"] += 1
            raise Simulated(f"{hook} raises")


def _is_host(path: str) -> bool:
    return path.count("/") == 2


class FaultyStore(SimulatedStore):
    """The simulated store with a world's faults, and readers that are watched."""

    def __init__(self, disk: Disk, faults: Faults) -> None:
        super().__init__(disk, faults.of_commit, faults.of_load)
        self._of = faults

    def commit_no(self) -> int:
        if self._of.of_doubt():
            raise Refused("the disk does not say")
        return super().commit_no()

    def free_bytes(self) -> int:
        return self._of.free_bytes()

    def reader(self) -> WatchedReader:
        return WatchedReader(self, self._of)


class WatchedReader(SimulatedReader):
    """Notices a state that the same incarnation loads again, and entries that are read because the ring lacks them."""

    def __init__(self, store: FaultyStore, faults: Faults) -> None:
        super().__init__(store)
        self._faults = faults
        self._loaded: set[str] = set()

    def read_log(self, segment: int, after: int, upto: int, entries_max: int) -> Sequence[Entry]:
        self._faults.counts["ring_missed"] += 1
        return super().read_log(segment, after, upto, entries_max)

    def load(
        self,
        segment: int,
        domain: str,
        subjects: Sequence[str],
        timers: Sequence[tuple[str, str]],
        keys: Sequence[bytes],
    ) -> Loaded:
        loaded = super().load(segment, domain, subjects, timers, keys)
        self._faults.counts["lru_reloads"] += sum(1 for subject in loaded.states if subject in self._loaded)
        self._loaded.update(subjects)
        return loaded


def hosts(tree: Tree) -> list[DomainHost]:
    """The incarnations that stand now."""
    behaviours = (tree.cell(path).behaviour for path in tree.paths)
    return [behaviour for behaviour in behaviours if isinstance(behaviour, DomainHost)]
