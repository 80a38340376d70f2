"""What an order would earn its user now, by item and with the reasons: asked, and nothing written.

The same core that lets points come is asked (earning.py, caps.py), with what is committed: the programme of the user's
segment, the account's tier, orders and facts. The order is taken as a new one. Who is not known is taken for somebody
new. An order that could not be accrued is declined with the code that its accrual would get.
"""

from __future__ import annotations

import msgspec

from actors import orders
from actors.commands import Refusal
from actors.forms import Field, Form, plain, text_rule
from actors.orders import Order
from actors.points import caps, earning, view
from actors.points.earning import BonusPoints, Estimate, ItemPoints, Passed
from actors.points.effects import Cut
from actors.points.inputs import PURCHASE
from actors.points.messages import USER_ID_BYTES_MAX
from gateway.balances import AsOf
from gateway.commands import refused
from gateway.problems import Declined
from gateway.queries import Found, PointsQueries
from supervision.clock import Clock
from topology.wire import BadMessage, parse


class Question(msgspec.Struct, frozen=True, gc=False):
    user_id: str
    order: msgspec.Raw


class Worth(msgspec.Struct, frozen=True):
    """Answer of `POST /v1/points/estimate`: `points` would come, after caps took `cut`. `items`, `bonuses` and
    `passed` are what the rules give before that. `tier`: the level that was judged by, null: none.
    """

    user_id: str
    points: int
    programme: str
    tier: str | None
    items: tuple[ItemPoints, ...]
    bonuses: tuple[BonusPoints, ...]
    passed: tuple[Passed, ...]
    cut: tuple[Cut, ...]
    as_of: AsOf


RULES = {"user_id": text_rule(USER_ID_BYTES_MAX), "order": "an object with order_id, currency, amount and items"}


def _readable(question: Question) -> Refusal | None:
    order = orders.parse(bytes(question.order))
    return order if isinstance(order, Refusal) else None


_FORM = Form(
    Question,
    {"user_id": Field(RULES["user_id"], plain(USER_ID_BYTES_MAX)), "order": Field(RULES["order"])},
    _readable,
)


class Estimates:
    """Any thread may call; blocks for as long as the store takes."""

    def __init__(self, points: PointsQueries, clock: Clock) -> None:
        self._points = points
        self._clock = clock

    def worth(self, body: bytes) -> Worth:
        """Raises Problem: what is no such question, and what cannot be accrued."""
        question = parse(body)
        question = question if isinstance(question, BadMessage) else _FORM.read(body)
        if isinstance(question, Refusal):
            raise refused(question)
        order = orders.parse(bytes(question.order))
        assert isinstance(order, Order), order  # it was read a moment ago
        found, _ = self._points.found(question.user_id)
        return _worth(question.user_id, order, found, self._clock.now_ms())


def _worth(user_id: str, order: Order, found: Found, at: int) -> Worth:
    programme, account = found.programme, found.account
    who = view.who(account, programme, at)
    estimate = earning.estimate(programme, order, who, at)
    if isinstance(estimate, Refusal):
        code = "currency_mismatch" if estimate.code == "wrong_currency" else "too_many_points"
        raise Declined(code, estimate.message, {})
    points, cut = _allowed(found, estimate, at)
    return Worth(
        user_id, points, programme.version, who.tier or None, estimate.items, estimate.bonuses, estimate.passed, cut,
        found.as_of,
    )  # fmt: skip


def _allowed(found: Found, estimate: Estimate, at: int) -> tuple[int, tuple[Cut, ...]]:
    """What caps leave of it, and what they take."""
    rules = found.programme.rules
    asked = caps.Accrual(estimate.points, PURCHASE, at, order=0)
    allowed = caps.allow(found.account.caps, rules.caps, found.programme.days, asked)
    if isinstance(allowed, caps.CapRefused):
        return 0, (Cut(allowed.cap, estimate.points),)
    return allowed.points, tuple([Cut(*each) for each in allowed.cut])
