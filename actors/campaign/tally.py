"""Counting: what an event adds to a user's counters, and what an order that is undone takes out of them again.

An order is known by the `order_id` of the event that brought it in; a refund or a cancellation of one that is not known
(any more) takes nothing back, and a counter that is net counts it once, however often it is told, also when it is told
again after it was cancelled: a resend is no new order. Of an order that is refunded in part, sums of its value fall by
that part, and everything else only when nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.campaign.compiled import REFUNDED
from actors.campaign.heard import Heard
from actors.campaign.index import TAKES_BACK, Index
from actors.campaign.state import COUNTERS_MAX, ORDERS_MAX, Member, Remembered
from actors.comparison import passes
from actors.windows import counters
from actors.windows.counters import Counter
from actors.windows.window_spec import CounterSpec, Sum

VALUE = "order_value"
WHOLE = ""
"""Among an order's amounts: its value, as far as it was not refunded."""


def count(member: Member, index: Index, heard: Heard, at: int) -> bool:
    """Whether any counter was touched. O(counters of the event)."""
    if index.net and heard.name in TAKES_BACK:
        return _take_back(member, index, heard, at)
    touched = False
    amounts: dict[str, int] = {}
    known = member.orders.get(str(heard.fields.get("order_id", "")))
    for counted in index.counted.get(heard.name, ()):
        spec = counted.spec
        if not passes(heard.fields, spec.where):
            continue
        amount = _amount(spec, heard.fields)
        counter = _counter(member, index, counted.key)
        if counter is None or amount is None or (spec.net and known is not None and counted.key in known.amounts):
            continue
        counters.add(counter, spec, at, amount)
        touched = True
        if spec.net and amount > 0:
            amounts[counted.key] = amount
    if amounts:
        _remember(member, heard.fields, at, amounts)
    return touched


def _amount(spec: CounterSpec, fields: Mapping[str, Any]) -> int | None:
    """What the event adds; None: nothing, since it lacks the field."""
    if not isinstance(spec.measure, Sum):
        return 1
    value = fields.get(spec.measure.field)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _counter(member: Member, index: Index, key: str) -> Counter | None:
    """The counter, begun if need be. Those that no campaign asks for any more make room."""
    counter = member.counters.get(key)
    if counter is None:
        if len(member.counters) >= COUNTERS_MAX:
            for other in [one for one in member.counters if one not in index.specs]:
                del member.counters[other]
            if len(member.counters) >= COUNTERS_MAX:
                return None
        counter = member.counters[key] = Counter()
    return counter


def _remember(member: Member, fields: Mapping[str, Any], at: int, amounts: dict[str, int]) -> None:
    order_id = fields.get("order_id")
    if not isinstance(order_id, str) or order_id in member.orders:
        return
    value = fields.get(VALUE)
    if isinstance(value, int) and value > 0:
        amounts[WHOLE] = value
    member.orders[order_id] = Remembered(at, amounts)
    while len(member.orders) > ORDERS_MAX:
        del member.orders[next(iter(member.orders))]


def _take_back(member: Member, index: Index, heard: Heard, at: int) -> bool:
    order = member.orders.get(str(heard.fields.get("order_id", "")))
    if order is None:
        return False
    whole, refunded = order.amounts.get(WHOLE, 0), heard.fields.get(VALUE)
    part = heard.name == REFUNDED and isinstance(refunded, int) and 0 <= refunded < whole
    for key, left in list(order.amounts.items()):
        spec = index.specs.get(key)
        if key == WHOLE:
            taken = int(refunded or 0) if part else left
        elif spec is None:
            taken = left
        elif part:
            taken = min(left, int(refunded or 0)) if spec.measure == Sum(VALUE) else 0
        else:
            taken = left
        if spec is not None and taken and key in member.counters:
            counters.take_back(member.counters[key], spec, order.at, at, taken)
        order.amounts[key] = left - taken
    return True
