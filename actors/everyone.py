"""To all users of a segment that a domain has a state of, page by page in the bulk lane.

A page is sent by the stage that arms the next one, so a crash repeats none and loses none. Users who come while it is
under way are not waited for. What is sent, and what a page must remember, is its domain's matter.
"""

from __future__ import annotations

from collections.abc import Sequence

USERS = 64
"""Of one page: each is an output of one reaction, and all segments' pages are under way when the first request of a
quiet time comes, which waits behind them.
"""
USERS_HELD = 16
"""The same amid ordinary traffic, which waits behind a page."""
SUBJECTS = "user:"
"""Before them all."""
AFTER_USERS = "user;"
"""Behind all subjects that are users: `;` follows `:`."""


def users_of(page: Sequence[str]) -> list[str]:
    """Those of a page of subjects who are users."""
    return [subject for subject in page if subject < AFTER_USERS]


def next_after(page: Sequence[str]) -> str | None:
    """What the next page comes after; None: this was the last."""
    return page[-1] if page and page[-1] < AFTER_USERS else None
