"""What a condition may ask of a user: the little that whoever keeps the facts must be able to answer.

Nothing here says where a fact is kept. The actor answers from its state, a test from a table, a dry run of a campaign
from events that somebody made up; all are judged by the same code.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Protocol

import msgspec


class CartSeen(msgspec.Struct, frozen=True, gc=False):
    """The live cart; `value` in minor units."""

    value: int = 0
    lines: int = 0
    pieces: int = 0
    products: Container[str] = ()
    categories: Container[str] = ()


class Facts(Protocol):
    """One user at one moment. Answers do not change while a condition is judged; what is not known is None."""

    @property
    def at(self) -> int:
        """Now: the `at` of the entry that is reacted to, ms since 1970 UTC."""
        ...

    @property
    def since(self) -> int:
        """The `at` of the event that triggered the campaign for this user: of an absence the event that it is counted
        from, of a time trigger its firing. Before there is a run: of the entry that is reacted to.
        """
        ...

    def field(self, name: str) -> Any:
        """A field of the event that triggered the campaign."""
        ...

    def counter(self, key: str) -> int | None:
        """What the counter of this name says now: the name is window_spec.key of one of the campaign's counters."""
        ...

    def cart(self) -> CartSeen: ...

    def tier(self) -> str:
        """The id of the level that holds, "" when there is none."""
        ...

    def points(self) -> int:
        """That can be spent."""
        ...

    def coupons(self, template: str | None) -> int:
        """That can be used now or later; of one template, or of any."""
        ...

    def profile(self, fact: str) -> Any: ...
