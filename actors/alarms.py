"""An alarm: the effect `engine.alarm`, which says that somebody should look, and its routing key, which says at what.

Whoever finds the reason raises it: the ledger of a user, an audit of a segment, the watch of all others. `alarm` in the
body names the reason and ends the key, so that an operator binds his pager to the ones he wants.
"""

from __future__ import annotations

from typing import Any, Protocol

from actors.routes import effect_route
from supervision.engine_events import ALARM
from supervision.outputs import Emit


class Named(Protocol):
    """What the body of every alarm has: `value` exceeded `limit`."""

    @property
    def alarm(self) -> str: ...
    @property
    def value(self) -> int: ...
    @property
    def limit(self) -> int: ...


def raised(body: Named, same_depth: bool = False) -> Emit:
    """The effect; `same_depth` where nothing that an alarm could lead to may hinder it."""
    struct: Any = body
    return Emit(ALARM, struct, route=effect_route(ALARM, body.alarm), same_depth=same_depth)
