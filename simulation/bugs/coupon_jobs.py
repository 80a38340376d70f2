"""Bugs of coupon jobs: users who are sent twice or never, batches that count twice, sums that are said too soon."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from actors.coupon_jobs import actor, job
from actors.coupon_jobs.actor import CouponJobsActor
from simulation.bugs.bug import Bug, Method, Swap
from supervision.outputs import Claim


def _beside_the_books(_step: Method) -> Method:
    """The actor is made anew with each process."""

    def wrong(self: Any, here: Any, event: Any) -> Iterator[Any]:
        places = self.__dict__.setdefault("places", {})
        here.at = places.get((event.subject, here.first), 0)
        yield from _step(self, here, event)
        places[event.subject, here.first], here.at = here.at, 0

    return wrong


def _known_by_its_message(_batch: Method) -> Method:
    def wrong(here: Any, event: Any, body: Any, segments: int) -> Iterator[Any]:
        seen = job.seen_key(body.job, actor._name(body))
        for output in _batch(here, event, body, segments):
            if not (isinstance(output, Claim) and output.key == seen):
                yield output

    return wrong


def _nothing_to_count(sum_up: Method) -> Method:
    def wrong(here: Any, done: Any) -> None:
        if here.status != "cancelled":
            sum_up(here, done)

    return wrong


BUGS = (
    Bug(
        "job_page_repeated_after_a_crash",
        "Where we are in a batch changes with every page; kept beside the books it need not be written each time.",
        (Swap(CouponJobsActor, "_step", _beside_the_books),),
    ),
    Bug(
        "job_batch_known_by_its_message",
        "What is sent again has the same id, and the engine knows ids; why should a job know its batches?",
        (Swap(actor, "_batch", _known_by_its_message),),
    ),
    Bug(
        "job_done_when_all_are_sent",
        "All users are sent: the rest is the segments' work, and the job's is done.",
        (Swap(job, "over", lambda _over: lambda here: here.first == here.next),),
    ),
    Bug(
        "cancelled_job_stops_counting",
        "A cancelled job is over; whoever was on his way then is not its business.",
        (Swap(job, "sum_up", _nothing_to_count),),
    ),
)
