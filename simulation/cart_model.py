"""The reference model of carts: what is in each, what the shop says it comes to, and since when nobody has touched it.

It reads the messages as they were sent and folds them in the order of the log, as all models do. A cart is a plain
dictionary, in which lines stay in the order in which they came. What the model says of each touch (changed, abandoned),
the state and the timer are compared as stages commit; that nobody abandons twice what he has not touched since, is
looked up in the log at rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from simulation.model import Said
from supervision.entry import Entry
from supervision.envelope import rfc3339
from supervision.messages import Emission

GIVES_BACK_MS = 30 * 60_000
"""After an order; stated in docs/semantics.md."""
DEFAULT = "CNY"
NOTHING: Mapping[str, Any] = {}
ALL = 1_000_000
"""More than anybody has."""
Line = tuple[int, int | None, str]
"""(how many, price of one in minor units, category)."""
Piece = tuple[str, str, int, int | None, str]
"""(product, variant) of a line, and the line."""


class Order(msgspec.Struct):
    """What it took, which may still come back."""

    at: int
    currency: str
    took: list[Piece]


class CartBook(msgspec.Struct):
    """One user's. `lines`: by (product, variant). `idle` is the timer, (due, gen)."""

    no: int = 0
    lines: dict[tuple[str, str], Line] = {}
    correction: int = 0
    currency: str = ""
    since: int = 0
    changed: int = 0
    told: bool = False
    orders: dict[str, Order] = {}
    idle: tuple[int, int] | None = None

    @property
    def priced(self) -> int:
        return sum(n * (price or 0) for n, price, _ in self.lines.values())

    @property
    def value(self) -> int:
        return max(0, self.priced + self.correction)

    def put(self, pieces: Sequence[Piece]) -> bool:
        """Whether any of it makes a difference."""
        before = [line[:2] for line in self.lines.values()]
        for product, variant, n, price, category in pieces:
            had, known, first = self.lines.get((product, variant), (0, None, ""))
            self.lines[product, variant] = (had + n, known if price is None else price, first or category)
        return [line[:2] for line in self.lines.values()] != before

    def take(self, pieces: Sequence[Piece]) -> list[Piece]:
        """What of it was there: of the variant that is meant, then of lines where one of the two names none."""
        took: list[Piece] = []
        for product, variant, n, *_ in pieces:
            left = n or ALL
            vague = [key for key in self.lines if key[0] == product and key[1] != variant and not (key[1] and variant)]
            for key in [(product, variant), *vague]:
                there, price, category = self.lines.get(key, (0, None, ""))
                if part := min(left, there):
                    took.append((*key, part, price, category))
                    self.lines[key] = (there - part, price, category)
                    left -= part
            self.lines = {key: line for key, line in self.lines.items() if line[0]}
        return took

    def reckon_in(self, currency: str) -> None:
        """Amounts in any other say nothing from now on."""
        if self.currency not in ("", currency):
            self.correction = 0
            self.lines = {key: (n, None, category) for key, (n, _, category) in self.lines.items()}
        self.currency = currency


class CartModel:
    """Books by subject. `idle_ms` without a touch abandon a cart, 0: nobody is told."""

    domain = "cart"
    kinds = frozenset({"behaviour.seen", "timer.cart"})
    parks_subject = True
    timer_key = "idle"

    def __init__(self, idle_ms: int, marks: Counter[str]) -> None:
        self._idle_ms, self._marks = idle_ms, marks
        self.books: dict[str, CartBook] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        book, told = self.books.setdefault(entry.subject, CartBook()), msgspec.json.decode(entry.body)
        if entry.kind == "timer.cart":
            return self._fired(book, entry.subject, told)
        before, was = list(book.lines), book.value
        corrected = False
        match told["behavior_type"]:
            case "add_to_cart" | "remove_from_cart" as done:
                why = self._moved(book, done, told)
                if book.lines and (total := _minor(told.get("cart_total_value"))) not in (None, book.value):
                    corrected = all(price is not None for _, price, _ in book.lines.values())
                    book.correction = (total or 0) - book.priced
                    why = why or "corrected"
                elif book.lines and book.value != was:
                    why = why or "corrected"
            case "cart_cleared":
                why = "cleared" if book.lines else ""
                book.lines = {}
            case "purchase_complete":
                if not (why := self._bought(book, told, at)):
                    return []
            case "order_cancelled":
                if not (why := self._given_back(book, told["order_id"], at)):
                    return []
            case _:
                return []
        self._marks["cart_corrected"] += corrected and was != book.value
        return self._touched(book, entry, at, why, not before, corrected)

    def _touched(self, book: CartBook, entry: Entry, at: int, why: str, was_empty: bool, corrected: bool) -> list[Said]:
        if not book.lines:
            book.correction, book.currency = 0, ""
        if why:
            book.no += was_empty and bool(book.lines)
            book.changed, book.told = entry.offset, False
        if why or book.lines:
            book.since = at
        if book.lines and not book.told and self._idle_ms:
            book.idle = (at + self._idle_ms, entry.offset)
        elif why and not book.lines:
            book.idle = None
        if not why:
            return []
        pieces, products = sum(n for n, *_ in book.lines.values()), list(dict.fromkeys(key[0] for key in book.lines))
        categories = list(dict.fromkeys(category for *_, category in book.lines.values() if category))
        holds = (book.value, book.currency, len(book.lines), pieces, products, categories)
        return [("cart.changed", entry.subject, book.no, why, *holds, at, corrected)]

    def _fired(self, book: CartBook, subject: str, due: Mapping[str, Any]) -> list[Said]:
        if book.idle is None or book.idle[1] != due["gen"]:
            return []
        book.idle, book.told = None, True
        self._marks["cart_abandoned"] += 1
        lines = sorted(f"{'/'.join(key)}: {n} {price} {category}" for key, (n, price, category) in book.lines.items())
        holds = (book.value, book.currency, lines)
        return [("cart.abandoned", subject, book.no, *holds, rfc3339(book.since), book.changed, due["held"])]

    def _moved(self, book: CartBook, done: str, told: Mapping[str, Any]) -> str:
        pieces = _pieces(told)
        amounts = (told.get("cart_total_value"), *(price for *_, price, _ in pieces))
        if any(amount is not None for amount in amounts):
            book.reckon_in(told.get("currency") or DEFAULT)
        if done == "add_to_cart":
            return "added" if book.put(pieces) else ""
        return "removed" if book.take(pieces) else ""

    def _bought(self, book: CartBook, told: Mapping[str, Any], at: int) -> str:
        if told["order_id"] in book.orders:
            return ""
        took: list[Piece] = [(*key, *line) for key, line in book.lines.items()]
        if named := _pieces(told):
            took = book.take(named)
        else:
            book.lines = {}
        book.orders[told["order_id"]] = Order(at, book.currency, took)
        return "bought" if took else ""

    def _given_back(self, book: CartBook, order_id: str, at: int) -> str:
        order = book.orders.get(order_id)
        if order is None or not order.took:
            return ""
        took, order.took = order.took, []
        if at - order.at > GIVES_BACK_MS:
            self._marks["cart_cancelled_late"] += 1
            return ""
        if order.currency:
            book.reckon_in(order.currency)
        book.put(took)
        self._marks["cart_given_back"] += 1
        return "given_back"

    # What the shadow asks.

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """It was not done; of a firing nothing is said, and its timer has ended."""
        book = self.books.get(entry.subject)
        if entry.kind != "timer.cart" or book is None or book.idle is None:
            return []
        if book.idle[1] == msgspec.json.decode(entry.body)["gen"]:
            book.idle = None
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        book = self.books.get(subject)
        return book.idle if book is not None else None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Orders that can no longer be given back may still be held with what they took, until the next touch."""
        stored = msgspec.msgpack.decode(data)[1:]
        book = self.books[subject]
        lines = [[*key, *line] for key, line in book.lines.items()]
        mine: list[Any] = [
            book.no, lines, book.correction, book.currency, book.since, book.changed, book.told, False,
        ]  # fmt: skip
        if stored[:8] != mine:
            return f"the store has {stored[:8]}, the model {mine}"
        orders = [order[0] for order in stored[8]]
        return "" if orders == list(book.orders) else f"the store has the orders {orders}, the model {book.orders}"

    def heard(self, emission: Emission) -> Said | None:
        kind, subject = emission.draft.kind, emission.draft.subject
        if not kind.startswith("cart."):
            return None
        body = msgspec.json.decode(emission.draft.body)
        if kind == "cart.changed":
            holds = (
                body["value"],
                body["currency"],
                body["lines"],
                body["pieces"],
                body["products"],
                body["categories"],
            )
            return (kind, subject, body["cart_no"], body["reason"], *holds, body["idle_since"], body["corrected"])
        lines = sorted(
            f"{line['product_id']}/{line.get('variant', '')}: {line['quantity']} {line.get('unit_price')} "
            f"{line.get('category', '')}"
            for line in body["lines"]
        )
        holds = (body["value"], body["currency"], lines)
        return (kind, subject, body["cart_no"], *holds, body["idle_since"], body["changed_at"], body["held"])

    def at_rest(self) -> str:
        return ""

    def log_fits(self, logs: Mapping[int, Sequence[Entry]]) -> str:
        """Empty when nobody was said to abandon the same cart twice, nor one that was bought or changed before."""
        said: set[tuple[str, int]] = set()
        for entry in (entry for log in logs.values() for entry in log if entry.kind == "cart.abandoned"):
            stretch = (entry.subject, msgspec.json.decode(entry.body)["changed_at"])
            if stretch in said:
                return f"{entry.subject} abandons twice the cart as of {stretch[1]}"
            said.add(stretch)
        return ""


def _minor(major: float | None) -> int | None:
    return None if major is None else round(major * 100)


def _pieces(told: Mapping[str, Any]) -> list[Piece]:
    """The goods of a message; a removal that says no number means all (0), an addition one."""
    if items := told.get("items"):
        return [_item(item) for item in items]
    page: Mapping[str, Any] = told.get("page_info") or NOTHING
    if not (product := told.get("product_id") or page.get("product_id")):
        return []
    n = told.get("quantity") or (0 if told["behavior_type"] == "remove_from_cart" else 1)
    price = _minor(told.get("price", page.get("price")))
    return [(product, told.get("variant_id") or "", n, price if n else None, told.get("category", ""))]


def _item(item: Mapping[str, Any]) -> Piece:
    n, amount = item["quantity"], item.get("amount")
    price = None if amount is None else amount // n
    return (item["product_id"], item.get("variant_id") or "", n, price, item.get("category", ""))
