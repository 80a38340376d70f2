"""What is kept of one user's points: plain numbers in the order the store holds them, and nothing that could be worked
out from the rest.

The account is read and written for every event of its user, so what most users never have (other wallets, reservations,
caps, a tier) is empty and costs a byte. What belongs to one order stands apart from it (order_book.py): orders are many
and seldom looked at again. Facts about the person stand in a struct of their own, so that they can be erased and the
books stay.

All times are ms since 1970 UTC. Days are ordinals (`date.toordinal`) in the zone the rule says.
"""

from __future__ import annotations

import msgspec

FORMAT = 2
MAIN = ""
"""The wallet `main` as states and books write it; its name is for people."""
NEVER = 253_402_300_799_999
"""An expiry that does not come (the end of the year 9999)."""
SLIDES = NEVER + 1
"""Expires by the owner's inactivity: when, is said by `Account.active_at` and the programme."""


class Lot(msgspec.Struct, array_like=True, gc=False):
    """Points that expire together and have one origin, the entry (epoch, offset) that made them. `expires` is the
    moment from which they can no longer be spent, NEVER or SLIDES. `took`: of the lots that were merged into this one,
    the earliest expiry and the youngest origin (its epoch, its offset); see lots.py.
    """

    expires: int
    points: int
    epoch: int
    offset: int
    took: tuple[int, int, int] | None = None


class Pending(msgspec.Struct, array_like=True, gc=False):
    """Points that cannot be spent yet. `active_from` 0: they wait for `order_completed` of `order_id`. `expires` 0: it
    is worked out when they become active.
    """

    active_from: int
    expires: int
    points: int
    epoch: int
    offset: int
    order_id: str = ""


class Books(msgspec.Struct, array_like=True, gc=False):
    """What has happened to a wallet's points since it began; see books.py for the equation they satisfy."""

    issued: int = 0
    received: int = 0
    """As gifts."""
    written_off: int = 0
    """Claimed by refunds and waived by policy."""
    spent: int = 0
    expired: int = 0
    reversed: int = 0
    """Claimed by refunds, pending points of a cancelled order among them."""
    withdrawn: int = 0
    """By operators."""
    sent: int = 0
    """As gifts."""


class Wallet(msgspec.Struct, array_like=True, gc=False):
    """`lots` are in order of (expires, epoch, offset), none is empty; `pending` in order of their coming. Lots up to
    the expiry `reminded` have had their reminder. `debt`: what refunds claimed beyond what there was.
    """

    lots: list[Lot] = []
    pending: list[Pending] = []
    debt: int = 0
    reminded: int = 0
    books: Books = msgspec.field(default_factory=Books)


class Reservation(msgspec.Struct, array_like=True, gc=False):
    """Points held for a check-out until `until`: `parts` were taken out of the wallet's lots and do not expire here."""

    wallet: str
    until: int
    order_id: str
    parts: list[Lot]


class CapUse(msgspec.Struct, array_like=True, gc=False):
    """How much of a cap is used. Calendar: `window` is the ordinal of its first day (0: a lifetime has none) and `used`
    the sum. Rolling: `window` is the length of a bucket in hours, `buckets` are [number of the bucket since 1970,
    points], oldest first, and `used` is 0.
    """

    window: int = 0
    used: int = 0
    buckets: list[tuple[int, int]] = []


class Tier(msgspec.Struct, array_like=True, gc=False):
    """`level` was reached by what counts, at `since` ("" = none, or the one everybody has); `floor` is one that was
    granted, until `floor_until`: the higher holds. `sums` are [first day of a bucket, what counts], oldest first, in
    the unit that `by` says. `drop_at`: when `level` is lost unless more comes (0 = there is none). `warned`: the loss
    (its moment) that was announced.
    """

    level: str = ""
    since: int = 0
    floor: str = ""
    floor_until: int = 0
    sums: list[tuple[int, int]] = []
    drop_at: int = 0
    warned: int = 0
    by: str = ""


class SignIns(msgspec.Struct, array_like=True, gc=False):
    """`day` of the last one, and how many days in a row there were up to it."""

    day: int = 0
    streak: int = 0


class GiftDay(msgspec.Struct, array_like=True, gc=False):
    """What was given away on `day` (the programme's zone)."""

    day: int = 0
    gifts: int = 0
    points: int = 0


class Jump(msgspec.Struct, array_like=True, gc=False):
    """Points that came within the last hour, for the alarm that asks whether so many can be right: [number of the ten
    minutes since 1970, points], oldest first.
    """

    buckets: list[tuple[int, int]] = []


class Facts(msgspec.Struct, array_like=True, gc=False):
    """What rules know of the person: the last word of `user_profile_update`, empty when nobody said. `birthday` is
    MM-DD.
    """

    zone: str = ""
    birthday: str = ""


class Account(msgspec.Struct, array_like=True, gc=False):
    """One user's points, as the store holds them.

    `armed` is what its one timer is set to, 0 = not, and `armed_by` the mark of the programme by which that was worked
    out: until then, by that programme, there is nothing to settle. `wallets` are those besides `main`. `orders` counts
    the orders that earned, `referrals` the referrals that did. `waiting` are refunds that came before their order.
    """

    format: int = FORMAT
    main: Wallet = msgspec.field(default_factory=Wallet)
    armed: int = 0
    orders: int = 0
    referrals: int = 0
    active_at: int = 0
    wallets: dict[str, Wallet] = {}
    reservations: dict[str, Reservation] = {}
    waiting: list[WaitingRefund] = []
    caps: dict[str, CapUse] = {}
    tier: Tier | None = None
    sign_ins: SignIns | None = None
    gifts: GiftDay | None = None
    jump: Jump | None = None
    facts: Facts | None = None
    armed_by: int = 0


class WaitingRefund(msgspec.Struct, array_like=True, gc=False):
    """A refund whose order has not been heard of, until `until`. `body` is the JSON of the message."""

    order_id: str
    until: int
    epoch: int
    offset: int
    body: bytes
