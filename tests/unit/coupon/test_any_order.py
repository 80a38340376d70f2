"""Whatever is asked in whatever order, and however often the process dies: at rest the books agree."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.coupon_engine import CouponEngine
from tests.coupon_shopper import TEMPLATES, Shopper, sound

ROUNDS, ASKED = 5, 60


def played(folder: Path, seed: int, kills: float) -> None:
    shop, rng = CouponEngine(folder), Random(seed)
    shopper = Shopper(shop, rng)
    for template, fields in TEMPLATES.items():
        shop.put(template, **fields)
    shopper.rest()
    for _ in range(ROUNDS):
        for _ in range(ASKED):
            shopper.ask()
            if rng.random() < kills:
                shopper.shop = shopper.shop.reopened()
        shopper.rest()
        sound(shopper.shop)
        shopper.shop.clock.advance(rng.choice((0, 0, 3_600, 86_400)))
        shopper.rest()
        sound(shopper.shop)
    shopper.shop.close()


@pytest.mark.parametrize(("seed", "kills"), [(1, 0.0), (2, 0.0), (3, 0.02), (4, 0.05)])
def test_whatever_is_asked_in_whatever_order_the_books_agree_at_rest(tmp_path: Path, seed: int, kills: float) -> None:
    played(tmp_path / "data", seed, kills)
