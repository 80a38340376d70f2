"""Lists of users to whom a job issues coupons, as a shelf works them off.

A job says to a shelf: one coupon to each of these. The shelf makes a command of each, as if the user had been sent one,
and counts what becomes of them; the one that is decided last brings the job the sum, in the same stage. A command that
waits for stock is decided when it has gone on, so a sum is never ahead of what it counts, and no list is forgotten over
a crash.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import UNSET, UnsetType

from supervision.domain import Event
from supervision.entry import Chain
from supervision.outputs import Emit

LIST = "coupon.list"
LISTED = "coupon.listed"
DONE = "coupon.list_done"
USERS_MAX = 200
"""Of one list: each is an output of one reaction."""


class UnderWay(msgspec.Struct, array_like=True):
    """A list of which `left` are not decided yet. `already`: had a coupon for the occasion; `refused` by reason."""

    left: int
    issued: int = 0
    already: int = 0
    refused: dict[str, int] = {}


class IssueList(msgspec.Struct, frozen=True, gc=False):
    """A job to a segment's shelf: issue one coupon to each of `users`. `no`: of the list, in the job."""

    job: str
    no: int
    source: str
    users: tuple[str, ...]
    activity_id: str | UnsetType = UNSET


class IssueOne(msgspec.Struct, frozen=True, gc=False):
    """A shelf to a user of a list: inputs.IssueListed."""

    template: str
    source: str
    job_id: str
    list_no: int
    activity_id: str | UnsetType = UNSET


class ListDone(msgspec.Struct, frozen=True, gc=False):
    """A shelf to the job: what became of the users of list `no`."""

    no: int
    issued: int
    already: int
    refused: dict[str, int]


def name_of(job: str, no: int) -> str:
    return f"{no} {job}"


def begin(lists: dict[str, UnderWay], template: str, event: Event, said: IssueList) -> Iterator[Emit]:
    """One command for each user, known as `job:user`."""
    lists[name_of(said.job, said.no)] = UnderWay(len(said.users))
    one = IssueOne(template, said.source, said.job, said.no, said.activity_id)
    depth = event.entry.depth
    for user in said.users:
        subject = f"user:{user}"
        chain = Chain(f"job|{said.job}:{user}", subject, depth, False, event.at)
        yield Emit(LISTED, one, subject=subject, same_depth=True, chain=chain)


def decided(lists: dict[str, UnderWay], job: str, no: int, refused: str, issued: int) -> Emit | None:
    """One more of the list is decided; what to tell the job when it was the last. `refused` is why, or empty."""
    name = name_of(job, no)
    under_way = lists[name]
    under_way.left -= 1
    if refused:
        under_way.refused[refused] = under_way.refused.get(refused, 0) + 1
    elif issued:
        under_way.issued += 1
    else:
        under_way.already += 1
    if under_way.left:
        return None
    del lists[name]
    done = ListDone(no, under_way.issued, under_way.already, under_way.refused)
    return Emit(DONE, done, subject=f"job:{job}", same_depth=True)
