"""A whole engine on a real SQLite store whose shop has coupons: templates are put and switched on, users ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import msgspec

from actors.coupon.listing import Status, listed, subject_of
from actors.coupon.offer import Offer, parse
from actors.coupon.shelf import Shelf
from actors.coupon.state import Purse
from actors.coupon.stock import Stock
from actors.normal_form import version
from actors.programmes.messages import PUT, PutProgramme
from supervision.domain import Domain, Event
from supervision.entry import Draft, Origin, encode_draft, part_subject, segment_of
from supervision.messages import Append, Item, ParkedRow
from supervision.outputs import Output
from tests.points_engine import SEGMENTS, PointsEngine

TEMPLATE: dict[str, Any] = {
    "name": "20 off", "kind": {"type": "fixed", "amount": 2_000}, "valid": {"days": 30}, "per_user": {"total": 1},
}  # fmt: skip


def offer(**fields: Any) -> Offer:
    made = parse(msgspec.json.encode(TEMPLATE | fields))
    assert isinstance(made, Offer), made
    return made


def cart(order_id: str = "o-1", amount: int = 10_000, **more: Any) -> dict[str, Any]:
    """An order of one book."""
    items = [{"product_id": "p1", "category": "books", "quantity": 1, "amount": amount}]
    return {"order_id": order_id, "currency": "CNY", "items": items, **more}


class CouponEngine(PointsEngine):
    """`put` makes a version of a template; `ask` sends a command and waits for what came of it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._versions: dict[str, str] = {}

    def reopened(self) -> CouponEngine:
        """After a kill: another engine on what this one has left."""
        self.kill()
        later = CouponEngine(self.folder, self.clock)
        later._versions, later._said = self._versions, self._said
        return later

    def put(self, template: str = "T1", status: Status = "active", **fields: Any) -> None:
        body = listed(status, offer(**fields).template)
        name, new = subject_of(template), version(body.encode())
        put = PutProgramme(name, new, body, self._versions.get(template, ""), "test")
        self._versions[template] = new
        draft = Draft(PUT, name, msgspec.json.encode(put), origin=Origin.OPERATOR)
        self.engine.journal.tell(Append((Item(segment_of(name, SEGMENTS), draft, encode_draft(draft)),), _told, 0))

    def told(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """What effects of that kind say, of those that say `fields`."""
        found = [body for _, body in self.said(kind)]
        return [body for body in found if all(body.get(name) == value for name, value in fields.items())]

    def parked(self) -> list[ParkedRow]:
        """What an operator must decide about, in the coupon domains."""
        with closing(self.store.reader()) as reader:
            names = ("coupon", "coupon_jobs", "coupon_stock", "programmes")
            return [row for segment in range(SEGMENTS) for name in names for row in reader.parked(segment, name)]

    def purse(self, user: str) -> Purse:
        subject = f"user:{user}"
        with closing(self.store.reader()) as reader:
            data, _ = reader.snapshot(segment_of(subject, SEGMENTS), "coupon", subject)
        return msgspec.msgpack.decode(data, type=Purse) if data else Purse()

    def shelves(self, template: str = "T1") -> list[Shelf]:
        """Of all segments."""
        found: list[Shelf] = []
        with closing(self.store.reader()) as reader:
            for segment in range(SEGMENTS):
                data, _ = reader.snapshot(segment, "coupon", part_subject(segment, subject_of(template)))
                found.append(msgspec.msgpack.decode(data, type=Shelf) if data else Shelf())
        return found

    def stock(self, template: str = "T1") -> Stock:
        subject = subject_of(template)
        with closing(self.store.reader()) as reader:
            data, _ = reader.snapshot(segment_of(subject, SEGMENTS), "coupon_stock", subject)
        assert data is not None
        return msgspec.msgpack.decode(data, type=Stock)


def raising(domain: type[Domain[Any]], kind: str, subject: str) -> Callable[..., Iterable[Output]]:
    """A reaction that fails on what is of `kind` and about `subject`."""
    react = domain.react

    def reacting(self: Domain[Any], state: Any, event: Event) -> Iterable[Output]:
        if event.entry.kind == kind and event.subject == subject:
            raise RuntimeError("ill")
        return react(self, state, event)

    return reacting


def _told(_: object) -> None:
    """Nobody waits."""
