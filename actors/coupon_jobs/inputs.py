"""What a job can be told, as messages. A batch may come by both doors; to pause, continue or cancel is HTTP's alone."""

from __future__ import annotations

from typing import Any

import msgspec

BATCH = "coupon_job.batch"
PAUSE = "coupon_job.pause"
CONTINUE = "coupon_job.continue"
CANCEL = "coupon_job.cancel"


class IssueBatch(msgspec.Struct, frozen=True, gc=False):
    """`batch_coupon_issue`: one coupon for each user of `user_batch`. Without `job_id` the job is the activity's,
    without `template` it is the template that carries the activity, and without `batch_no` the batch is known by its
    users. A user id that is none refuses that user and nobody else.
    """

    event_type: str
    user_batch: list[Any]
    activity_id: str | None = None
    job_id: str | None = None
    template: str | None = None
    batch_no: int | None = None
    batch_size: int | None = None
    total_batches: int | None = None
    timestamp: str | None = None

    @property
    def job(self) -> str:
        return self.job_id or self.activity_id or ""


class PauseJob(msgspec.Struct, frozen=True, gc=False):
    """`coupon_job_pause`: no more of its users are seen to until it is continued."""

    event_type: str
    job_id: str
    timestamp: str | None = None


class ContinueJob(msgspec.Struct, frozen=True, gc=False):
    """`coupon_job_continue`: go on with a job that is paused."""

    event_type: str
    job_id: str
    timestamp: str | None = None


class CancelJob(msgspec.Struct, frozen=True, gc=False):
    """`coupon_job_cancel`: what was not begun will not be. Coupons that were issued stay."""

    event_type: str
    job_id: str
    timestamp: str | None = None
