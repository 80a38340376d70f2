"""Lists of a job's users as the reference model of coupons keeps them: who is on each, and what became of him.

A shelf makes a command of each user; when the last of a list is decided, the job is told the sums. What was decided
about each user is told on, too, so that the job's books can be reckoned from the users instead of from the sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from simulation.model import Said

LISTED = "coupon.listed"
"""The command."""
SUMMED = ("issued", "already")
"""What is no refusal."""


class Lists:
    """Those of all segments. `on_decided` is told (job, user, what); `lost` are jobs of which an operator has thrown
    something away.
    """

    def __init__(self) -> None:
        self._left: dict[tuple[int, str, str, int], int] = {}
        """(segment, template, job, number) -> users who are not decided yet."""
        self._became: dict[tuple[int, str, str, int], Counter[str]] = {}
        self.lost: set[str] = set()
        self.on_decided: Callable[[str, str, str], None] = lambda job, user, what: None

    def begin(self, segment: int, template: str, body: dict[str, Any]) -> list[Said]:
        """A command for each user."""
        at = (segment, template, body["job"], body["no"])
        self._left[at], self._became[at] = len(body["users"]), Counter()
        more = (template, body["source"], body["job"], body["no"], body.get("activity_id", ""))
        return [(LISTED, f"user:{user}", *more) for user in body["users"]]

    def decided(self, segment: int, template: str, body: dict[str, Any], user: str, what: str) -> list[Said]:
        """It is known what becomes of one of them."""
        job, number = body["job_id"], body["list_no"]
        at = (segment, template, job, number)
        self.on_decided(job, user, what)
        self._left[at] -= 1
        self._became[at][what] += 1
        if self._left[at]:
            return []
        del self._left[at]
        became = self._became.pop(at)
        refused = {what: number for what, number in became.items() if what not in SUMMED}
        return [("coupon.list_done", f"job:{job}", number, became["issued"], became["already"], refused)]

    def stored(self, segment: int, template: str) -> dict[str, list[Any]]:
        """What the shelf must have of them."""
        found: dict[str, list[Any]] = {}
        for at, became in self._became.items():
            if at[:2] == (segment, template):
                refused = {what: number for what, number in became.items() if what not in SUMMED}
                found[f"{at[3]} {at[2]}"] = [self._left[at], became["issued"], became["already"], refused]
        return found


def heard(kind: str, subject: str, body: dict[str, Any]) -> Said:
    """What an emission about a list says."""
    if kind == LISTED:
        of_job = (body["source"], body["job_id"], body["list_no"], body.get("activity_id", ""))
        return (kind, subject, body["template"], *of_job)
    return (kind, subject, body["no"], body["issued"], body["already"], body["refused"])
