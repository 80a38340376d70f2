"""What each message to a job must look like to be taken: the whole contract, as one table of forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from actors.commands import Command, CommandSpec, Refusal
from actors.coupon.forms import FRONT_DOOR, OCCASION_BYTES_MAX, TEMPLATE_ID_BYTES_MAX
from actors.coupon_jobs import inputs
from actors.forms import EVENT_TYPE, TIMESTAMP, Field, Form, Named, command, maybe_number, maybe_text, text

BATCH_USERS_MAX = 1_000
BATCH_NO_MAX = 1_000_000
JOB_ID_BYTES_MAX = OCCASION_BYTES_MAX


def _users(value: list[Any]) -> str | None:
    return None if 1 <= len(value) <= BATCH_USERS_MAX else "out_of_range"


def _named(message: inputs.IssueBatch) -> Refusal | None:
    if not message.job:
        return Refusal("missing", "job_id", "job_id must be given where there is no activity_id")
    if message.template is None and message.activity_id is None:
        return Refusal("missing", "template", "template must be given where there is no activity_id")
    return None


_EVENT = {
    "event_type": EVENT_TYPE,
    "timestamp": TIMESTAMP,
}
BATCH = Form(
    inputs.IssueBatch,
    {
        **_EVENT,
        "user_batch": Field(f"a list of 1 to {BATCH_USERS_MAX} ids of users", _users),
        "activity_id": maybe_text(OCCASION_BYTES_MAX), "job_id": maybe_text(JOB_ID_BYTES_MAX),
        "template": maybe_text(TEMPLATE_ID_BYTES_MAX), "batch_no": maybe_number(1, BATCH_NO_MAX),
        "batch_size": maybe_number(1, BATCH_NO_MAX), "total_batches": maybe_number(1, BATCH_NO_MAX),
    },
    _named,
)  # fmt: skip
_JOB = {**_EVENT, "job_id": text(JOB_ID_BYTES_MAX)}
PAUSE = Form(inputs.PauseJob, _JOB)
CONTINUE = Form(inputs.ContinueJob, _JOB)
CANCEL = Form(inputs.CancelJob, _JOB)


def _named_job(event_type: str, kind: str, form: Form[Any], job_of: Callable[[Any], str], *keys: str) -> Named:
    def decode(raw: bytes, _: Mapping[str, Any]) -> Command | Refusal:
        message = form.read(raw)
        if isinstance(message, Refusal):
            return message
        return command(kind, f"job:{job_of(message)}", message.timestamp, bulk=kind == inputs.BATCH)

    return Named(CommandSpec(event_type, kind, FRONT_DOOR, keys, decode), form)


def _of_batch(message: inputs.IssueBatch) -> str:
    return message.job


def _of_word(message: inputs.PauseJob | inputs.ContinueJob | inputs.CancelJob) -> str:
    return message.job_id


PUBLIC = (_named_job("batch_coupon_issue", inputs.BATCH, BATCH, _of_batch, "coupon.issue.activity"),)
"""What both doors take."""
FOR_OPERATORS = (
    _named_job("coupon_job_pause", inputs.PAUSE, PAUSE, _of_word),
    _named_job("coupon_job_continue", inputs.CONTINUE, CONTINUE, _of_word),
    _named_job("coupon_job_cancel", inputs.CANCEL, CANCEL, _of_word),
)
"""What HTTP alone takes."""
