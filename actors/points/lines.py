"""From a change of an account to the outputs that tell of it: the effect for others, the line for the records.

The two always come together, so that no balance is announced which the records do not explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from actors.points.ledger import Lot
from actors.points.messages import (
    LOTS_MAX_REASON,
    LedgerLine,
    LotPart,
    PointsChange,
    PointsEarned,
    PointsExpired,
    PointsExpiring,
    PointsRefused,
    PointsSpent,
    RefusalCode,
)
from actors.routes import effect_route
from supervision.domain import Event
from supervision.envelope import rfc3339
from supervision.outputs import Emit, Output, Record

Effect = PointsEarned | PointsSpent | PointsExpired


def told(kind: str, change: str, effect: Effect, lots: Sequence[Lot], event: Event) -> Iterator[Output]:
    """`effect`, and the line of the records it stands for."""
    yield Record(_line(change, effect.points, effect.balance, effect.reason, effect.order_id, lots, event))
    yield Emit(kind, effect, route=effect_route(kind, effect.reason))


def merged(lots: Sequence[Lot], balance: int, event: Event) -> Output:
    """The line that keeps what `lots` were before they became one."""
    return Record(_line("merge", 0, balance, LOTS_MAX_REASON, None, lots, event))


def expiring(effect: PointsExpiring) -> Output:
    return Emit("points.expiring", effect, route=effect_route("points.expiring", effect.reason))


def refused(change: PointsChange, balance: int, code: RefusalCode, detail: str) -> Output:
    effect = PointsRefused(
        change.points, balance, change.reason, change.order_id, change.change_type, code, detail
    )  # fmt: skip
    return Emit("points.refused", effect, route=effect_route("points.refused", change.reason))


def _line(
    change: str, points: int, balance: int, reason: str, order_id: str | None, lots: Sequence[Lot], event: Event
) -> LedgerLine:
    segment = event.entry.segment
    parts = tuple([LotPart(f"{segment}.{lot.epoch}.{lot.offset}", lot.points, lot.expires) for lot in lots])
    return LedgerLine(
        event.entry.offset, rfc3339(event.at), change, points, balance, reason, order_id, event.place, parts
    )  # fmt: skip
