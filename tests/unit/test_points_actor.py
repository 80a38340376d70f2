"""What the points ledger says to messages, firings and each other's users."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.points import view
from actors.points.actor import PointsLedgerActor
from actors.points.effects import PointsEarned, PointsExpired, PointsExpiring, PointsRefused, PointsSpent
from actors.points.programme import Programme, from_settings, parse
from actors.points.records import LedgerLine, LotPart
from actors.points.state import Account
from actors.points.upkeep import REMINDERS_MAX, TIMER
from supervision.entry import segment_of
from supervision.outputs import Arm, Emit, Record
from tests.points_world import DAY_MS, START_MS, PointsWorld

EXPIRES = "2026-09-21T00:00:00.000Z"
EXPIRES_MS = 1_789_948_800_000


def code_of(effects: list[tuple[str, object]]) -> str:
    [(kind, body)] = effects
    assert kind == "points.refused"
    assert isinstance(body, PointsRefused)
    return body.code


def test_the_seeds_example_earns_its_points_once_and_says_so() -> None:
    world = PointsWorld()
    outputs = world.send(order_id="ORDER_001", metadata={"order_amount": 500.00, "product_category": "electronics"})
    assert world.told(outputs) == [("points.earned", PointsEarned(100, 100, "purchase_order", "ORDER_001", EXPIRES))]
    [emit] = [output for output in outputs if isinstance(output, Emit)]
    assert emit.route == "points.earned.purchase_order"
    assert world.lines["user:123456"] == [
        LedgerLine(
            1, "2025-09-20T14:30:00.000Z", "increase", 100, 100, "purchase_order", "ORDER_001", "0.1790000000.1",
            (LotPart("0.1790000000.1", 100, EXPIRES_MS),), {"issued": 100, "available": 100},
        )
    ]  # fmt: skip
    assert world.timers == {("user:123456", TIMER): (1, EXPIRES_MS - 8 * DAY_MS + 10 * 3_600_000)}


def test_a_resent_order_is_nothing_whatever_message_id_it_comes_under() -> None:
    world = PointsWorld()
    world.send(order_id="A")
    before = world.stored["user:123456"]
    assert world.send(order_id="A", event_id="another") == []
    assert world.stored["user:123456"] == before


def test_the_same_order_with_other_points_is_refused_and_says_what_was_accepted() -> None:
    world = PointsWorld()
    world.send(order_id="A")
    effects = world.told(world.send(order_id="A", points=101))
    assert code_of(effects) == "order_conflict"
    assert effects[0][1].detail == "the order was accepted with 100 points at 0.1790000000.1"
    assert world.balance() == 100


@pytest.mark.parametrize(
    "other", [{"reason": "gift"}, {"change": "decrease"}, {"user": "9"}, {"order_id": "B"}, {"order_id": "a"}]
)
def test_another_user_change_reason_or_order_is_another_business_key(other: dict[str, str]) -> None:
    world = PointsWorld()
    world.send("9", points=1_000)
    world.send(order_id="A")
    [(kind, _)] = world.told(world.send(**{"order_id": "A", **other}))  # pyright: ignore[reportArgumentType]
    assert kind in ("points.earned", "points.spent")


@pytest.mark.parametrize("none", [{}, {"order_id": None}, {"order_id": ""}])
def test_without_an_order_every_message_counts(none: dict[str, None]) -> None:
    world = PointsWorld()
    world.send(**none)  # pyright: ignore[reportArgumentType]
    world.send(**none)  # pyright: ignore[reportArgumentType]
    assert world.balance() == 200
    assert not world.keys


def test_a_refused_spend_leaves_the_state_alone_and_does_not_use_up_its_order() -> None:
    world = PointsWorld()
    world.send(points=50)
    before = world.stored["user:123456"]
    refused = world.told(world.send(change="decrease", points=80, order_id="A"))
    assert code_of(refused) == "insufficient_points"
    assert refused[0][1] == PointsRefused(
        80, 50, "purchase_order", "A", "decrease", "insufficient_points", "30 points are missing"
    )
    assert world.stored["user:123456"] == before
    world.send(points=30)
    spent = world.told(world.send(change="decrease", points=80, order_id="A"))
    assert spent == [("points.spent", PointsSpent(80, 0, "purchase_order", "A"))]
    assert not world.timers


def test_a_refusal_to_somebody_unknown_leaves_no_trace_of_them() -> None:
    world = PointsWorld()
    assert code_of(world.told(world.send(change="decrease"))) == "insufficient_points"
    assert world.account() == Account()


def test_expire_from_outside_takes_what_is_there_and_says_what_was_asked() -> None:
    world = PointsWorld()
    world.send(points=50)
    outputs = world.send(change="expire", points=80, reason="fraud", order_id="A")
    assert world.told(outputs) == [("points.expired", PointsExpired(50, 0, "fraud", "A", 80))]
    assert world.send(change="expire", points=80, reason="fraud", order_id="A") == []


def test_expire_where_nothing_is_left_is_refused_and_can_be_asked_again() -> None:
    world = PointsWorld()
    assert code_of(world.told(world.send(change="expire", order_id="A"))) == "nothing_to_expire"
    world.send(points=50)
    assert world.told(world.send(change="expire", order_id="A"))[0][0] == "points.expired"


def test_points_expire_by_themselves_after_one_reminder() -> None:
    world = PointsWorld()
    world.send(points=60)
    world.at += 3_600_000
    world.send(points=40)
    world.effects.clear()
    world.advance(EXPIRES_MS - 1)
    assert world.effects == [
        ("user:123456", "points.expiring", PointsExpiring(100, 100, "validity", None, EXPIRES, "2026-09-20"))
    ]
    world.advance(EXPIRES_MS)
    assert world.effects[1:] == [("user:123456", "points.expired", PointsExpired(100, 0, "validity", None))]
    assert not world.timers
    world.check()


def test_points_past_their_day_cannot_be_spent_even_if_their_timer_is_late() -> None:
    world = PointsWorld()
    world.send(points=60)
    world.at = EXPIRES_MS
    effects = world.told(world.send(change="decrease", points=60))
    assert [kind for kind, _ in effects] == ["points.expired", "points.refused"]
    assert effects[1][1].code == "insufficient_points"
    world.check()


def test_an_ordinary_purchase_changes_no_timer() -> None:
    world = PointsWorld()
    world.send()
    world.at += DAY_MS
    assert not [output for output in world.send() if isinstance(output, Arm)]


def test_spending_the_soonest_lot_moves_the_timer_to_what_comes_next() -> None:
    world = PointsWorld()
    world.send(points=10)
    world.at += 3 * DAY_MS
    world.send(points=10)
    world.send(change="decrease", points=10)
    assert [due for _, due in world.timers.values()] == [EXPIRES_MS - 5 * DAY_MS + 10 * 3_600_000]
    world.advance(world.account().armed)
    assert [due for _, due in world.timers.values()] == [EXPIRES_MS + 3 * DAY_MS]
    world.check()


def test_a_reminder_rule_made_longer_reminds_of_everything_a_few_at_a_time() -> None:
    world = PointsWorld(from_settings(reminder_days=7))
    for _ in range(REMINDERS_MAX + 9):
        world.send(points=1)
        world.at += DAY_MS
    world.actor = PointsLedgerActor(from_settings(reminder_days=360))
    world.effects.clear()
    outputs = world.send(points=1)
    assert len([kind for kind, _ in world.told(outputs) if kind == "points.expiring"]) == REMINDERS_MAX
    assert world.timers["user:123456", TIMER][1] == world.at + 1_000
    world.advance(world.at + 1_000)
    expiring = [body for _, kind, body in world.effects if kind == "points.expiring"]
    assert len(expiring) == len({body.expires_at for body in expiring}) == REMINDERS_MAX + 9 - 4


def test_a_reminder_that_is_due_already_is_not_put_off_by_what_its_user_does_next() -> None:
    rules = {"expiry": {"kind": "months", "n": 0}, "reminder_days": 20}
    programme = parse(msgspec.json.encode(rules))
    assert isinstance(programme, Programme)
    world = PointsWorld(programme)  # on 20 September, ten days after the reminder of what ends with the month
    world.send(points=10)
    due = world.at + 1_000
    assert world.timers["user:123456", TIMER][1] == due
    for _ in range(3):
        world.at += 300
        outputs = world.send(points=1)
        assert not [output for output in outputs if isinstance(output, Arm)]
    world.advance(due)
    assert [body.points for _, kind, body in world.effects if kind == "points.expiring"] == [13]
    world.check()


def test_a_programme_without_reminders_sets_its_timer_to_the_expiry() -> None:
    world = PointsWorld(from_settings(reminder_days=0))
    world.send()
    assert [due for _, due in world.timers.values()] == [EXPIRES_MS]


def test_a_lost_timer_heals_with_the_next_event() -> None:
    world = PointsWorld()
    world.send(points=10)
    world.at += 30 * DAY_MS
    world.send(points=10)
    world.timers.clear()  # an operator discarded a parked firing
    world.at = EXPIRES_MS + 5
    world.send(points=1)
    assert world.timers["user:123456", TIMER][1] == world.account().armed > world.at
    world.check()


def test_a_referral_gives_to_both_and_only_once_per_referred_user() -> None:
    world = PointsWorld()
    outputs = world.send(reason="referral", metadata={"referrer_id": "7", "referrer_points": 30})
    assert [kind for kind, _ in world.told(outputs)] == ["points.earned"]
    assert (world.balance(), world.balance("7")) == (100, 30)
    assert world.effects[1][2] == PointsEarned(30, 30, "referral", None, EXPIRES, "123456")
    again = world.told(world.send(reason="referral", metadata={"referrer_id": "8"}))
    assert code_of(again) == "already_referred"
    assert (world.balance(), world.balance("8")) == (100, 0)
    world.check()


def test_the_referrer_gets_as_much_as_the_referred_when_nothing_else_is_said() -> None:
    world = PointsWorld()
    world.send(reason="referral", points=25, metadata={"referrer_id": "7"})
    assert world.balance("7") == 25


def test_a_resent_referral_with_an_order_is_a_duplicate_and_one_with_another_referrer_a_conflict() -> None:
    world = PointsWorld()
    world.send(reason="referral", order_id="R", metadata={"referrer_id": "7"})
    assert world.send(reason="referral", order_id="R", metadata={"referrer_id": "7"}) == []
    other = world.told(world.send(reason="referral", order_id="R", metadata={"referrer_id": "8"}))
    assert code_of(other) == "order_conflict"
    assert world.balance("8") == 0


def test_taking_referral_points_back_needs_no_referrer() -> None:
    world = PointsWorld()
    world.send(reason="referral", metadata={"referrer_id": "7"})
    assert world.told(world.send(change="decrease", reason="referral"))[0][0] == "points.spent"
    assert world.balance("7") == 100


def test_an_increase_is_never_refused_however_many_lots_there_are() -> None:
    world = PointsWorld(from_settings(lots_max=3))
    for _ in range(12):
        world.send(points=1)
    merges = [line for line in world.lines["user:123456"] if line.change == "merge"]
    assert world.balance() == 12
    assert len(world.account().main.lots) <= 3
    assert merges
    assert all(line.points == 0 and len(line.lots) >= 2 for line in merges)
    world.check()


def test_every_effect_of_the_ledger_stands_with_a_line_that_explains_its_balance() -> None:
    world = PointsWorld()
    outputs = world.send() + world.send(change="decrease", points=10) + world.send(change="expire", points=5)
    effects = [output.body for output in outputs if isinstance(output, Emit)]
    records = [output.body for output in outputs if isinstance(output, Record)]
    assert [(e.points, e.balance) for e in effects] == [(r.points, r.balance) for r in records]  # type: ignore[attr-defined]


def test_a_query_does_not_show_lots_past_their_time() -> None:
    world = PointsWorld()
    world.send(points=10)
    world.at += DAY_MS
    world.send(points=5)
    assert _seen(world, START_MS) == (15, [(10, EXPIRES_MS), (5, EXPIRES_MS + DAY_MS)])
    assert _seen(world, EXPIRES_MS) == (5, [(5, EXPIRES_MS + DAY_MS)])


def _seen(world: PointsWorld, at: int) -> tuple[int, list[tuple[int, int]]]:
    main = view.seen(world.account(), from_settings(), at)["main"]
    return main.available, [(lot.points, lot.expires) for lot in main.lots]


def test_the_users_segment_agrees_with_what_publishers_compute() -> None:
    assert segment_of("user:123456", 16) == 14


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["increase", "decrease", "expire"]),
            st.sampled_from(["1", "2"]),
            st.integers(1, 20),
            st.sampled_from([None, "A", "B", "C"]),
        ),
        st.tuples(st.just("wait"), st.just(""), st.integers(1, 4), st.none()),
        st.tuples(st.just("late"), st.just(""), st.integers(1, 4), st.none()),
        st.tuples(st.just("refer"), st.sampled_from(["1", "2"]), st.integers(1, 20), st.none()),
    ),
    max_size=40,
)


class Oracle:
    """Brute force: each user is a plain list with the expiry of every single point."""

    def __init__(self, valid_days: int) -> None:
        self.valid_days = valid_days
        self.points: dict[str, list[int]] = {"1": [], "2": []}
        self.used: dict[tuple[str, str, str], int] = {}
        self.referred: set[str] = set()

    def settle(self, user: str, at: int) -> None:
        self.points[user] = [expires for expires in self.points[user] if expires > at]

    def change(self, change: str, user: str, points: int, order: str | None, at: int) -> str:
        key = (user, change, order or "")
        if order and key in self.used:
            if self.used[key] != points:
                self.settle(user, at)
                return "refused"
            return "nothing"
        self.settle(user, at)
        own = self.points[user]
        if change == "increase":
            own.extend([(at // DAY_MS + 1 + self.valid_days) * DAY_MS] * points)
            own.sort()
        elif (change == "decrease" and points > len(own)) or not own:
            return "refused"
        else:
            del own[:points]
        if order:
            self.used[key] = points
        return change

    def refer(self, user: str, points: int, at: int) -> None:
        if user not in self.referred:
            self.referred.add(user)
            other = "2" if user == "1" else "1"
            self.change("increase", user, points, None, at)
            self.change("increase", other, points, None, at)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(1, 6))
def test_any_sequence_of_changes_and_days_agrees_with_brute_force(
    steps: list[tuple[str, str, int, str | None]], valid_days: int
) -> None:
    world, oracle = PointsWorld(from_settings(valid_days, valid_days // 2)), Oracle(valid_days)
    for what, user, points, order in steps:
        if what == "wait":
            world.advance(world.at + points * DAY_MS // 2)
        elif what == "late":
            world.at += points * DAY_MS // 2  # no timer fires: the engine was down
        elif what == "refer":
            referrer = "2" if user == "1" else "1"
            world.send(user, "increase", points, reason="referral", metadata={"referrer_id": referrer})
            oracle.refer(user, points, world.at)
        else:
            outputs = world.send(user, what, points, order_id=order)
            expected = oracle.change(what, user, points, order, world.at)
            assert _said([kind for kind, _ in world.told(outputs)]) == expected
        world.check()
    world.advance(world.at)
    for user in ("1", "2"):
        oracle.settle(user, world.at)
        assert [lot.expires for lot in world.account(user).main.lots for _ in range(lot.points)] == oracle.points[user]


def _said(kinds: list[str]) -> str:
    """The change that the effects tell of: the last of them, since what time has done is told first."""
    words = {"points.earned": "increase", "points.spent": "decrease", "points.expired": "expire"}
    return words.get(kinds[-1], "refused") if kinds else "nothing"


def test_the_state_of_two_thousand_lots_stays_far_below_the_engines_limit() -> None:
    world = PointsWorld()
    account = Account()
    world.send()
    account.main.lots = world.account().main.lots * 2_000
    assert len(msgspec.msgpack.encode(account)) < 64 * 1024
