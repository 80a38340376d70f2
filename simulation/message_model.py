"""The reference model of notification where carts are: a reminder goes out once, unless the buyer has bought of it.

It knows of each user the purchases that were folded, each order once, and of each request how it must end: sent at
once, since nothing is limited here, or suppressed with `bought`. Texts about points are those of model.py.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from simulation.model import NotificationModel, Said
from supervision.entry import Entry
from supervision.messages import Emission

ENDS = ("message.sent", "message.suppressed", "message.held", "notify.refused")
Purchase = tuple[int, str]
"""(offset, product, empty for everything)."""


class MessageModel(NotificationModel):
    """Purchases by subject."""

    kinds = NotificationModel.kinds | {"notify.requested", "behaviour.seen"}

    def __init__(self, marks: Counter[str]) -> None:
        super().__init__()
        self._marks = marks
        self._orders: set[tuple[str, str]] = set()
        self._purchases: dict[str, list[Purchase]] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        if entry.kind not in ("notify.requested", "behaviour.seen"):
            return super().fold(entry, at)
        body = msgspec.json.decode(entry.body)
        if entry.kind == "notify.requested":
            return self._asked(entry.subject, body)
        if body["behavior_type"] == "purchase_complete" and (entry.subject, body["order_id"]) not in self._orders:
            self._orders.add((entry.subject, body["order_id"]))
            of = [item["product_id"] for item in body.get("items") or ()] or [""]
            self._purchases.setdefault(entry.subject, []).extend((entry.offset, product) for product in of)
        return []

    def _asked(self, subject: str, asked: dict[str, Any]) -> list[Said]:
        unless = asked["unless"]["bought"]
        wanted = {"", *unless["products"]}
        if any(at > unless["changed_at"] and of in wanted for at, of in self._purchases.get(subject, [])):
            return [("message.suppressed", subject, asked["reference"], "bought")]
        self._marks["reminder_sent"] += 1
        sent = ("message.sent", subject, asked["reference"], None)
        return [("notify.sms", subject, asked["params"]["lines"]), sent]

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when it knows the newest purchase that the model knows."""
        anything, products, _ = msgspec.msgpack.decode(data)[1]
        stored = max([anything, *products.values()])
        newest = max([at for at, _ in self._purchases.get(subject, [])], default=0)
        return "" if stored == newest else f"the newest purchase is at {stored}, the model's at {newest}"

    def heard(self, emission: Emission) -> Said | None:
        draft = emission.draft
        body = msgspec.json.decode(draft.body)
        if draft.kind in ENDS:
            return (draft.kind, draft.subject, body.get("reference"), body.get("reason"))
        if draft.kind == "notify.sms" and "lines" in body["params"]:
            return (draft.kind, draft.subject, body["params"]["lines"])
        return super().heard(emission)
