"""Behaviours and addresses for the tests of cells, supervisors and runtimes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import msgspec
import pytest

from supervision.cell import Cell
from supervision.clock import SystemClock, VirtualClock
from supervision.counters import Counters, Tally
from supervision.orders import Incarnate
from supervision.runtime import Address, Behaviour, ChildSpec
from supervision.stepped import SteppedRuntime
from supervision.threads import ThreadCell, ThreadRuntime
from supervision.tree import CellRuntime

DEADLINE_S = 10.0
STRIDE_S = 20.0


class Recorder:
    """An address that keeps what it is told, and can be waited for."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self._more = threading.Condition()

    def tell(self, message: Any, /) -> None:
        with self._more:
            self.heard.append(message)
            self._more.notify_all()

    def of(self, kind: type) -> list[Any]:
        with self._more:
            return [message for message in self.heard if isinstance(message, kind)]

    def wait(self, until: Callable[[list[Any]], bool]) -> None:
        """Until what was heard satisfies `until`. Only for messages that come from other threads."""
        with self._more:
            assert self._more.wait_for(lambda: until(self.heard), DEADLINE_S), self.heard


class Probe:
    """Counts since it was made, and does what messages say: raises an exception, calls a callable with itself."""

    def __init__(self, me: Address, book: list[str] | None = None, name: str = "") -> None:
        self.me = me
        self.seen: list[Any] = []
        self.book = book if book is not None else []
        self.name = name

    def started(self) -> None:
        self.book.append(f"{self.name} started")

    def receive(self, message: Any) -> Any:
        self.seen.append(message)
        if isinstance(message, BaseException):
            raise message
        if callable(message):
            return message(self)
        return len(self.seen)

    def stopping(self) -> None:
        self.book.append(f"{self.name} stopping")


def probe(name: str, book: list[str] | None = None, **fields: Any) -> ChildSpec:
    """The spec of a Probe."""
    return ChildSpec(name, lambda me: Probe(me, book, name), **fields)


class FailingStart(Probe):
    """Its first act raises."""

    def started(self) -> None:
        raise RuntimeError("cannot start")


def failing_times(times: int, name: str = "flaky", **fields: Any) -> ChildSpec:
    """A child whose factory fails `times` times, then makes Probes."""
    left = [times]

    def factory(me: Address) -> Behaviour:
        if left[0] > 0:
            left[0] -= 1
            raise RuntimeError(f"{left[0]} more to come")
        return Probe(me, name=name)

    return ChildSpec(name, factory, **fields)


class AllPooled(ThreadRuntime):
    """All cells share a thread, supervisors too."""

    def make_cell(self, path: str, spec: ChildSpec, supervisor: Address, counters: Counters) -> ThreadCell:
        return super().make_cell(path, msgspec.structs.replace(spec, pooled=True), supervisor, counters)


RUNTIMES: dict[str, Callable[[int], ThreadRuntime | SteppedRuntime]] = {
    "threads": lambda _seed: ThreadRuntime(SystemClock()),
    "pooled": lambda _seed: AllPooled(SystemClock()),
    "stepped": lambda seed: SteppedRuntime(Random(seed), VirtualClock()),
}


@contextmanager
def running(kind: str, seed: int = 1) -> Iterator[CellRuntime]:
    """A runtime of that kind, closed at the end."""
    runtime = RUNTIMES[kind](seed)
    try:
        yield runtime
    finally:
        runtime.close()


both_runtimes = pytest.mark.parametrize("kind", RUNTIMES)
"""Threads, which cells may have each their own or share, and steps."""


def lone_cell(
    runtime: CellRuntime,
    spec: ChildSpec,
    above: Address | None = None,
    counters: Counters | None = None,
    first: bool = True,
) -> Cell:
    """A cell under a recorder instead of a supervisor; `first`: already ordered to make its first incarnation."""
    cell = runtime.make_cell(spec.id, spec, above or Recorder(), counters or Tally())
    runtime.start_cell(cell)
    if first:
        cell.address.tell(Incarnate())
    return cell


def ask(cell: Cell, message: Any, timeout: float = DEADLINE_S) -> Any:
    return cell.actor_ref.ask(message, timeout=timeout)


def settle(runtime: CellRuntime, until: Callable[[], bool]) -> None:
    """Let the world go on until `until`; fails after the deadline."""
    if isinstance(runtime, SteppedRuntime):
        assert runtime.run_until(until, 100_000), runtime.pending()
        return
    ticks = threading.Event()
    deadline_s = runtime.clock.monotonic_s() + DEADLINE_S
    while not until():
        assert runtime.clock.monotonic_s() < deadline_s, "it did not come to pass"
        ticks.wait(0.002)


def pass_time(runtime: SteppedRuntime, seconds: float) -> None:
    """Let hours of virtual time pass in strides: what is due within one comes at its end, and the ticks that fall into
    it are one (a day has 400,000). The last stride goes at the usual pace, so that all that was due is done.
    """
    end_s = runtime.clock.monotonic_s() + seconds
    while end_s - runtime.clock.monotonic_s() > STRIDE_S:
        runtime.clock.advance(STRIDE_S)
        runtime.run_for(0.0)
    runtime.run_for(end_s - runtime.clock.monotonic_s())
