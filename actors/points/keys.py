"""The business keys of the points domain: what is known by something else than a user.

An order's book (order_book.py) and the end of a reservation are looked at only when that order or reservation comes
again, so they stand beside the account and not in it.
"""

from __future__ import annotations

from functools import lru_cache

from supervision.outputs import business_key

_key = lru_cache(maxsize=1_024)(business_key)
"""Each key is asked for when a batch is loaded and again when it is written: a batch of 256 entries fits twice."""


def order(user_id: str, order_id: str) -> bytes:
    """Of the user's order: its book."""
    return _key("points-order", user_id, order_id)


def referral(user_id: str) -> bytes:
    """One for each referred user, whoever referred them: the place that said so."""
    return _key("referral", user_id)


def reservation(user_id: str, reservation_id: str) -> bytes:
    """Used up by a reservation's beginning; its value says how it ended, or "held"."""
    return _key("points-reservation", user_id, reservation_id)
