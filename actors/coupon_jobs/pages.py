"""How many of a job's users go out at a time: what the jobs' actor is made with, so that a dozen users can be several
pages where that is wanted.
"""

from __future__ import annotations

import msgspec


class Pages(msgspec.Struct, frozen=True):
    """Numbers of users. `under_way_max` are at work in the segments at a time; one step sends `users_max` of them, or
    `held_users_max` amid ordinary traffic, which waits behind a page: of a hundred requests the slowest took five times
    as long with pages of 50 as without a job, and twice as long with 16.
    """

    under_way_max: int = 4_000
    users_max: int = 1_000
    held_users_max: int = 16

    def __post_init__(self) -> None:
        assert 0 < self.held_users_max <= self.users_max <= self.under_way_max, f"a page would never go out: {self}"

    def room(self, under_way: int, held: bool) -> int:
        """For how many of them the next page has room."""
        return min(self.held_users_max if held else self.users_max, self.under_way_max - under_way)
