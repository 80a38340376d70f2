"""All steps and all leaves of a campaign, each with its place and how deep it lies.

Without recursion: a campaign is walked to find out whether it is nested too deeply for whoever recurses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from actors.campaign import conditions
from actors.campaign.campaign import Action, Branch, Campaign, EmitEffect, Step, Steps, Stop, Wait, WaitFor
from actors.campaign.conditions import All, Condition, Not


class Placed(NamedTuple):
    """A step. `depth` of the outermost is 1."""

    place: str
    step: Step
    depth: int


class Node(NamedTuple):
    """A node of a condition. `depth` of the root is 1."""

    place: str
    condition: Condition
    depth: int


def steps(campaign: Campaign) -> Iterator[Placed]:
    """Every step, before those within it. O(steps)."""
    waiting = _placed(campaign.steps, "steps", 1)[::-1]
    while waiting:
        placed = waiting.pop()
        yield placed
        for within, place in reversed(blocks(placed.step, placed.place)):
            waiting += _placed(within, place, placed.depth + 1)[::-1]


def blocks(step: Step, place: str) -> list[tuple[Steps, str]]:
    """The lists of steps within `step`, with their places."""
    match step:
        case WaitFor() | Branch():
            return [(step.then, f"{place}.then"), (step.otherwise, f"{place}.else")]
        case Wait() | Stop() | EmitEffect():
            return []
        case _:
            return _refused(step, place)


def roots(campaign: Campaign) -> Iterator[tuple[str, Condition]]:
    """Every condition as a whole, with its place. O(steps)."""
    for place, condition in (("when", campaign.when), ("exit", campaign.exit)):
        if condition is not None:
            yield place, condition
    for placed in steps(campaign):
        if isinstance(placed.step, Branch):
            yield f"{placed.place}.when", placed.step.when


def nodes(condition: Condition, place: str) -> Iterator[Node]:
    """Every node of `condition`, before those within it. O(nodes)."""
    waiting = [Node(place, condition, 1)]
    while waiting:
        node = waiting.pop()
        yield node
        match node.condition:
            case All(of=of) | conditions.Any(of=of):
                inner = [Node(f"{node.place}.of[{n}]", one, node.depth + 1) for n, one in enumerate(of)]
                waiting += inner[::-1]
            case Not(of=of):
                waiting.append(Node(f"{node.place}.of", of, node.depth + 1))
            case _:
                pass


def _refused(action: Action, place: str) -> list[tuple[Steps, str]]:
    branches = () if isinstance(action, EmitEffect) else action.on_refused
    return [(one.then, f"{place}.on_refused[{n}].then") for n, one in enumerate(branches)]


def _placed(within: Steps, place: str, depth: int) -> list[Placed]:
    return [Placed(f"{place}[{n}]", step, depth) for n, step in enumerate(within)]
