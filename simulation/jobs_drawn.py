"""The coupon jobs that a world's shop sends, as lists of batches, and what its operators say of each meanwhile.

So few users that a page of three is a fraction of a job; some stand in a batch twice, or in two, and now and then a
line is no user at all. Batches have numbers or none, and say how many there are, or do not, or say too many.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import msgspec

from simulation.coupons_drawn import Version

MAILED = 9
"""Users who come to the shop by jobs only."""
BAD = (7, "", "x" * 129, "a\nb", None)
UNKNOWN = "tx"
"""A template that nobody puts."""


class Job(msgspec.Struct, frozen=True):
    """`words` are said in this order, from when it has begun."""

    batches: Sequence[dict[str, Any]]
    words: Sequence[str]

    @property
    def id(self) -> str:
        return self.batches[0].get("job_id") or self.batches[0]["activity_id"]


def jobs(rng: Random, number: int, users: int, templates: Sequence[str]) -> list[Job]:
    """So many, of the shop's `templates` and its `users`."""
    return [_job(rng, n, users, templates) for n in range(number)]


def activity_of(template: str) -> str:
    """The activity that a template carries."""
    return f"activity of {template}"


def carried(template: str, versions: Sequence[Version]) -> list[Version]:
    """The template's versions, each with its activity."""
    return [(status, rules | {"activity_id": activity_of(template)}) for status, rules in versions]


def _job(rng: Random, n: int, users: int, templates: Sequence[str]) -> Job:
    people = [*(f"m{n}" for n in range(MAILED)), *(f"u{n}" for n in range(users))]
    crowd: list[Any] = rng.sample(people, min(len(people), rng.randint(7, 11)))
    ends = [0, *sorted(rng.sample(range(2, len(crowd)), rng.randint(1, 2))), len(crowd)]
    groups = [crowd[begin:end] for begin, end in pairwise(ends)]
    for group in groups:
        if rng.random() < 0.3:
            group.append(rng.choice(crowd))
        if rng.random() < 0.2:
            group.append(rng.choice(BAD))
    named, numbered = _named(rng, n, rng.choice(templates)), rng.random() < 0.6
    total = len(groups) + (rng.random() < 0.15)
    said: dict[str, Any] = {"event_type": "batch_coupon_issue", **named}
    said |= {"total_batches": total} if rng.random() < 0.6 else {}
    batches = [
        said | ({"batch_no": i} if numbered else {}) | {"user_batch": group} for i, group in enumerate(groups, 1)
    ]
    return Job(
        batches, rng.choice(((), ("pause", "continue"), ("pause", "continue"), ("cancel",), ("pause", "cancel")))
    )


def _named(rng: Random, n: int, template: str) -> dict[str, Any]:
    """What names the job, its template and its occasion."""
    match rng.randrange(6):
        case 0:
            return {"activity_id": activity_of(template)}
        case 1:
            return {"job_id": f"j{n}", "activity_id": "a0", "template": template}
        case 2:
            return {"job_id": f"j{n}", "template": UNKNOWN if rng.random() < 0.3 else template}
        case _:
            return {"job_id": f"j{n}", "template": template}
