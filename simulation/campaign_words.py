"""A campaign as the reference model reads it: its JSON, each default where nothing is said, its steps by place.

A place is where a step stands in the JSON, `steps[1].else[0]`. What comes after a step is its neighbour's place, or
that of the step around it, so no number of production's is known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from actors.normal_form import version

CART = "cart"
"""What a condition on the live cart asks for."""
OVER = ""
"""The place behind the last step."""
SORTS = {"wait": "sleep", "wait_for": "await", "branch": "fork"}
"""Of steps; all others do something."""

TRIGGERS: Mapping[str, dict[str, Any]] = {
    "cart_idle": {"min_value": 1},
    "birthday": {"at": "09:00"},
    "absent_for": {"event": "purchase_complete", "at": "10:00"},
    "change": {},
}
"""The younger ones, each with what it means where nothing is said."""


class Step(msgspec.Struct):
    """`then`, `otherwise`: the places of its two ways on; where it has one way both are `next`."""

    place: str
    said: dict[str, Any]
    next: str
    then: str
    otherwise: str

    @property
    def sort(self) -> str:
        return SORTS.get(self.said["type"], "do")


class Rules:
    """One version of a campaign. `counters`: what must be counted for it, as (event, what, window, zone)."""

    def __init__(self, body: str) -> None:
        self.version = version(body.encode())
        self.said: dict[str, Any] = msgspec.json.decode(body)
        said: dict[str, Any] = self.said["trigger"]
        self.trigger: dict[str, Any] = TRIGGERS.get(said["type"], {}) | said
        self.zone: str = self.said.get("zone", "UTC")
        self.steps: dict[str, Step] = {}
        self.start = self._lay(self.said["steps"], "steps", OVER)
        self.limits = [limit for limit in self.said.get("limits", []) if not _of_messages(limit)]
        self.tags: list[str] = self.said.get("tags", [])
        self.counters = {self.counter(leaf) for root in self._roots() for leaf in leaves(root) if leaf["type"] != CART}
        if self.trigger["type"] == "absent_for":
            self.counters.add((self.trigger["event"], "last", "ever", ""))
        when = list(leaves(self.said["when"])) if "when" in self.said else []
        self.hears = {leaf.get("event", CART) for leaf in when}
        """What changes whether `when` holds: events, and the cart."""

    def _lay(self, steps: list[dict[str, Any]], place: str, after: str) -> str:
        """Write down steps, the last one first; where they begin."""
        for n, step in reversed(list(enumerate(steps))):
            here = f"{place}[{n}]"
            if step["type"] == "stop":
                after = OVER
                continue
            ways = [self._lay(step.get(way, []), f"{here}.{way}", after) for way in ("then", "else")]
            self.steps[here] = Step(here, step, after, ways[0], ways[1])
            after = here
        return after

    def _roots(self) -> Iterator[dict[str, Any]]:
        yield from (self.said[name] for name in ("when", "exit") if name in self.said)
        yield from (step.said["when"] for step in self.steps.values() if step.sort == "fork")

    def counter(self, leaf: dict[str, Any]) -> tuple[str, str, str, str]:
        """What is to be counted for a leaf of a condition."""
        if leaf["type"] == "after_trigger":
            return (leaf["event"], "last", "ever", "")
        window = window_name(leaf.get("within", {}))
        return (leaf["event"], "count", window, self.zone if window.startswith(("days", "calendar")) else "")


def _of_messages(limit: Mapping[str, Any]) -> bool:
    """Whoever sends them keeps it, not the campaign."""
    scope = limit.get("scope", "")
    return scope == "all" or scope.startswith("channel:")


def window_name(window: Mapping[str, Any]) -> str:
    """A stretch of time in one word or two."""
    return next((f"{name} {window[name]}" for name in ("seconds", "days", "calendar") if name in window), "ever")


def leaves(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The leaves of a condition that count something, in their order."""
    if node["type"] == "not":
        yield from leaves(node["of"])
    elif node["type"] in ("all", "any"):
        for each in node["of"]:
            yield from leaves(each)
    else:
        yield node
