"""A job as others see it: in answers and in effects. Field names are a contract with other programs."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Status = Literal["running", "paused", "cancelled", "done"]


class JobShown(msgspec.Struct, frozen=True):
    """How far a job is. Of `users`, `queued` have not been seen to yet; `already`: had a coupon for the occasion.
    `per_second`: how many were decided of late; `remaining_s`: how long it takes at that rate, null when nobody knows.
    `missing`: the first of the batches that have not come, by number, where `total_batches` is known; `bad_users`: the
    first of the ids that were none.
    """

    job_id: str
    template: str
    status: Status
    users: int
    queued: int
    issued: int
    already: int
    refused: dict[str, int]
    per_second: float
    remaining_s: int | None
    batches: int
    total_batches: int | None
    missing: tuple[int, ...]
    bad_users: tuple[str, ...]

    schema_version: ClassVar[int] = 1


class JobRefused(msgspec.Struct, frozen=True):
    """`coupon_job_refused`, key `coupon.job.refused`: nothing of a batch was taken, and it may be sent again."""

    job_id: str
    code: str
    detail: str
    users: int
    batch_no: int | None = None

    schema_version: ClassVar[int] = 1
