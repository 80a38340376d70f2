"""Active campaigns by what they listen to: an event costs only what hears it, however many campaigns there are.

Made once per content of a directory and shared by all segments and threads: sixteen segments that have heard of the
same campaigns look into the same index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import msgspec

from actors.campaign.campaign import AbsentFor, Before, Birthday, CartIdle, NoAction, OnChange, OnEvent
from actors.campaign.compiled import CANCELLED, REFUNDED, CompiledCampaign
from actors.campaign.directory import Directory
from actors.campaign.limits import TAG, LimitSpec
from actors.campaign.listing import ready
from actors.windows.window_spec import CounterSpec

INDEXES_KEPT = 16
"""Segments hear of a change one after the other."""
TAKES_BACK = frozenset((REFUNDED, CANCELLED))
"""Events that take an order out of the counters that are net."""

One = TypeVar("One")


class Active(msgspec.Struct, frozen=True, eq=False):
    """A campaign at its newest version."""

    id: str
    version: str
    compiled: CompiledCampaign


class Counted(msgspec.Struct, frozen=True, eq=False):
    """A counter that some active campaign asks for."""

    key: str
    spec: CounterSpec


class Index:
    """Immutable. `active`: those that users may enter. Whom a campaign waits for, it waits for while it is paused too:
    what he does then ends it or begins it anew, though nobody begins to be waited for. Else who has bought meanwhile
    would be taken for one who has not.
    """

    def __init__(
        self, active: Sequence[Active], paused: Sequence[Active] = (), others: Sequence[CompiledCampaign] = ()
    ) -> None:
        """`others`: what somebody may still be under way on."""
        triggers = [(one, one.compiled.campaign.trigger) for one in active]
        waiting = [(one, one.compiled.campaign.trigger) for one in (*active, *paused)]
        self.active: Mapping[str, Active] = {one.id: one for one in active}
        self.on_event = _by_event((trigger.event, one) for one, trigger in triggers if isinstance(trigger, OnEvent))
        self.no_action = tuple(one for one, trigger in waiting if isinstance(trigger, NoAction))
        self.cart_idle = tuple(one for one, trigger in waiting if isinstance(trigger, CartIdle))
        self.on_change = tuple(one for one, trigger in waiting if isinstance(trigger, OnChange))
        self.absent_for = tuple(one for one, trigger in waiting if isinstance(trigger, AbsentFor))
        self.timed = tuple(one for one, trigger in triggers if isinstance(trigger, Birthday | Before))
        compiled = [*others, *(one.compiled for one in active)]
        specs = {key: spec for one in compiled for key, spec in one.counters.items()}
        self.specs: Mapping[str, CounterSpec] = specs
        self.counted = _by_event((spec.event, Counted(key, spec)) for key, spec in sorted(specs.items()))
        self.names = frozenset(name for one in compiled for name in (*one.hears, *one.awaits)) | frozenset(self.counted)
        """Of events that any of them listens to."""
        self.asks = frozenset(name for one in compiled for name in one.asks)
        self.any = bool(compiled)
        self.net = any(spec.net for spec in specs.values())
        """Whether orders must be remembered, for what takes them back."""
        self.tag_limits = _largest([spec for one in compiled for spec in one.limits if spec.scope.startswith(TAG)])
        """Of tags that any of them limits: scope -> the largest count."""


def index_of(directory: Directory) -> Index:
    """The index of what the directory holds. O(1) when it was made lately."""
    return _made(_Stamp(directory))


class _Stamp(str):
    """A directory by the name of its content."""

    directory: Directory

    def __new__(cls, directory: Directory) -> _Stamp:
        stamp = super().__new__(cls, directory.stamp)
        stamp.directory = directory
        return stamp


@lru_cache(INDEXES_KEPT)
def _made(stamp: _Stamp) -> Index:
    listed = sorted(stamp.directory.campaigns.items())
    going_on = [ready(body) for _, one in listed if one.status in ("active", "paused") for body in one.bodies.values()]
    newest = {
        status: [active(id, one.version, one.bodies[one.version]) for id, one in listed if one.status == status]
        for status in ("active", "paused")
    }
    return Index(newest["active"], newest["paused"], going_on)


def active(id: str, version: str, body: str) -> Active:
    """The campaign of a version's JSON."""
    return Active(id, version, ready(body))


def _largest(limits: Iterable[LimitSpec]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for limit in limits:
        counts[limit.scope] = max(limit.count, counts.get(limit.scope, 0))
    return counts


def _by_event(found: Iterable[tuple[str, One]]) -> Mapping[str, tuple[One, ...]]:
    table: dict[str, tuple[One, ...]] = {}
    for event, one in found:
        table[event] = (*table.get(event, ()), one)
    return table
