"""Those who have coupons in the shop: who puts templates and changes them, and who asks for coupons and waits.

A template is put as the gateway puts it: as a version of its programme, by somebody who names the version that he
knows. What is asked goes the way of all askers (askers.py): again until it is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

import msgspec

from actors.coupon.listing import listed, subject_of
from actors.coupon.offer import Offer, parse
from actors.normal_form import version
from actors.programmes.messages import NAME, PUT, PutProgramme
from actors.registry import COMMANDS
from simulation.askers import Askers, put_answer
from simulation.coupon_shoppers import CouponShoppers
from simulation.coupons_drawn import Version, templates, transferable
from simulation.draw import Draw
from simulation.jobs_drawn import carried
from supervision.messages import Item
from topology.wire import Door, MadeUp

GAP_S = 0.2
"""Between the first versions of a template."""


class Stage(Protocol):
    """What merchants need of their world."""

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...


class Merchants:
    """All of a world's; outlive processes. `read` is an answer in the model's words."""

    def __init__(
        self, seed: str, draw: Draw, world: Stage, askers: Askers, read: Callable[[bytes], tuple[Any, ...]]
    ) -> None:
        self._rng = rng = Random(seed)
        self._draw, self._world, self._askers, self._read = draw, world, askers, read
        self._versions: dict[str, list[Version]] = templates(rng) if draw.coupons else {}
        if draw.jobs:
            self._versions = {template: carried(template, each) for template, each in self._versions.items()}
        hands = Random(f"{seed} hands")
        if draw.hands:
            self._versions = transferable(hands, self._versions)
        self.templates = tuple(self._versions)
        self._known: dict[str, str] = {}
        """Template -> the version that was put last."""
        rules = [versions[0][1] for versions in self._versions.values()]
        public = [each["code"]["public"] for each in rules if "public" in each["code"]]
        self.shoppers = CouponShoppers(rng, draw.users, self.templates, public, draw.hands, hands)
        self._door = Door(COMMANDS, draw.segments)
        self.asked = 0

    def open_shop(self) -> None:
        """The first versions, up to the one that is active."""
        for template, versions in self._versions.items():
            for n in range(1 + (versions[0][0] == "draft")):
                self._world.at(n * GAP_S, lambda template=template: self._put_next(template))

    def plan_round(self, asks: int, rounds_left: int) -> None:
        """So many questions, and a share of the changes, most in the last round: when much is sold out."""
        rng, window_s = self._rng, self._draw.window_s
        for _ in range(asks):
            self.asked += 1
            body = msgspec.json.encode(self.shoppers.message(rng.randrange(self._draw.users)))
            self._plan(rng.uniform(0, window_s), body, self.asked)
        for template, versions in self._versions.items():
            for _ in range(len(versions) // rounds_left):
                self._world.at(rng.uniform(0, window_s), lambda template=template: self._put_next(template))

    def _plan(self, seconds: float, body: bytes, n: int) -> None:
        """Asked for once, or again under the same id, or under another."""
        rng, window_s = self._rng, self._draw.window_s
        item = self._door.decode(body, "http", f"c{n}", MadeUp(""), asked=True)
        assert isinstance(item, Item), item
        self._world.at(seconds, lambda: self._askers.ask_for(item, "coupon", self._read))
        if rng.random() < self._draw.resend_rate:
            again_s = seconds + rng.uniform(0, window_s)
            self._world.at(again_s, lambda: self._askers.ask_for(item, "coupon", self._read))

    def _put_next(self, template: str) -> None:
        if not self._versions[template]:
            return
        status, rules = self._versions[template].pop(0)
        offer = parse(msgspec.json.encode(rules))
        assert isinstance(offer, Offer), offer
        body, name = listed(status, offer.template), subject_of(template)
        new = version(body.encode())
        put = PutProgramme(name, new, body, self._known.get(template, ""), "an operator")
        self._known[template] = new
        left = len(self._versions[template])
        self._askers.ask_for(self._askers.item(f"put|{template}|{left}", name, PUT, put, True), NAME, put_answer)
