"""What came of a command, said to whoever asked: the `result` of its answer.

Field names are a contract with other programs, as those of effects are. All have what was moved and what there is to
spend now in the wallet it was moved in.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from actors.points.earning import ItemPoints


class Result(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`points` were moved; `balance` is what `wallet` has to spend now."""

    points: int
    balance: int
    wallet: str


class Accrued(Result, frozen=True, kw_only=True, gc=False):
    """`pending` of the points cannot be spent yet, `debt_paid` of them paid a debt, `cut` more were taken away by
    caps. Of an order: its id, the version of the programme that judged it, and its items.
    """

    pending: int
    debt_paid: int
    cut: int
    order_id: str | UnsetType = UNSET
    programme: str | UnsetType = UNSET
    items: tuple[ItemPoints, ...] | UnsetType = UNSET


class Redeemed(Result, frozen=True, kw_only=True, gc=False):
    """They are spent."""


class Reserved(Result, frozen=True, kw_only=True, gc=False):
    """They are held until `expires_at` (RFC 3339)."""

    reservation_id: str
    expires_at: str


class Confirmed(Result, frozen=True, kw_only=True, gc=False):
    """They are spent; `released` more were held and are free again."""

    reservation_id: str
    released: int


class Cancelled(Result, frozen=True, kw_only=True, gc=False):
    """They are free again."""

    reservation_id: str


class Reversed(Result, frozen=True, kw_only=True, gc=False):
    """A refund claimed them: so many that were pending, from the order's own lots, from the rest of the balance; what
    was missing is a `debt` or was `written_off`. `returned` points that were spent on the order are back. `amount`:
    the money refunded, in minor units. `waiting`: the order has not been heard of, and nothing has happened yet.
    """

    returned: int = 0
    amount: int = 0
    from_pending: int = 0
    from_lots: int = 0
    from_balance: int = 0
    debt: int = 0
    written_off: int = 0
    waiting: bool = False


class Gifted(Result, frozen=True, kw_only=True, gc=False):
    """They are on their way to the user `to`."""

    to: str


class Adjusted(Result, frozen=True, kw_only=True, gc=False):
    """`points` were given, or (negative) taken."""


class SignedIn(Result, frozen=True, kw_only=True, gc=False):
    """`streak` days in a row now; `bonus` of the points are for that."""

    streak: int
    bonus: int


class TierGranted(Result, frozen=True, kw_only=True, gc=False):
    """`level` holds now."""

    level: str
