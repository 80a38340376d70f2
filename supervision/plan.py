"""What a supervisor decides, without doing any of it: reports and times go in, actions come out.

Each child has a state and a wish (to run or to rest). Whatever is reported, the same three questions are asked again
in `_advance`: who must still come to rest (the last first, one after the other)? is everybody at rest who should be,
so that a restart, an escalation or a stop can go on? who may start (in order)? So an event in the middle of anything
needs no case of its own, and a stop overtakes a restart by changing wishes.

- one_for_one: a child that fails is restarted alone, and nobody waits for it.
- rest_for_one: those after it are halted, last first, and start again in order once it stands.
- A failed start counts like a crash. The budget is the child's own, and asked before each restart.
- A used-up budget: the child's stand-in takes its place (parked), or, where there is none, the supervisor escalates:
  it halts its children and then dies, so that its own supervisor decides.
- A child that does not come to rest in time cannot be ended from outside. In a final stop it is left behind, named;
  anywhere else the supervisor escalates, for two incarnations of one actor must never be at work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import Literal

import msgspec

from supervision.backoff import BackOff
from supervision.budget import RestartBudget
from supervision.orders import Crashed

Strategy = Literal["one_for_one", "rest_for_one"]
ChildState = Literal["idle", "starting", "running", "backing off", "parking", "parked", "halting", "stopped"]
RESTING: frozenset[ChildState] = frozenset(("idle", "backing off", "stopped"))
"""Nobody at work behind the address."""


class ChildPlan(msgspec.Struct, frozen=True):
    """What the plan must know of a child; see `ChildSpec`."""

    id: str
    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    can_park: bool = False


class Start(msgspec.Struct, frozen=True):
    """Order an incarnation."""

    child: str


class Rest(msgspec.Struct, frozen=True):
    """Order a halt, and report `overdue(child, gen)` if it has not come to pass within the child's shutdown time."""

    child: str
    gen: int
    final: bool


class Wait(msgspec.Struct, frozen=True):
    """Report `due(child, gen)` in `delay_s`. `attempt` counts the restarts of the period."""

    child: str
    gen: int
    delay_s: float
    attempt: int
    error: str
    where: str


class StandIn(msgspec.Struct, frozen=True):
    """Order the stand-in."""

    child: str
    reason: str


class Note(msgspec.Struct, frozen=True):
    """A decision to be logged that asks for nothing else."""

    event: str
    child: str
    reason: str = ""


class Escalate(msgspec.Struct, frozen=True):
    """Die with this reason. Always the last action."""

    reason: str


class CameToRest(msgspec.Struct, frozen=True):
    """The wind-down is over."""

    final: bool


Action = Start | Rest | Wait | StandIn | Note | Escalate | CameToRest


class _Child:
    """One child's bookkeeping."""

    def __init__(self, plan: ChildPlan, budget: RestartBudget) -> None:
        self.plan = plan
        self.budget = budget
        self.state: ChildState = "idle"
        self.wanted = True
        self.begun = False
        """Started once, by this incarnation of the supervisor."""
        self.gen = 0
        """The number of its last wait; an alarm of another one is stale."""
        self.park_reason: str | None = None
        """Set while it is the stand-in that should stand there."""


class Plan:
    """One incarnation of a supervisor. Not thread-safe, no I/O; times are monotonic seconds.

    `numbers` gives each wait its own, over all incarnations: an alarm that a dead one set means nothing to the next.
    """

    def __init__(
        self,
        children: Sequence[ChildPlan],
        strategy: Strategy,
        intensity: int,
        period_s: float,
        backoff: BackOff,
        rng: Random,
        numbers: Iterator[int],
    ) -> None:
        self._children = {plan.id: _Child(plan, RestartBudget(intensity, period_s)) for plan in children}
        assert len(self._children) == len(children), "two children of one supervisor under one id"
        self._order = list(self._children.values())
        self._rest_for_one = strategy == "rest_for_one"
        self._backoff = backoff
        self._rng = rng
        self._numbers = numbers
        self._final: bool | None = None
        """Winding down: for good, or until the next incarnation. None: not."""
        self._dying_of: str | None = None
        self._over = False
        self._actions: list[Action] = []

    def state(self, child: str) -> ChildState:
        return self._children[child].state

    def begin(self, afresh: bool, gone: Collection[str] = ()) -> list[Action]:
        """First act. Unless `afresh`, children of an earlier incarnation may be at work and are halted first.

        `gone` were stopped for good.
        """
        for child in self._order if not afresh else ():
            child.state = "stopped" if child.plan.id in gone else "running"
            child.wanted = False
        return self._advance()

    def started(self, child_id: str, parked: bool) -> list[Action]:
        child = self._children[child_id]
        if child.state == ("parking" if parked else "starting"):
            child.state = "parked" if parked else "running"
        return self._advance()

    def crashed(self, report: Crashed, now_s: float) -> list[Action]:
        """Also for a failed start. While the child is being halted anyway it changes nothing."""
        child = self._children[report.child]
        if child.state in ("starting", "running", "parking", "parked"):
            self._failed(child, report, now_s)
        return self._advance()

    def finished(self, child_id: str, parked: bool, now_s: float) -> list[Action]:
        """Ended by itself: for a stand-in, the wish to have the real one back; for a permanent child, a failure."""
        child = self._children[child_id]
        if parked and child.state == "parked":
            self._unpark(child)
        elif not parked and child.state in ("starting", "running"):
            if child.plan.restart == "permanent":
                self._failed(child, Crashed(child_id, 0, "Finished", "a permanent child ended by itself"), now_s)
            else:
                self._dismiss(child)
        return self._advance()

    def halted(self, child_id: str) -> list[Action]:
        child = self._children[child_id]
        if child.state == "halting":
            child.state = "idle"
        return self._advance()

    def stopped(self, child_id: str) -> list[Action]:
        """Gone for good, as ordered or by somebody else's hand."""
        child = self._children[child_id]
        if child.state not in ("halting", "stopped"):
            self._actions.append(Note("stopped_by_other_hand", child_id))
        child.state = "stopped"
        return self._advance()

    def due(self, child_id: str, gen: int) -> list[Action]:
        """A back-off is over, unless it was overtaken."""
        child = self._children[child_id]
        if child.state == "backing off" and child.gen == gen:
            child.state = "idle"
        return self._advance()

    def overdue(self, child_id: str, gen: int) -> list[Action]:
        """The shutdown time is up. Nothing if the child came to rest meanwhile, however late this is heard."""
        child = self._children[child_id]
        if child.state != "halting" or child.gen != gen:
            return self._advance()
        child.state = "stopped"
        self._actions.append(Note("left_behind", child_id, "did not come to rest within its shutdown time"))
        if self._final is None and self._dying_of is None:
            self._die(f"{child_id} did not come to rest within its shutdown time")
        return self._advance()

    def wind_down(self, final: bool) -> list[Action]:
        """Halt all, last first; `final`: stop them for good. Overtakes whatever is under way."""
        self._final = final
        for child in self._order:
            child.wanted = False
        return self._advance()

    # Decisions.

    def _failed(self, child: _Child, report: Crashed, now_s: float) -> None:
        error = f"{report.kind}: {report.text}"
        if child.plan.restart == "temporary":
            self._dismiss(child)
            return
        if report.spares_budget and child.park_reason is None:
            child.state = "idle"
            self._actions.append(Note("restarted_at_once", child.plan.id, report.kind))
        elif child.budget.spend(now_s):
            self._back_off(child, report)
        elif child.plan.can_park and child.park_reason is None:
            child.budget.clear()
            child.park_reason = error
            child.state = "idle"
            self._actions.append(Note("parked", child.plan.id, error))
        else:
            child.state = "idle"
            self._die(f"{child.plan.id} used up its restarts: {error}")
        self._unsettle_after(child)

    def _back_off(self, child: _Child, report: Crashed) -> None:
        child.state = "backing off"
        child.gen = next(self._numbers)
        attempt = child.budget.spent
        delay_s = self._backoff.delay_s(attempt, self._rng)
        self._actions.append(Wait(child.plan.id, child.gen, delay_s, attempt, report.kind, report.where))

    def _unsettle_after(self, failed: _Child) -> None:
        """rest_for_one: those that came after it lean on what it was."""
        if self._rest_for_one:
            for child in self._order[self._order.index(failed) + 1 :]:
                child.wanted = False

    def _unpark(self, child: _Child) -> None:
        child.state = "idle"
        child.park_reason = None
        child.budget.clear()
        self._actions.append(Note("unparked", child.plan.id))

    def _dismiss(self, child: _Child) -> None:
        """It is not to come back: stop the cell, so that what is sent there is refused rather than kept."""
        child.state = "stopped"
        self._actions.append(Rest(child.plan.id, child.gen, final=True))

    def _die(self, reason: str) -> None:
        if self._dying_of is None:
            self._dying_of = reason
            for child in self._order:
                child.wanted = False

    # What follows from how things are.

    def _advance(self) -> list[Action]:
        if not self._over and not self._somebody_must_rest():
            if self._final is not None:
                self._over = True
                self._actions.append(CameToRest(self._final))
            elif self._dying_of is not None:
                self._over = True
                self._actions.append(Escalate(self._dying_of))
            else:
                self._start_who_may()
        actions, self._actions = self._actions, []
        return actions

    def _somebody_must_rest(self) -> bool:
        """Halt the last one that should rest and does not; one at a time, since the later lean on the earlier."""
        if self._somebody_halts():
            return True
        final = self._final is True
        for child in reversed(self._order):
            if child.wanted or child.state == "stopped" or (child.state in RESTING and not final):
                continue
            child.state = "halting"
            child.gen = next(self._numbers)
            self._actions.append(Rest(child.plan.id, child.gen, final))
            return True
        return False

    def _somebody_halts(self) -> bool:
        return any(child.state == "halting" for child in self._order)

    def _start_who_may(self) -> None:
        """In order, each once the one before stands or has failed; under rest_for_one, only once it stands.

        Under one_for_one that is for the first time only: a restart waits for nobody.
        """
        wait = False
        for child in self._order:
            child.wanted = True
            if child.state == "idle" and (not wait or (child.begun and not self._rest_for_one)):
                self._start(child)
            wait = wait or child.state in ("starting", "parking")
            wait = wait or (child.state == "backing off" and self._rest_for_one)

    def _start(self, child: _Child) -> None:
        child.begun = True
        if child.park_reason is None:
            child.state = "starting"
            self._actions.append(Start(child.plan.id))
        else:
            child.state = "parking"
            self._actions.append(StandIn(child.plan.id, child.park_reason))

    def check(self) -> None:
        """Raise AssertionError when the bookkeeping contradicts itself."""
        at_once = [child.plan.id for child in self._order if child.state in ("starting", "parking")]
        assert len(at_once) <= 1 or not self._rest_for_one, f"started at once: {at_once}"
        assert len([child for child in self._order if child.state == "halting"]) <= 1
        for child in self._order:
            assert child.wanted or self._final is not None or self._dying_of is not None or self._somebody_halts()
            assert child.budget.spent <= child.budget.intensity
