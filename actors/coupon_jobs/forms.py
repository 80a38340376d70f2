"""What each message to a job must look like to be taken: the whole contract, as one table of forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from actors.commands import Command, CommandSpec, Refusal
from actors.coupon.forms import FRONT_DOOR, OCCASION_BYTES_MAX, TEMPLATE_ID_BYTES_MAX, Named
from actors.coupon_jobs import inputs
from actors.fields import rfc3339_ms
from actors.forms import Field, Form, between, maybe, moment, plain, text_rule

BATCH_USERS_MAX = 1_000
BATCH_NO_MAX = 1_000_000
JOB_ID_BYTES_MAX = OCCASION_BYTES_MAX


def _maybe_text(bytes_max: int) -> Field:
    return Field(f"absent, null or {text_rule(bytes_max)}", maybe(plain(bytes_max)))


def _maybe_number(high: int) -> Field:
    return Field(f"absent, null or an integer from 1 to {high}", maybe(between(1, high)))


def _users(value: list[Any]) -> str | None:
    return None if 1 <= len(value) <= BATCH_USERS_MAX else "out_of_range"


def _named(message: inputs.IssueBatch) -> Refusal | None:
    if not message.job:
        return Refusal("missing", "job_id", "job_id must be given where there is no activity_id")
    if message.template is None and message.activity_id is None:
        return Refusal("missing", "template", "template must be given where there is no activity_id")
    return None


_EVENT = {
    "event_type": Field("the name of the message"),
    "timestamp": Field("absent, null or an RFC 3339 time with its offset from UTC", maybe(moment)),
}
BATCH = Form(
    inputs.IssueBatch,
    {
        **_EVENT,
        "user_batch": Field(f"a list of 1 to {BATCH_USERS_MAX} ids of users", _users),
        "activity_id": _maybe_text(OCCASION_BYTES_MAX), "job_id": _maybe_text(JOB_ID_BYTES_MAX),
        "template": _maybe_text(TEMPLATE_ID_BYTES_MAX), "batch_no": _maybe_number(BATCH_NO_MAX),
        "batch_size": _maybe_number(BATCH_NO_MAX), "total_batches": _maybe_number(BATCH_NO_MAX),
    },
    _named,
)  # fmt: skip
_JOB = {**_EVENT, "job_id": Field(text_rule(JOB_ID_BYTES_MAX), plain(JOB_ID_BYTES_MAX))}
PAUSE = Form(inputs.PauseJob, _JOB)
CONTINUE = Form(inputs.ContinueJob, _JOB)
CANCEL = Form(inputs.CancelJob, _JOB)


def _spec(event_type: str, kind: str, form: Form[Any], job_of: Callable[[Any], str], *keys: str) -> CommandSpec:
    def decode(raw: bytes, _: Mapping[str, Any]) -> Command | Refusal:
        message = form.read(raw)
        if isinstance(message, Refusal):
            return message
        occurred_at = (rfc3339_ms(message.timestamp) or 0) if message.timestamp else 0
        return Command(kind, f"job:{job_of(message)}", occurred_at, bulk=kind == inputs.BATCH)

    return CommandSpec(event_type, kind, FRONT_DOOR, keys, decode)


def _of_batch(message: inputs.IssueBatch) -> str:
    return message.job


def _of_word(message: inputs.PauseJob | inputs.ContinueJob | inputs.CancelJob) -> str:
    return message.job_id


PUBLIC = (Named(_spec("batch_coupon_issue", inputs.BATCH, BATCH, _of_batch, "coupon.issue.activity"), BATCH),)
"""What both doors take."""
FOR_OPERATORS = (
    Named(_spec("coupon_job_pause", inputs.PAUSE, PAUSE, _of_word), PAUSE),
    Named(_spec("coupon_job_continue", inputs.CONTINUE, CONTINUE, _of_word), CONTINUE),
    Named(_spec("coupon_job_cancel", inputs.CANCEL, CANCEL, _of_word), CANCEL),
)
"""What HTTP alone takes."""
