"""What a campaign came to, counted: as many as there are lines and effects, whatever is killed."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from actors.campaign import totals
from actors.campaign.records import WhyLine
from actors.campaign.totals import CAMPAIGNS_MAX, Total, Totals
from tests.campaign_world import taken
from tests.points_engine import SEGMENTS, PointsEngine
from tests.unit.campaign.test_engine import ABANDONED, LATER_S, WAITS_S, again, shop

ID = "CART_ABANDON_001"
CAMPAIGN = msgspec.json.decode(taken(ABANDONED).canonical) | {"holdout_percent": "20"}


def counted(engine: PointsEngine) -> Total:
    with closing(engine.store.reader()) as reader:
        found = [reader.snapshot(n, "campaign", totals.subject(n))[0] for n in range(SEGMENTS)]
    return totals.summed([msgspec.msgpack.decode(one, type=Totals) for one in found if one is not None], ID)


def lines(engine: PointsEngine, users: list[str]) -> list[WhyLine]:
    with closing(engine.store.reader()) as reader:
        rows = [
            row
            for user in users
            for n in range(SEGMENTS)
            for row in reader.records(n, "campaign", f"user:{user}", (2**63 - 1, 0), 100)
        ]
    return [msgspec.json.decode(row.body, type=WhyLine) for row in rows]


@pytest.mark.parametrize("kill_at", [1, 4, 7, 11])
def test_the_numbers_are_those_of_the_lines_and_effects_whatever_is_killed(tmp_path: Path, kill_at: int) -> None:
    users = [f"u{n}" for n in range(12)]
    engine = shop(tmp_path, CAMPAIGN, ID)
    for user in users:
        engine.say("user_behavior", user, behavior_type="add_to_cart", product_id="p1", quantity=1, price=299)
    engine.say("consent_changed", users[0], channel="sms", consent="withdrawn")
    engine.settle(WAITS_S - 1)
    for _ in range(4):
        engine.step(kill_at * 3)
        engine = again(engine)
    engine.settle(5)
    for user in users[::2]:
        engine.say("user_behavior", user, behavior_type="purchase_complete", order_id=f"O-{user}", order_value=299)
    engine.settle(LATER_S - 10)
    engine.step(kill_at * 5)
    engine = again(engine)
    engine.settle(30)
    total, outcomes = counted(engine), Counter(line.outcome for line in lines(engine, users))
    for outcome in ("entered", "acted", "capped", "holdout"):
        assert getattr(total, outcome) == outcomes[outcome], outcome
    assert total.exited == Counter(body["reason"] for _, body in engine.said("campaign.exited"))
    assert total.sent == sum(body.get("campaign_id") == ID for _, body in engine.said("message.sent"))
    suppressed = [body for _, body in engine.said("message.suppressed") if body.get("campaign_id") == ID]
    assert total.suppressed == Counter(body["reason"] for body in suppressed)
    assert total.entered > 0 and total.exited.keys() == {"finished", "exit"} and total.sent > 0
    engine.close()


def test_of_more_campaigns_than_are_counted_the_others_go_on_uncounted() -> None:
    full = Totals(campaigns={f"c{n}": Total() for n in range(CAMPAIGNS_MAX)})
    totals.decided(full, "one more", "entered", "")
    totals.decided(full, "c1", "entered", "")
    totals.check(full)
    assert full.campaigns["c1"].entered == 1 and "one more" not in full.campaigns
    reasons = {f"reason_{k}": 2**40 for k in range(12)}
    widest = {f"c{n:063d}": Total(2**40, 2**40, suppressed=reasons, exited=reasons) for n in range(CAMPAIGNS_MAX)}
    assert len(msgspec.msgpack.encode(Totals(campaigns=widest))) < 1024 * 1024
