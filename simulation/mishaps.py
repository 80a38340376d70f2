"""What befalls a world from outside its processes: kills, a broker in trouble, a wall clock that is set, a full disk,
operators who come by, and days on which nothing happens.

Planned when the world begins, spread over its days; `end` takes back what is still so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Protocol

from simulation.bent_clock import BentClock
from simulation.broker import SimulatedBroker
from simulation.draw import Draw
from simulation.faults import Faults
from simulation.operators import Operators

DAY_S = 86_400
TOGETHER_SHARE = 0.15
AFTERMATH_SHARE = 0.5
AFTERMATH_S = 5.0
STALL_S_MAX = 8.0
LEAP_S = 12.0
"""Longer than the log's clock holds a leap."""
ASLEEP_SHARE = 0.9
"""Of quiet times after which the disk, too, takes a while to wake: just when all timers of these days fire."""
JUMPS_MS = (-3_600_000, -90_000, -2_000, 2_000, 50_000, 90_000)
"""The last is a leap that is held; it is over before it is believed, or not."""


class Befallen(Protocol):
    """What mishaps need of their world."""

    draw: Draw
    clock: BentClock
    broker: SimulatedBroker
    faults: Faults
    operators: Operators
    marks: Counter[str]

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...
    def crash(self) -> None: ...


class Mishaps:
    """Of one world."""

    def __init__(self, rng: Random, world: Befallen) -> None:
        self._rng = rng
        self._world = world
        self._set_back_ms = 0
        self.crash_step = self._next_crash(0)
        """After which step the process is killed next, 0: never."""
        world.broker.linger_rate = world.draw.linger_rate
        world.broker.lost_confirm_rate = world.draw.lost_confirm_rate
        world.broker.consumer.prefetch = world.draw.prefetch
        world.broker.linger_s_max = rng.choice((1.0, 8.0))
        if world.draw.side_cuts or world.draw.broker_cuts:
            world.faults.on_trouble = self._never_alone

    def plan(self) -> None:
        """Everything that comes at a time of its own."""
        world, drawn, broker = self._world, self._world.draw, self._world.broker
        short = drawn.window_s / 2
        self._times(drawn.process_crashes, world.crash)
        self._times(drawn.broker_cuts, broker.cut)
        self._times(drawn.side_cuts, self._cut_one_side)
        self._times(drawn.outages, lambda: broker.stay_away(short))
        self._times(drawn.returns, lambda: broker.lose_unrouted(short))
        self._times(drawn.blocks, lambda: broker.publisher.block(short))
        self._times(drawn.clock_jumps, self._bend_clock)
        self._times(drawn.disk_lows, self._fill_disk)
        if drawn.refused_rate or drawn.unknown_rate:  # early, so that much comes while it lasts
            world.at(self._rng.uniform(0.3, 0.9) * drawn.window_s, self._unless_over(self._stall_store))
        self._times(drawn.operators, self._decide)

    def _times(self, n: int, act: Callable[[], None]) -> None:
        """`n` times while inputs come, on whatever day: time leaps between days, so each is drawn within one."""
        for _ in range(n):
            self._world.at(self._rng.uniform(0, self._world.draw.window_s * 1.2), self._unless_over(act))

    def _unless_over(self, act: Callable[[], None]) -> Callable[[], None]:
        def maybe() -> None:
            if self._world.faults.on:
                act()

        return maybe

    def _decide(self) -> None:
        self._world.operators.decide_one()

    def _never_alone(self) -> None:
        """What befalls the disk befalls the network too, often enough: they hang on the same power."""
        world = self._world
        if self._rng.random() < TOGETHER_SHARE:
            world.at(self._rng.uniform(0, 0.05), self._unless_over(lambda: world.broker.consumer.cut("cut")))

    def _cut_one_side(self) -> None:
        broker = self._world.broker
        if self._rng.random() < 0.5:
            broker.consumer.cut("the consumer was cancelled")
        else:
            broker.publisher.cut("cut")

    def _bend_clock(self) -> None:
        world, clock = self._world, self._world.clock
        if self._rng.random() < 0.3:
            clock.stand()
            world.at(self._rng.uniform(0.1, 2.0), clock.go_on)
            return
        jump = self._rng.choice(JUMPS_MS)
        clock.skew_ms += jump
        self._set_back_ms -= min(jump, 0)
        world.marks["clock_back"] += jump < 0

    def _fill_disk(self) -> None:
        faults = self._world.faults

        def freed() -> None:
            faults.disk_low = False

        faults.disk_low = True
        self._world.marks["disk_low"] += 1
        self._world.at(6.0, freed)

    def _stall_store(self) -> None:
        faults = self._world.faults

        def goes_on() -> None:
            faults.stalled = False

        faults.stalled = True
        self._world.at(self._rng.choice((0.3, STALL_S_MAX / 2, STALL_S_MAX)), goes_on)

    def quiet_days(self, days: int) -> float:
        """Nothing happens for `days`; -> how long to live on until that is believed. Then operators come again."""
        clock = self._world.clock
        self._times(self._world.draw.operators // 2, self._decide)
        if self._world.draw.days_leap:
            clock.skew_ms += days * DAY_S * 1000
            return LEAP_S
        clock.advance(days * DAY_S)
        if self._world.draw.refused_rate and self._rng.random() < ASLEEP_SHARE:
            self._stall_store()
        return 0.1

    def aftermath(self) -> float:
        """How long faults go on when nothing new is sent any more; timers, looks at the queue and operators do too."""
        if self._rng.random() >= AFTERMATH_SHARE:
            return 0.0
        for _ in range(self._world.draw.operators):
            self._world.at(self._rng.uniform(0, AFTERMATH_S), self._unless_over(self._decide))
        return AFTERMATH_S

    def _next_crash(self, after: int) -> int:
        mean = self._world.draw.crash_every_steps
        return after + 1 + int(self._rng.expovariate(1 / mean)) if mean else 0

    def crashes(self) -> bool:
        """The step has come: draw the next one; whether the process is to be killed now."""
        self.crash_step = self._next_crash(self.crash_step)
        return self._world.faults.on

    def end(self) -> None:
        """Take back what is still so."""
        world = self._world
        world.clock.go_on()
        world.clock.skew_ms += self._set_back_ms  # or the log's time would stand for as long as it was set back
        world.faults.disk_low = world.faults.stalled = False
        world.broker.away = world.broker.unroutable = False
        world.broker.mend()
