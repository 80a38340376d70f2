"""The tree: all cells of an engine, made first and started then, so that whoever is wired may know everybody's address.

`plant` makes every cell, addresses and inboxes included, and starts nothing: what is told to an address now waits for
its first incarnation. `start` gives the root its first order; each supervisor starts its children in order. `stop`
takes them down in reverse order within one bound for all, and says who did not come to rest.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

import msgspec
import structlog

from supervision.cell import Cell, CellState
from supervision.counters import Counters, NullCounters
from supervision.orders import Crashed, Finish, Halt, Halted, Incarnate, Stopped
from supervision.runtime import Address, ChildSpec, Runtime
from supervision.supervisor import Supervisor, SupervisorSpec

STOP_S = 10.0
"""For a whole tree to come to rest; its last tenth is for those that their supervisors did not reach."""

log = structlog.get_logger("tree")


class CellRuntime(Runtime, Protocol):
    """What a tree needs of a runtime: threads.py or stepped.py."""

    def make_cell(self, path: str, spec: ChildSpec, supervisor: Address, counters: Counters) -> Cell: ...

    def start_cell(self, cell: Cell) -> None: ...

    def wait_for(self, event: threading.Event, seconds: float) -> bool: ...


class Row(msgspec.Struct, frozen=True):
    """A line of the printed tree. `restarts` are incarnations beyond the first; `last_error` may hold personal data."""

    path: str
    kind: str
    state: CellState
    restarts: int
    incarnation: int
    inbox: int
    last_error: str = ""


class Crown:
    """Stands above the root, where there is nobody to escalate to."""

    def __init__(self, on_fatal: Callable[[str], None]) -> None:
        self.at_rest = threading.Event()
        self._on_fatal = on_fatal

    def tell(self, message: Any, /) -> None:
        match message:
            case Crashed(kind=kind, text=text, where=where):
                log.critical("root_died", error=kind, where=where)
                self._fatal(f"{kind}: {text}")
            case Halted() | Stopped():
                self.at_rest.set()
            case _:
                pass

    def _fatal(self, reason: str) -> None:
        try:
            self._on_fatal(reason)
        except BaseException as exc:  # we stand in the root's own crash: there is nobody left to raise to
            log.critical("on_fatal_raised", error=type(exc).__name__)


class Tree:
    """All cells by path, `root` first, each supervisor before its children. Any thread may call any method."""

    def __init__(self, runtime: CellRuntime, cells: dict[str, Cell], kinds: dict[str, str], crown: Crown) -> None:
        self._runtime = runtime
        self._cells = cells
        self._kinds = kinds
        self._crown = crown

    def address(self, path: str) -> Address:
        """The address of `segments/03/points`, or of a supervisor; "" is the root. KeyError when unknown. O(1)."""
        return self._cells[path].address

    def cell(self, path: str) -> Cell:
        """For tests and the tree's own views."""
        return self._cells[path]

    @property
    def paths(self) -> list[str]:
        return list(self._cells)

    def start(self) -> None:
        """Give every cell what it runs on, then the root its first order. RuntimeError when the machine cannot."""
        try:
            for cell in self._cells.values():
                self._runtime.start_cell(cell)
        except RuntimeError:
            for cell in self._cells.values():
                cell.address.tell(Halt(final=True))
            raise
        self._cells[""].address.tell(Incarnate())

    def stop(self, seconds: float = STOP_S) -> list[str]:
        """Stop all, in reverse order, for good; -> paths of those that did not rest in time. Never called by a cell."""
        self._cells[""].address.tell(Halt(final=True))
        self._runtime.wait_for(self._crown.at_rest, seconds * 0.9)
        for cell in reversed(self._cells.values()):
            if not cell.actor_stopped.is_set():
                cell.address.tell(Halt(final=True))
        deadline_s = self._runtime.clock.monotonic_s() + seconds * 0.1
        for cell in self._cells.values():
            self._runtime.wait_for(cell.ended, deadline_s - self._runtime.clock.monotonic_s())
        left = [path or "root" for path, cell in self._cells.items() if not cell.ended.is_set()]
        if left:
            log.error("left_behind", cells=left)
        return left

    def resume(self, path: str) -> bool:
        """Let a parked child try again, its budget cleared; False when it is not parked."""
        cell = self._cells[path]
        if cell.state != "parked":
            return False
        cell.address.tell(Finish())
        return True

    def rows(self) -> list[Row]:
        """How everybody is, each at the moment it was looked at."""
        return [
            Row(
                path=path,
                kind=self._kinds[path],
                state=cell.state,
                restarts=max(0, cell.incarnation - 1),
                incarnation=cell.incarnation,
                inbox=len(cell.actor_inbox),
                last_error=cell.last_error,
            )
            for path, cell in self._cells.items()
        ]

    def check(self) -> None:
        """Raise AssertionError when a supervisor's bookkeeping contradicts itself. For the simulator, between steps."""
        for cell in self._cells.values():
            if isinstance(cell.behaviour, Supervisor):
                cell.behaviour.check()


def plant(
    runtime: CellRuntime,
    spec: SupervisorSpec,
    rng: Random,
    on_fatal: Callable[[str], None],
    counters: Counters | None = None,
    prefix: str = "",
) -> Tree:
    """All cells of the tree, none of them started. `prefix` comes before every name that the runtime sees.

    `on_fatal(reason)` is called once per death of the root, in the root's thread; it must only pass the word on.
    """
    crown = Crown(on_fatal)
    planter = _Planter(runtime, rng, counters or NullCounters(), prefix)
    planter.supervisor("", spec, crown)
    return Tree(runtime, planter.cells, planter.kinds, crown)


def start_tree(
    runtime: CellRuntime,
    spec: SupervisorSpec,
    rng: Random,
    on_fatal: Callable[[str], None],
    counters: Counters | None = None,
) -> Tree:
    """`plant` and `Tree.start` in one, for those whose factories need no addresses."""
    tree = plant(runtime, spec, rng, on_fatal, counters)
    tree.start()
    return tree


def render(rows: Sequence[Row]) -> str:
    """The rows as people read them, children indented below their supervisor.

    >>> print(render([Row("", "one_for_one", "running", 0, 1, 0), Row("journal", "child", "running", 2, 3, 7)]))
    root         one_for_one   running      restarts 0  incarnation 1  inbox 0
      journal    child         running      restarts 2  incarnation 3  inbox 7
    """
    names = ["  " * (row.path.count("/") + 1) + row.path.rpartition("/")[2] if row.path else "root" for row in rows]
    width = max(len(name) for name in names) + 4
    return "\n".join(
        f"{name:{width}}{row.kind:14}{row.state:13}"
        f"restarts {row.restarts}  incarnation {row.incarnation}  inbox {row.inbox}"
        for name, row in zip(names, rows, strict=True)
    )


class _Planter:
    """Walks the spec once, supervisors before their children, and makes the cells."""

    def __init__(self, runtime: CellRuntime, rng: Random, counters: Counters, prefix: str) -> None:
        self._runtime = runtime
        self._rng = rng
        self._counters = counters
        self._prefix = prefix
        self.cells: dict[str, Cell] = {}
        self.kinds: dict[str, str] = {}

    def supervisor(self, path: str, spec: SupervisorSpec, above: Address) -> Cell:
        below: dict[str, Cell] = {}
        numbers = itertools.count(1)

        def factory(me: Address) -> Supervisor:
            return Supervisor(me, path or "root", spec, below, self._runtime, self._rng, self._counters, numbers)

        me = self._cell(path, ChildSpec(spec.id, factory, shutdown_s=spec.shutdown_s), above, spec.strategy)
        for child in spec.children:
            below[child.id] = self._child(f"{path}/{child.id}" if path else child.id, child, me.address)
        return me

    def _child(self, path: str, spec: ChildSpec | SupervisorSpec, above: Address) -> Cell:
        if isinstance(spec, SupervisorSpec):
            return self.supervisor(path, spec, above)
        return self._cell(path, spec, above, "child")

    def _cell(self, path: str, spec: ChildSpec, above: Address, kind: str) -> Cell:
        cell = self._runtime.make_cell(self._prefix + (path or "root"), spec, above, self._counters)
        self.cells[path] = cell
        self.kinds[path] = kind
        return cell
