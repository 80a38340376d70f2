"""What users of real shops did with their carts, told to a whole engine at the moments at which they did it.

Three files are read: OTTO's sessions (clicks, carts and orders in ms), REES46's events (views, carts, removals and
purchases in seconds), and the baskets of dunnhumby's "Complete Journey". The last ones are a till's: they say neither
when the goods were picked nor that anything was left. So a basket's goods go into the cart `PICKED_MS` before it is
paid, one basket in `UNPAID` (by a hash of its number) is not paid at all, and who comes again after that has his cart
cleared first.

The clock stands still but for jumps: to each moment at which something was done, and to each at which a cart that was
touched then would have been left for long enough, so that what an idle hour leads to is said to the millisecond. The
disk is the simulator's, since each moment is a commit, and a shop's thousands of moments are as many fsyncs; that both
stores agree is shown elsewhere (tests/contract/test_stores_agree.py).
"""

from __future__ import annotations

import csv
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from actors.behaviour.messages import ADD_TO_CART, CART_CLEARED, PRODUCT_VIEW, PURCHASE_COMPLETE, REMOVE_FROM_CART
from actors.cart.actor import ABANDONED, CHANGED, IDLE_S
from actors.fields import rfc3339_ms
from supervision.clock import VirtualClock
from supervision.envelope import rfc3339
from supervision.journal import Limits
from supervision.store import Batch
from supervision.store_simulated import Disk
from tests.points_engine import SEGMENTS, PointsEngine
from tests.real_data import moment

IDLE_MS = IDLE_S * 1000
PICKED_MS = 20 * 60_000
UNPAID = 10
LIMITS = Limits(tick_s=0.000_5, fire_s_min=0.000_5)
"""The journal looks at its timers every half a millisecond and not every half a second. As the clock stands still
between the moments, it looks once in each.
"""


class Done(NamedTuple):
    """`user` did `what`; `fields` are the rest of the message."""

    at: int
    user: str
    what: str
    fields: Mapping[str, Any]


def otto(path: Path) -> Iterator[Done]:
    """A session is a user; what was ordered at one moment is one order."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            told = json.loads(line)
            for (at, type_), events in groupby(told["events"], key=lambda event: (event["ts"], event["type"])):
                yield _otto(at, f"{told['session']}", type_, [f"{event['aid']}" for event in events])


def _otto(at: int, user: str, type_: str, products: Sequence[str]) -> Done:
    items = [{"product_id": product, "quantity": 1} for product in products]
    match type_:
        case "clicks":
            return Done(at, user, PRODUCT_VIEW, {"product_id": products[0]})
        case "carts":
            return Done(at, user, ADD_TO_CART, {"items": items})
        case _:
            assert type_ == "orders", type_
            return Done(at, user, PURCHASE_COMPLETE, {"items": items, "order_id": f"{user} at {at}"})


REES46 = {
    "view": PRODUCT_VIEW, "cart": ADD_TO_CART, "remove_from_cart": REMOVE_FROM_CART, "purchase": PURCHASE_COMPLETE,
}  # fmt: skip


def rees46(path: Path) -> Iterator[Done]:
    """Each line is one piece; of what is removed, all there is. The file knows no orders: a line is one."""
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            what = REES46[row["event_type"]]
            fields = {"product_id": row["product_id"], "session_id": row["user_session"], "price": float(row["price"])}
            if row["category_code"]:
                fields["category"] = row["category_code"]
            if what == PURCHASE_COMPLETE:
                fields["order_id"] = f"line {number}"
            yield Done(moment(row["event_time"].removesuffix(" UTC")), row["user_id"], what, fields)


class Basket(NamedTuple):
    paid: int
    number: str
    household: str
    items: list[dict[str, Any]]


def journey(path: Path) -> Iterator[Done]:
    """Each product is put in by a message of its own; the order names them all."""
    left: set[str] = set()
    for basket in _baskets(path):
        picked = basket.paid - PICKED_MS
        if basket.household in left:
            yield Done(picked, basket.household, CART_CLEARED, {})
        for item in basket.items:
            yield Done(picked, basket.household, ADD_TO_CART, item)
        left.discard(basket.household)
        if zlib.crc32(basket.number.encode()) % UNPAID == 0:
            left.add(basket.household)
        elif basket.items:
            fields = {"order_id": basket.number, "items": basket.items}
            yield Done(basket.paid, basket.household, PURCHASE_COMPLETE, fields)


def _baskets(path: Path) -> list[Basket]:
    """In the order in which they were paid. Lines of no pieces (what the till takes off for bottles) are left out."""
    found: dict[str, Basket] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            basket = Basket(moment(row["transaction_timestamp"]), row["basket_id"], row["household_id"], [])
            pieces = int(row["quantity"])
            items = found.setdefault(basket.number, basket).items
            items += [{"product_id": row["product_id"], "quantity": pieces}] if pieces else []
    return sorted(found.values(), key=lambda basket: (basket.paid, basket.number))


READERS: Mapping[str, Callable[[Path], Iterator[Done]]] = {"otto": otto, "rees46": rees46, "journey": journey}


class Heard:
    """What the engine says of carts, commit by commit, and the counts that follow from it, which count_carts.py makes
    of the raw file.
    """

    def __init__(self) -> None:
        self.carts: set[tuple[str, int]] = set()
        self.bought: set[tuple[str, int]] = set()
        self.added = 0
        self.left: list[tuple[str, int, dict[str, int]]] = []
        self._pieces: dict[str, int] = {}
        self._late: list[tuple[str, int, Mapping[str, Any]]] = []

    def listen(self, batch: Batch) -> None:
        for page in batch.pages:
            for entry in page.entries:
                user = entry.subject.removeprefix("user:")
                if entry.kind == CHANGED:
                    self._changed(user, msgspec.json.decode(entry.body))
                elif entry.kind == ABANDONED:
                    self._abandoned(user, entry.at, msgspec.json.decode(entry.body))

    def _changed(self, user: str, body: Mapping[str, Any]) -> None:
        cart = user, body["cart_no"]
        self.carts.add(cart)
        if body["reason"] == "bought":
            self.bought.add(cart)
        elif body["reason"] == "added":
            self.added += body["pieces"] - self._pieces.get(user, 0)
        self._pieces[user] = body["pieces"]

    def _abandoned(self, user: str, at: int, body: Mapping[str, Any]) -> None:
        since = rfc3339_ms(body["idle_since"]) or 0
        if at != since + IDLE_MS or body["held"]:
            self._late.append((user, at, body))
        self.left.append((user, since, {line["product_id"]: line["quantity"] for line in body["lines"]}))

    def counts(self) -> dict[str, Any]:
        assert not self._late, f"not said when the hour was over: {self._late}"
        left = [list(one) for one in sorted(self.left, key=lambda one: (one[1], one[0]))]
        return {"begun": len(self.carts), "added": self.added, "bought": len(self.bought), "left": left}


def replayed(folder: Path, kind: str, path: Path) -> dict[str, Any]:
    """What a new engine makes of the file at `path`, once all that can come of it has come."""
    moments: dict[int, list[Done]] = defaultdict(list)
    for done in READERS[kind](path):
        moments[done.at].append(done)
        if done.what != PRODUCT_VIEW:
            moments[done.at + IDLE_MS] += ()
    heard, disk, in_order = Heard(), Disk(SEGMENTS), sorted(moments)
    disk.on_commit = heard.listen
    engine = PointsEngine(folder, VirtualClock(in_order[0]), disk=disk, limits=LIMITS)
    try:
        for at in in_order:
            _tell(engine, at, moments[at])
        return heard.counts()
    finally:
        engine.close()


def _tell(engine: PointsEngine, at: int, done: Sequence[Done]) -> None:
    """What is due by then happens first."""
    engine.clock.advance((at - engine.clock.now_ms()) / 1_000)
    engine.settle(0)
    for one in done:
        engine.say("user_behavior", one.user, behavior_type=one.what, timestamp=rfc3339(one.at), **one.fields)
    if done:
        engine.settle(0)
