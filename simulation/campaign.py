"""Many worlds: on all cores, with totals, coverage marks and one digest over all digests.

Worlds are independent, so they are dealt to processes in slices, and what is printed is in order of their seeds: the
same seeds give the same lines whatever the number of processes, but for the rate. A world that fails is lived again in
this process, first to say its last steps, then smaller and smaller.
"""

from __future__ import annotations

import gc
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import msgspec

from simulation.bugs import BUGS, planted
from simulation.draw import Draw, draw_of, overridden
from simulation.marks import BY_WHERE, MARKS
from simulation.shrink import shrunk
from simulation.spoken_trace import SpokenTrace
from simulation.world import Outcome, World, quiet_logs
from supervision.trace import Trace

SLICE_WORLDS = 10
LAST_STEPS = 25


class Asked(msgspec.Struct, frozen=True):
    """How often a mark must occur: from `once_worlds` on at all, from `share_worlds` on in `share` of them."""

    once_worlds: int
    share_worlds: int
    share: float

    def least(self, worlds: int) -> int:
        """In how many of so many worlds."""
        if worlds >= self.share_worlds:
            return max(1, int(worlds * self.share))
        return int(worlds >= self.once_worlds)


ANYWHERE = Asked(1_000, 5_000, 0.01)
WHERE_IT_CAN = Asked(100, 500, 0.05)
"""Of marks that only some worlds can reach, as they belong to a domain: of those worlds."""
FAILURES_SHOWN = 5


def run_one(seed: int, bug: str = "", dims: Draw | None = None, trace: Trace | None = None) -> Outcome:
    """One world with one planted bug, or with none."""
    with planted(BUGS[bug] if bug else None):
        return World(seed, dims, trace).run()


def run_slice(seeds: Sequence[int], bug: str) -> list[Outcome]:
    """In a process of its own. Garbage is collected after each world, while it is still in the processor's cache: after
    ten of them it costs twice as much. Within a world there is little, and what was there before (modules, mostly) is
    not looked at again."""
    quiet_logs()
    gc.freeze()
    gc.disable()
    try:
        return [_alone(seed, bug) for seed in seeds]
    finally:
        gc.enable()
        gc.unfreeze()


def _alone(seed: int, bug: str) -> Outcome:
    """One world, of which nothing is left but how it ended."""
    outcome = run_one(seed, bug)
    gc.collect()
    return outcome


def run_many(seeds: Sequence[int], jobs: int, bug: str = "") -> Iterator[Outcome]:
    """All of `seeds`, in order, on `jobs` processes."""
    slices = [seeds[i : i + SLICE_WORLDS] for i in range(0, len(seeds), SLICE_WORLDS)]
    if jobs <= 1:
        for each in slices:
            yield from run_slice(each, bug)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for outcomes in pool.map(run_slice, slices, [bug] * len(slices)):
            yield from outcomes


class Totals:
    """The sums over the worlds of a run; `chosen`: that were chosen for what they have, so that they say nothing of how
    rare it is elsewhere.
    """

    def __init__(self, chosen: bool = False) -> None:
        self._chosen = chosen
        self._sums: Counter[str] = Counter()
        self._marks: Counter[str] = Counter()
        self.worlds_with: Counter[str] = Counter()
        """How many had a dimension that marks ask for."""
        self._digests = hashlib.sha256()
        self.worlds = 0
        self.failed: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        self.worlds += 1
        for name in ("inputs", "crashes", "store_faults", "broker_faults"):
            self._sums[name] += getattr(outcome, name)
        self._marks.update(outcome.marks.keys())
        drawn = draw_of(outcome.seed)
        self.worlds_with.update(where for where in BY_WHERE if not where or getattr(drawn, where))
        self._digests.update(f"{outcome.seed} {outcome.digest}\n".encode())
        if outcome.violation:
            self.failed.append(outcome)

    def lines(self, seconds: float) -> list[str]:
        """The sums, the rate, how many worlds had what, the marks with the number of worlds they occurred in, the
        digest of digests.
        """
        sums = {name.replace("_", " "): n for name, n in self._sums.items()}
        said = [f"worlds: {self.worlds:,}", *(f"{name}: {n:,}" for name, n in sums.items())]
        said += [f"failed: {len(self.failed):,}", f"worlds/s: {self.worlds / max(seconds, 1e-9):.1f}"]
        said += [f"with {where}: {self.worlds_with[where]:,}" for where in BY_WHERE if where]
        said += [f"mark {name}: {self._marks[name]:,}" for name in MARKS]
        return [*said, f"digest of digests: {self._digests.hexdigest()}"]

    def missing(self) -> list[str]:
        """Marks that are too rare in so many worlds that can reach them, each with how often it occurred."""
        return [line for where in BY_WHERE for line in self._too_rare(where)]

    def _too_rare(self, where: str) -> list[str]:
        if self._chosen and not where:
            return []
        worlds = self.worlds_with[where]
        least = (WHERE_IT_CAN if where else ANYWHERE).least(worlds)
        among = f"{worlds:,} worlds" + (f" with {where}" if where else "")
        return [f"{name}: {self._marks[name]} of {among}" for name in BY_WHERE[where] if self._marks[name] < least]


def portrait(outcome: Outcome, drawn: Draw) -> list[str]:
    """One world in a few lines, its digest last."""
    fields = msgspec.structs.asdict(drawn)
    faults = [f"{name} {value:.3g}" for name, value in fields.items() if value and name.endswith(("_rate", "_share"))]
    sizes = [f"{name} {value:g}" for name, value in fields.items() if not name.endswith(("_rate", "_share"))]
    happened = (
        f"inputs: {outcome.inputs}, steps: {outcome.steps}, effects: {outcome.effects}, crashes: {outcome.crashes}, "
        f"store faults: {outcome.store_faults}, broker faults: {outcome.broker_faults}"
    )
    return [
        f"world: {outcome.seed}",
        f"drawn: {', '.join(sizes)}",
        f"rates: {', '.join(faults) or 'none'}",
        happened,
        f"marks: {', '.join(f'{name} {n}' for name, n in outcome.marks.items())}",
        f"digest: {outcome.digest}",
    ]


def command(seed: int, bug: str = "", settings: Sequence[str] = ()) -> str:
    """What to type to live through this world again."""
    planted_bug = f" --bug {bug}" if bug else ""
    return f"python run.py simulate --seed {seed}{planted_bug}" + "".join(f" --set {each}" for each in settings)


def autopsy(failed: Outcome, bug: str = "", settings: Sequence[str] = ()) -> list[str]:
    """Why the world ended badly: checker, last steps, and the one command that shows it, of a smaller world if any."""
    seed = failed.seed
    dims = overridden(draw_of(seed), settings)
    last: deque[str] = deque(maxlen=LAST_STEPS)
    run_one(seed, bug, dims, SpokenTrace(last.append))
    said = [f"seed: {seed}", f"violation: {failed.violation}", "last steps:", *last]
    if settings:
        return [*said, f"again: {command(seed, bug, settings)}"]
    smaller = shrunk(seed, failed.violation, lambda smaller: run_one(seed, bug, smaller).violation)
    if smaller:
        said.append(f"this world as it was drawn: {command(seed, bug)}")
    return [*said, f"again: {command(seed, bug, [f'{name}={value:g}' for name, value in smaller.items()])}"]


def report(outcomes: Iterable[Outcome], tick: Callable[[], None], chosen: bool = False) -> Totals:
    """Add them up as they come."""
    totals = Totals(chosen)
    for outcome in outcomes:
        totals.add(outcome)
        tick()
    return totals
