"""What the reference model keeps of one user for campaigns: lists of everything, and who is under way in what."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import msgspec

from simulation.campaign_checks import Check
from simulation.campaign_time import within
from simulation.campaign_words import Rules
from supervision.envelope import rfc3339

Counter = tuple[str, str, str, str]
"""What is counted, as campaign_words.Rules says it."""
Row = tuple[int, int]
"""A timer's (due, gen)."""


NEAR_MS = 1_000
"""After which a firing comes again that was thrown away."""


class Origin(msgspec.Struct, frozen=True):
    """The moment that a run is because of, and the offset of its entry."""

    at: int
    offset: int


class Slot(msgspec.Struct, frozen=True):
    """What a run took of limits."""

    at: int
    scopes: tuple[str, ...]


class Run(msgspec.Struct):
    """Under way, at `place` of `version`; `due` 0: it waits for nothing. `message`: its last, until it is answered."""

    version: str
    number: int
    place: str
    origin: Origin
    slot: Slot | None
    due: int = 0
    acts: int = 0
    message: str = ""
    ready: bool = False
    """A stop has held it, and it waits for nothing else."""

    @property
    def held(self) -> bool:
        """It still does."""
        return self.ready and not self.due


class Book:
    """One user's. `believes`: what his one timer for all runs is set to."""

    def __init__(self) -> None:
        self.numbered = 0
        self.runs: dict[str, Run] = {}
        self.watches: dict[str, Origin] = {}
        self.counted: dict[Counter, list[int]] = {}
        """When there was such an event while somebody asked."""
        self.taken: dict[str, list[int]] = {}
        self.returned: set[str] = set()
        """Of limits, by scope."""
        self.unsettled: dict[str, Slot] = {}
        self.last: dict[str, tuple[int, str, str, str]] = {}
        """The last word about each campaign."""
        self.rows: dict[str, Row] = {}
        self.believes = 0
        self.value = self.lines = 0
        """Of the live cart."""
        self.facts: dict[str, Any] = {}
        """Of the profile."""
        self.checks: dict[str, Check] = {}
        self.moments: dict[str, int] = {}
        """Campaign -> when its own time for the user comes."""
        self.met: set[str] = set()
        """Campaigns whose condition held when it was last looked at."""

    def due(self) -> int:
        checks = [check.due for check in self.checks.values() if not (check.over or check.held)]
        return min([*(run.due for run in self.runs.values() if run.due), *checks, *self.moments.values()], default=0)

    def again(self, key: str, at: int, offset: int) -> None:
        """What was due when a timer fired is so still, a moment later."""
        later = at + NEAR_MS
        if key == "next":
            for run in self.runs.values():
                run.due = later if 0 < run.due <= at else run.due
            for check in self.checks.values():
                check.due = later if 0 < check.due <= at else check.due
            self.moments.update({id: later for id, due in self.moments.items() if due <= at})
            later = self.believes = self.due()
        elif key.removeprefix("idle:") not in self.watches:
            return
        if later:
            self.rows[key] = (later, offset)

    def look_again(self, at: int, offset: int) -> None:
        """Whom a stop holds looks a moment later whether it does."""
        for run in self.runs.values():
            run.due = at + NEAR_MS if run.held else run.due
        for check in self.checks.values():
            check.due, check.held = (at + NEAR_MS, False) if check.held else (check.due, False)
        due = self.due()
        if due != self.believes:
            self.believes = due
            self.rows["next"] = (due, offset)

    def give_back(self, slot: Slot) -> None:
        self.returned.update(slot.scopes)
        for scope in slot.scopes:
            if slot.at in self.taken.get(scope, []):
                self.taken[scope].remove(slot.at)

    def unlike(self, stored: list[Any]) -> str:
        """How the stored state differs, empty when it does not."""
        runs = {id: (run[0], run[1], run[3][0], run[5], run[8], run[10]) for id, run in stored[4].items()}
        mine = {
            id: (run.version, run.number, run.origin.at, run.due, run.acts, run.ready) for id, run in self.runs.items()
        }
        both: dict[str, tuple[Any, Any]] = {
            "runs": (runs, mine),
            "watches": (
                {id: (each[0], each[1]) for id, each in stored[5].items()},
                {id: (each.at, each.offset) for id, each in self.watches.items()},
            ),
            "slots": (stored[8][0], self._newest(stored[8][0])),
            "met": (set(stored[10]), self.met),
            "moments": (stored[11], self.moments),
            "checks": (list(stored[15]), list(self.checks)),
            "last": ({id: _last(each) for id, each in stored[12].items()}, self.last),
            "timer": (stored[14], self.believes),
        }
        checks = [id for id, check in self.checks.items() if check.unlike(stored[15].get(id, [0] * 5))]
        differ = [f"{name}: {one}, the model's {other}" for name, (one, other) in both.items() if one != other]
        return "; ".join([*differ, *(f"check {id}: {stored[15]}, the model's {self.checks[id]}" for id in checks)])

    def _newest(self, stored: Mapping[str, list[int]]) -> dict[str, list[int]]:
        """Of all that was taken, as many as are stored; one at least where there is any and none ever came back, for
        what comes back may be all that is kept.
        """
        least = {scope: max(scope not in self.returned, len(stored.get(scope, ()))) for scope in self.taken}
        return {scope: times[-n:] for scope, n in least.items() if n and (times := self.taken[scope])}


def _last(each: list[Any]) -> tuple[int, str, str, str]:
    """(when, version, outcome, reason) as they are stored; until when it is capped is production's to say."""
    return each[0], each[1], each[2], "" if each[2] == "capped" else each[3]


class View:
    """A user at one moment, as conditions see him; `counters`: those that anybody asks for."""

    def __init__(self, book: Book, counters: Set[Counter], rules: Rules, origin: Origin, at: int) -> None:
        self._book, self._counters, self._rules, self._origin, self._at = book, counters, rules, origin, at
        self.seen: list[tuple[str, Any, bool]] = []
        """(place, what was seen, whether it held) of each leaf."""

    def holds(self, node: dict[str, Any], place: str) -> bool:
        kind = node["type"]
        if kind in ("all", "any"):
            held = [self.holds(each, f"{place}.of[{n}]") for n, each in enumerate(node["of"])]
            return all(held) if kind == "all" else any(held)
        if kind == "not":
            return not self.holds(node["of"], f"{place}.of")
        saw, held = self._leaf(node)
        self.seen.append((place, saw, held))
        return held

    def _leaf(self, leaf: dict[str, Any]) -> tuple[Any, bool]:
        if leaf["type"] == "cart":
            return self._book.value, self._book.value >= leaf["value"]
        counter = self._rules.counter(leaf)
        times = self._book.counted.get(counter, [])
        if counter not in self._counters:
            return None, False
        if leaf["type"] == "after_trigger":
            if not times:
                return None, False
            itself = self._rules.trigger.get("event") == leaf["event"]
            return rfc3339(times[-1]), times[-1] >= self._origin.at + itself
        number = sum(within(counter[2], counter[3], time, self._at) for time in times)
        compared = {">=": number >= leaf["value"], ">": number > leaf["value"], "<": number < leaf["value"]}
        return number, compared[leaf["op"]]
