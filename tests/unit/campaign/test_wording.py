"""Every leaf says in a line what it wants."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from actors.campaign.conditions import Leaf
from actors.campaign.wording import words
from tests import any_campaign


@pytest.mark.parametrize(
    ("leaf", "line"),
    [
        (
            {"type": "sum", "event": "buy", "field": "v", "net": True, "within": {"days": 30}, "op": ">=", "value": 9},
            "sum of v of buy in 30 days, net >= 9",
        ),
        (
            {
                "type": "count",
                "event": "buy",
                "where": [{"field": "new", "op": "=", "value": True}],
                "within": {"calendar": "month"},
                "op": "in",
                "value": list(range(9)),
            },
            "count of buy[new = true] in this month in [0, 1, 2, 3, 4, 5, 6, 7, …]",
        ),
        ({"type": "days", "event": "sign_in", "op": "=", "value": 7}, "days with sign_in = 7"),
        ({"type": "since", "event": "buy", "op": ">", "seconds": 60}, "seconds since the last buy > 60"),
        (
            {
                "type": "did",
                "event": "add",
                "but_not": [{"event": "buy"}, {"event": "clear"}],
                "within": {"seconds": 60},
            },
            "add and since then no buy or clear in 60 s",
        ),
        ({"type": "after_trigger", "event": "buy"}, "buy since the trigger"),
        ({"type": "cart_has", "products": ["p1"], "categories": ["tea"]}, "cart has one of [p1, tea]"),
        ({"type": "clock", "weekdays": [6, 7], "hours": [9, 12]}, "weekday in [6, 7] and hour from 9 to 12"),
        ({"type": "coupons", "template": "t", "op": "<", "value": 1}, "coupons of t < 1"),
        ({"type": "profile", "fact": "vip", "op": "=", "value": False}, "profile.vip = false"),
        ({"type": "event", "field": "view_s", "op": ">", "value": 0.5}, "event.view_s > 0.5"),
        ({"type": "cart", "of": "value", "op": ">=", "value": 1}, "cart.value >= 1"),
    ],
)
def test_a_leaf_says_what_it_wants(leaf: Any, line: str) -> None:
    assert words(msgspec.convert(leaf, Leaf)) == line


@given(any_campaign.leaves)
def test_every_leaf_has_words(leaf: dict[str, Any]) -> None:
    assert words(msgspec.convert(leaf, Leaf)) or leaf == {"type": "clock"} or not leaf.get("weekdays")
