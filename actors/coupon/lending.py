"""What a template and the segments say to each other about stock and budget. All inward; each goes by transfer, exactly
once and in order for each pair of segments.
"""

from __future__ import annotations

import msgspec

from actors.coupon.shelf import Resource

ASK = "coupon.ask"
GRANT = "coupon.grant"
RECALL = "coupon.recall"
BACK = "coupon.give_back"
SERVE = "coupon.serve"
SERVED = "coupon.served"


class Ask(msgspec.Struct, frozen=True, gc=False):
    """A segment to the template: my slice runs out; so much is needed by who waits here (0: nobody yet)."""

    resource: Resource
    segment: int
    need: int


class Lend(msgspec.Struct, frozen=True, gc=False):
    """The template to a segment's shelf: `amount` more is yours. As pool.Grant."""

    resource: Resource
    amount: int
    dry: bool = False
    scarce: bool = False


class CallBack(msgspec.Struct, frozen=True, gc=False):
    """The template to a segment's shelf: give back what nobody there waits for."""

    resource: Resource


class GiveBack(msgspec.Struct, frozen=True, gc=False):
    """A segment to the template: `amount` of my slice is yours again. `recalled`: as you asked."""

    resource: Resource
    segment: int
    amount: int
    recalled: bool = False


class Serve(msgspec.Struct, frozen=True, gc=False):
    """A shelf to itself: let those who wait go on, as far as there is enough."""

    template: str


class Served(msgspec.Struct, frozen=True, gc=False):
    """A shelf to a user: the command of ticket `number` goes on. `stock` and `budget` are promised to it."""

    template: str
    number: int
    kind: str
    occasion: str
    stock: int
    budget: int
    command: msgspec.Raw
