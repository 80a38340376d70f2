"""The clerk: works on one user's purse and one template's shelf for one event, and writes down whatever happens.

A change, the line in the user's records, the shelf's tally and the effect for others always come together. Reactions
(issuing.py, using.py, upkeep.py) are functions over a clerk; refusals are outputs too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET

from actors.commands import declined, done
from actors.coupon import code_pattern, keys, shelf
from actors.coupon.code_keys import CodeKeys
from actors.coupon.code_pattern import CodePattern
from actors.coupon.codes import code_of
from actors.coupon.directory import Directory
from actors.coupon.effects import CouponRefused, CouponUsage
from actors.coupon.listing import compiled
from actors.coupon.offer import Offer
from actors.coupon.records import Change, LifeLine
from actors.coupon.shelf import Need, Shelf, Ticket
from actors.coupon.state import Coupon, Purse
from actors.routes import effect_route
from supervision.domain import Event
from supervision.envelope import rfc3339
from supervision.outputs import Claim, Emit, Output, Record, Reply

PATTERNS_KEPT = 256


class Sent(msgspec.Struct, frozen=True):
    """A command as it came, should it have to wait: an entry of `kind` with `body`."""

    kind: str
    body: bytes


class Clerk:
    """For one reaction. `served`: a shelf lets a command go on that had to wait. `lent`: an imported code that the user
    was lent for the command, as long as nothing has come of it. `outputs` is what it yields.
    """

    __slots__ = ("at", "code_keys", "directory", "event", "lent", "outputs", "purse", "served", "shelf", "template")

    def __init__(
        self, purse: Purse, shelf: Shelf | None, template: str, event: Event, code_keys: CodeKeys, served: bool,
        lent: str = "",
    ) -> None:  # fmt: skip
        self.purse = purse
        self.shelf = shelf or Shelf()
        self.template = template
        self.event = event
        self.code_keys = code_keys
        self.served = served
        self.lent = lent
        self.at = event.at
        self.directory: Directory = event.shared
        self.outputs: list[Output] = []

    @property
    def segment(self) -> int:
        return self.event.entry.segment

    @property
    def user_id(self) -> str:
        return self.event.subject[5:]

    # Looking.

    def offer(self) -> Offer:
        """The whole template as it is now."""
        return compiled(self.shelf.template)

    def judged_by(self, coupon: Coupon) -> Offer:
        """What counts for the coupon."""
        bodies = self.shelf.bodies
        return compiled(bodies[coupon.version if coupon.version in bodies else self.shelf.version])

    def code(self, coupon: Coupon) -> str:
        """What its owner knows it by."""
        rules = self.judged_by(coupon).template.code
        if coupon.public:
            return coupon.imported or rules.public
        return spelled(self.code_keys, coupon.key, rules.prefix, self.segment, coupon.serial)

    def claimed(self, key: bytes) -> bytes | None:
        return self.event.claimed.get(key)

    # Waiting.

    def goes_on(self, promised: Need) -> None:
        """The user's command that had to wait is carried out now, with what it was promised."""
        shelf.keep_promise(self.shelf, promised)
        left = self.purse.waiting.pop(self.template) - 1
        if left:
            self.purse.waiting[self.template] = left

    @property
    def must_wait(self) -> bool:
        """An earlier command of the user waits for the same template."""
        return not self.served and self.template in self.purse.waiting

    def wait(self, need: Need, occasion: str, kind: str, body: bytes) -> None:
        """There is not enough here now: go on when the template has answered. What was lent waits with it."""
        number = shelf.queue(self.shelf, need)
        self.purse.waiting[self.template] = self.purse.waiting.get(self.template, 0) + 1
        ticket = Ticket(self.event.subject, kind, body, occasion, need, self.event.entry.chain)
        self.outputs.append(Claim(shelf.ticket_key(self.template, number), msgspec.msgpack.encode(ticket)))
        self.lent = ""

    # Telling.

    def line(self, change: Change, coupon: Coupon, **more: Any) -> None:
        """A line of the coupon's life."""
        entry = self.event.entry
        line = LifeLine(
            entry.offset, rfc3339(self.at), change, coupon.serial, coupon.template, entry.place,
            **{name: UNSET if value is None else value for name, value in more.items()},
        )  # fmt: skip
        self.outputs.append(Record(line))

    def whose(self, coupon: Coupon, end: str = "", by: str = "") -> None:
        """Write down who has it, or what became of it."""
        imported = coupon.imported
        key = keys.spelled(self.user_id, imported) if imported else keys.serial(coupon.serial)
        value = msgspec.msgpack.encode(keys.Whose(self.user_id, coupon.template, end, by))
        self.outputs.append(Claim(key, value, replaces=key in self.event.claimed))

    def say(self, kind: str, effect: msgspec.Struct, word: str = "") -> None:
        """To the world; the routing key ends with the word where there is one."""
        self.outputs.append(Emit(kind, effect, route=effect_route(kind, word) if word else kind))

    def usage(self, what: str, number: int = 1, discount: int = 0, revenue: int = 0, order_id: str = "") -> None:
        """A line for the statistics."""
        line = CouponUsage(self.template, what, number, discount, revenue, order_id or UNSET)
        self.say("coupon.usage", line, what)

    def answer(self, result: msgspec.Struct) -> None:
        """To whoever asked: it is done."""
        if self.event.entry.asked:
            self.outputs.append(Reply(done(result)))

    def refuse(self, refused: CouponRefused, word: str, numbers: dict[str, Any] | None = None) -> None:
        """Nothing was changed: to the world, and to whoever asked, with the numbers behind it."""
        self.say("coupon.refused", refused, word)
        if self.event.entry.asked:
            reasons: Sequence[Any] = refused.reasons or ()
            more = {"reasons": reasons} if reasons else {}
            self.outputs.append(Reply(declined(refused.code, refused.detail, {**(numbers or {}), **more})))


def spelled(code_keys: CodeKeys, key_id: int, prefix: str, segment: int, serial: int) -> str:
    """The code that was generated for a coupon. Pure."""
    key = code_keys.of(key_id)
    assert key is not None, f"the key {key_id} of a coupon is gone"
    return code_of(key, _pattern(prefix), segment, serial)


@lru_cache(PATTERNS_KEPT)
def _pattern(prefix: str) -> CodePattern:
    return msgspec.structs.replace(code_pattern.DEFAULT, prefix=prefix)
