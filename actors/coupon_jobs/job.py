"""A job's books: which batches came, how many of their users were sent to the segments, and what became of them.

The users of a batch are not here but under a business key, by the batch's place in the job; the books are as small for
a million users as for ten. A batch is known by its number, or by its users where it has none. What has not been decided
is bounded (pages.py): so many users are at work in the segments at a time, and the next ones go out when sums come
back. So a job is as fast as the segments are, and never ahead of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from actors.coupon.lists import USERS_MAX, ListDone
from actors.coupon_jobs import numbers
from actors.coupon_jobs.numbers import Ranges
from actors.coupon_jobs.pages import Pages
from actors.coupon_jobs.shown import JobShown, Status
from actors.fields import text_code
from actors.points.messages import USER_ID_BYTES_MAX
from supervision.entry import segment_of
from supervision.outputs import business_key

BATCHES_AT_ONCE = 8
"""That one step looks into."""
LISTS_AT_ONCE = 200
"""Sent by one step: with what comes besides they fit into one reaction."""
BATCHES_MAX = 100_000
"""Of one job."""
BAD_NAMED_MAX = 20
MISSING_NAMED_MAX = 100
NAME_CHARS_MAX = 64
BAD_USER = "bad_user_id"

_users = msgspec.msgpack.Decoder(list[str]).decode


class Job(msgspec.Struct, array_like=True):
    """`came`: the numbers of the batches. Batches wait from place `first` to before `next`; of the first, `at` users
    were sent. `armed`: a step is to come; `quiet`: a look whether more comes. `told_at`, `told`: when the rate was last
    reckoned, and how many were decided then. No `status`: nobody has heard of the job.
    """

    format: int = 1
    template: str = ""
    status: Status | None = None
    activity_id: str = ""
    total_batches: int = 0
    batches: int = 0
    came: Ranges = []
    first: int = 1
    next: int = 1
    at: int = 0
    users: int = 0
    sent: int = 0
    lists: int = 0
    issued: int = 0
    already: int = 0
    refused: dict[str, int] = {}
    bad: list[str] = []
    armed: bool = False
    quiet: bool = False
    touched_at: int = 0
    told_at: int = 0
    told: int = 0
    per_second: float = 0.0
    ended: bool = False

    @property
    def decided(self) -> int:
        return self.issued + self.already + sum(self.refused.values())

    @property
    def under_way(self) -> int:
        return self.sent + self.refused.get(BAD_USER, 0) - self.decided

    @property
    def waiting(self) -> int:
        """Users who were not sent yet."""
        return self.users - self.refused.get(BAD_USER, 0) - self.sent

    @property
    def complete(self) -> bool:
        """Every batch has come, as far as is known how many there are."""
        return 0 < self.total_batches <= self.batches


def seen_key(job: str, name: str) -> bytes:
    """Of a batch by its number or its users: that it came."""
    return business_key("coupon-job-batch", job, name)


def users_key(job: str, place: int) -> bytes:
    """Of the batch at a place: its users; empty when they are sent."""
    return business_key("coupon-job-users", job, str(place))


def take_in(job: Job, number: int | None, users: Sequence[Any], segments: int) -> tuple[int, bytes]:
    """A batch has come; -> (its place, the good ones of its users). They lie by segment, so that a page of few users
    goes to few segments.
    """
    good = [user for user in users if isinstance(user, str) and not text_code(user, USER_ID_BYTES_MAX)]
    if len(good) < len(users):
        strange = [user for user in users if not isinstance(user, str) or text_code(user, USER_ID_BYTES_MAX)]
        job.refused[BAD_USER] = job.refused.get(BAD_USER, 0) + len(strange)
        job.bad += [ascii(user)[:NAME_CHARS_MAX] for user in strange[: BAD_NAMED_MAX - len(job.bad)]]
    job.batches += 1
    job.users += len(users)
    if number is not None:
        numbers.add(job.came, number)
    place, job.next = job.next, job.next + 1
    good.sort(key=lambda user: segment_of(f"user:{user}", segments))
    return place, msgspec.msgpack.encode(good)


def places(job: Job) -> range:
    """Of the batches that the next step looks into."""
    return range(job.first, min(job.next, job.first + BATCHES_AT_ONCE))


def may_step(job: Job, pages: Pages) -> bool:
    """There is somebody to send, and room for a page worth sending."""
    room = pages.room(job.under_way, held=False)
    return job.status == "running" and job.first < job.next and room >= min(job.waiting, pages.users_max)


def next_page(
    job: Job, job_id: str, segments: int, batches: Mapping[bytes, bytes], room: int
) -> Mapping[int, Sequence[Sequence[str]]]:
    """The next users, `room` of them at most, in lists by segment, which count as sent."""
    lists: dict[int, list[list[str]]] = {}
    many = 0
    for place in places(job):
        users = _users(batches[users_key(job_id, place)])
        for user in users[job.at : job.at + room]:
            of = lists.setdefault(segment_of(f"user:{user}", segments), [])
            if not of or len(of[-1]) == USERS_MAX:
                if many == LISTS_AT_ONCE:
                    return lists
                of.append([])
                many += 1
            of[-1].append(user)
            job.at, job.sent, room = job.at + 1, job.sent + 1, room - 1
        if job.at < len(users):
            break
        job.first, job.at = place + 1, 0
    return lists


def drop(job: Job) -> None:
    """Of a cancelled job: what was not sent is not to be, as far as the next step looks."""
    job.first, job.at = places(job).stop, 0


def sum_up(job: Job, done: ListDone) -> None:
    """A list is decided."""
    job.issued += done.issued
    job.already += done.already
    for reason, number in done.refused.items():
        job.refused[reason] = job.refused.get(reason, 0) + number


def reckon(job: Job, at: int) -> None:
    """The rate, half of it by what was last."""
    if at > job.told_at:
        lately = (job.decided - job.told) * 1_000 / (at - job.told_at)
        job.per_second = round((job.per_second + lately) / 2 if job.per_second else lately, 1)
    job.told_at, job.told = at, job.decided


def over(job: Job) -> bool:
    """Whatever has come is decided."""
    return job.first == job.next and not job.under_way


def shown(job: Job, job_id: str) -> JobShown:
    assert job.status is not None, job_id
    queued = 0 if job.status == "cancelled" else job.users - job.decided
    remaining = round(queued / job.per_second) if job.per_second and job.status == "running" else None
    left = numbers.missing(job.came, job.total_batches, MISSING_NAMED_MAX) if job.came else ()
    return JobShown(
        job_id, job.template, job.status, job.users, queued, job.issued, job.already, job.refused, job.per_second,
        remaining if queued else 0, job.batches, job.total_batches or None, tuple(left), tuple(job.bad),
    )  # fmt: skip


def check(job: Job, pages: Pages) -> None:
    """Raise AssertionError unless the books add up."""
    numbers.check(job.came)
    assert 1 <= job.first <= job.next and job.at >= 0, job
    assert 0 <= job.under_way <= pages.under_way_max, job.under_way
    assert job.waiting >= 0, job.waiting
    assert (job.status is not None) == (job.batches > 0), job


def emptied(job_id: str, before: range, first: int) -> Iterator[bytes]:
    """The keys of the batches that a step has done with."""
    for place in before:
        if place < first:
            yield users_key(job_id, place)
