"""The words of the watch: the alarms it raises, and what it tells itself."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

REFUSAL = "watch.refusal"


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """`watch.refusal`, inward, about a segment: points were refused there at `refused_at` (ms since 1970 UTC)."""

    refused_at: int


class PointsRefusedSeen(msgspec.Struct, frozen=True, gc=False):
    """Of a `points.refused` nothing but that there was one."""


class RefusalsRate(msgspec.Struct, frozen=True, gc=False):
    """`engine.alarm`: `value` refusals in `segment` within a window of `window_s`, more than `limit`; more may follow,
    and are not told before the next window."""

    value: int
    limit: int
    segment: int
    window_s: int
    alarm: Literal["refusals_rate"] = "refusals_rate"

    schema_version: ClassVar[int] = 1


class MoneyParked(msgspec.Struct, frozen=True, gc=False):
    """`engine.alarm`: a domain that holds money has set `subject` aside at `offset` of `segment`; `*`: all of the
    segment. None may be, so `value` is 1 and `limit` 0."""

    domain: str
    segment: int
    subject: str
    offset: int
    alarm: Literal["money_parked"] = "money_parked"
    value: int = 1
    limit: int = 0

    schema_version: ClassVar[int] = 1
