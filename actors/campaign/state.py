"""What is kept of one user for campaigns: who is under way in which, what was counted, and what is known.

Everything is bounded by name, and what is kept is what somebody asks for: counters of active campaigns, limits with
something in them. A campaign runs once at a time for a user.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.behaviour.plausible import Session
from actors.campaign.knowledge import Knowledge
from actors.windows import slots
from actors.windows.counters import Counter
from actors.windows.slots import Slot, Slots

FORMAT = 2
RUNS_MAX = 100
"""Campaigns in which a user is under way at a time."""
WATCHES_MAX = 50
"""Campaigns that wait for a user to do nothing."""
ORDERS_MAX = 100
"""Orders that refunds may take back from counters, the newest."""
WHY_LAST_MAX = 32
"""Campaigns of which the last decision is kept, the newest."""
COUNTERS_MAX = 1_000
CHECKS_MAX = 20
"""Delayed checks that wait, and of those that are over the newest."""
UNSETTLED_MAX = 20
"""Messages that were all that a run did, and are not known to have been sent."""


class Origin(msgspec.Struct, array_like=True, gc=False):
    """The event that a run is because of: when it was (`at`) and where it stands (`offset`), and those of its fields
    that conditions ask for.
    """

    at: int
    offset: int
    fields: dict[str, Any] = {}


class Run(msgspec.Struct, array_like=True):
    """A user's way through a campaign, at instruction `pc` of `version`. `number` counts the user's runs. `due`: when
    it goes on by itself, 0 = it is not waiting. `asked`: the reference of an action whose answer it waits for. `slot`:
    what its limits have counted for it, to be given back if it ends without having done anything. `acts`: how many
    actions were not refused; `told`: the reference of its last message, until that is answered. `ready`: it waits for
    nothing but its turn, or that what stops its campaign is lifted.
    """

    version: str
    number: int
    pc: int
    origin: Origin
    entered_at: int
    due: int = 0
    asked: str = ""
    slot: Slot | None = None
    acts: int = 0
    told: str = ""
    ready: bool = False

    @property
    def held(self) -> bool:
        """A stop holds it: nothing but its end makes it go on."""
        return self.ready and not self.due


class Last(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The last decision about a user and a campaign. `path`, `want`, `saw`: the condition that decided it."""

    at: int
    version: str
    outcome: str
    reason: str = ""
    path: str = ""
    want: str = ""
    saw: Any = None


class Remembered(msgspec.Struct, array_like=True, gc=False):
    """An order that counters have counted: when, and how much of it each of them still holds, 0 when nothing."""

    at: int
    amounts: dict[str, int] = {}


class DelayedCheck(msgspec.Struct, array_like=True):
    """`at`: the moment that was asked for; `due`: when it goes on, 0 = not by itself. `offset`: of the entry that
    asked. `number` counts as a run's does; `done`: of the steps of `actions`, the original's JSON, empty once it is
    over. `held`: by a stop, until go.
    """

    at: int
    due: int
    offset: int
    number: int
    actions: str
    done: int = 0
    held: bool = False

    @property
    def waits(self) -> bool:
        """It is not over."""
        return bool(self.actions)


class Member(msgspec.Struct, array_like=True):
    """`since`: when the user was first heard of. `runs`, `watches`, `met` (campaigns whose condition holds), `dues`
    (when a campaign's own time for the user comes) and `last` by campaign; `orders` by id, the newest last;
    `unsettled`: slots of runs that are over, by the reference of the one message that they sent. `armed`: what the
    timer is set to, 0 = none. `checks`: by `trigger_id`, the newest last.
    """

    format: int = FORMAT
    since: int = 0
    session: Session = Session()
    numbered: int = 0
    runs: dict[str, Run] = {}
    watches: dict[str, Origin] = {}
    counters: dict[str, Counter] = {}
    orders: dict[str, Remembered] = {}
    slots: Slots = msgspec.field(default_factory=Slots)
    knows: Knowledge = msgspec.field(default_factory=Knowledge)
    met: dict[str, bool] = {}
    dues: dict[str, int] = {}
    last: dict[str, Last] = {}
    unsettled: dict[str, Slot] = {}
    armed: int = 0
    checks: dict[str, DelayedCheck] = {}


def upgrade(fields: list[Any]) -> Member:
    """The state whose fields, as they were stored, are `fields`: there were no checks."""
    if fields[0] != 1:
        raise ValueError(f"no campaign state was ever written in format {fields[0]}")
    return msgspec.convert([FORMAT, *fields[1:]], Member)


def next_due(member: Member) -> int:
    """When something happens by itself next, 0 = nothing will."""
    going_on = [one.due for one in (*member.runs.values(), *member.checks.values()) if one.due]
    return min([*going_on, *member.dues.values()], default=0)


def put_off(member: Member, at: int, later: int) -> None:
    """What is due by `at` is due at `later`."""
    for one in (*member.runs.values(), *member.checks.values()):
        one.due = later if 0 < one.due <= at else one.due
    member.dues.update({campaign: later for campaign, due in member.dues.items() if due <= at})


def look_again(member: Member, later: int) -> None:
    """Whom a stop holds, looks at `later` whether it still does."""
    for run in member.runs.values():
        run.due = later if run.held else run.due
    for one in member.checks.values():
        one.due, one.held = (later, False) if one.held else (one.due, False)


def check(member: Member) -> None:
    """Raise AssertionError unless it is a state that reactions can have made."""
    assert len(member.runs) <= RUNS_MAX and len(member.watches) <= WATCHES_MAX, "too many runs or watches"
    assert len(member.orders) <= ORDERS_MAX and len(member.last) <= WHY_LAST_MAX, "too much is remembered"
    assert len(member.counters) <= COUNTERS_MAX and len(member.unsettled) <= UNSETTLED_MAX, "too much is kept"
    assert len(member.checks) <= CHECKS_MAX, "too many checks"
    for campaign, run in member.runs.items():
        assert run.due or run.asked or run.held, f"{campaign}: nothing will make the run go on"
        assert 0 < run.number <= member.numbered, f"{campaign}: a run that was never begun"
    assert member.armed == next_due(member), "the timer is not set to what comes next"
    assert all(left >= 0 for order in member.orders.values() for left in order.amounts.values()), member.orders
    slots.check(member.slots)
