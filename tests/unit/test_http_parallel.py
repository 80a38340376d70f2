"""Parallel writes to one user over HTTP: all are answered, and the answers are those of one serial history.

Which history, says the log. Its entries are told to the model world one by one, in their order, and whatever it answers
must be what HTTP answered, word for word.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import httpx
import msgspec
import pytest

from actors.points.actor import PointsLedgerActor
from actors.points.programme import Programme, parse
from supervision.entry import Entry, segment_of
from tests.answers import as_told
from tests.http_world import SEGMENTS, HttpWorld, http_world
from tests.points_world import PointsWorld

HOT, GIVER = "hot", "giver"
RULES: dict[str, Any] = {"earn": {"rate": "1"}, "gifts": {"per_day": 10_000}, "refund": {"policy": "allow_negative"}}
ORDERS = 10
WHY_NOT = {
    "insufficient_points", "unknown_reservation", "reservation_closed", "too_many_reservations", "nothing_to_reverse",
    "exceeds_order", "more_than_held",
}  # fmt: skip
"""Reasons that are the user's own; none of them is another request's being under way."""

Write = tuple[str, str, dict[str, Any]]
"""(user, what, body)."""


def order(n: int) -> dict[str, Any]:
    items = [{"product_id": f"p{i}", "quantity": 3, "amount": 1_500} for i in range(4)]
    return {"order_id": f"o{n}", "currency": "CNY", "items": items}


def writes(rng: Random, number: int) -> list[Write]:
    """Any commands about the hot user, and gifts to him; each is like no other."""
    made: list[Write] = []
    for n in range(number):
        kind = rng.choice(("redeem", "redeem", "reserve", "end", "gift", "receive", "refund", "earn"))
        held = f"reservations/r{rng.randrange(number)}"
        made.append(
            {
                "redeem": (HOT, "redemptions", {"points": rng.randint(1, 9), "reason": f"s{n}"}),
                "reserve": (HOT, "reservations", {"points": rng.randint(1, 9), "reservation_id": f"r{n}"}),
                "end": (HOT, f"{held}/{rng.choice(('confirm', 'cancel'))}", {"x": n}),
                "gift": (HOT, "gifts", {"to": f"friend{n}", "points": rng.randint(1, 5)}),
                "receive": (GIVER, "gifts", {"to": HOT, "points": rng.randint(1, 5), "x": n}),
                "refund": (
                    HOT,
                    "reversals",
                    {"order_id": f"o{rng.randrange(ORDERS)}", "refund_id": f"f{n}"} | part(rng),
                ),
                "earn": (HOT, "accruals", {"points": rng.randint(1, 9), "reason": f"e{n}"}),
            }[kind]
        )
    return made


def part(rng: Random) -> dict[str, Any]:
    """Some of an order's goods."""
    goods = [{"product_id": f"p{rng.randrange(4)}", "quantity": 1}]
    what = rng.choice(({"items": goods}, {"amount": rng.randint(100, 900)}))
    return {"order_id": f"o{rng.randrange(ORDERS)}", **what}


async def all_at_once(client: httpx.AsyncClient, given: list[Write]) -> list[tuple[float, httpx.Response]]:
    async def one(n: int, write: Write) -> tuple[float, httpx.Response]:
        user, what, body = write
        began = perf_counter()
        key = {"idempotency-key": f"parallel-{n}"}
        answer = await client.post(f"/v1/users/{user}/points/{what}", json=body, headers=key)
        return perf_counter() - began, answer

    return list(await asyncio.gather(*[one(n, write) for n, write in enumerate(given)]))


def log_of(world: HttpWorld, user: str) -> list[Entry]:
    """What the points domain heard of the user."""
    segment = segment_of(f"user:{user}", SEGMENTS)
    entries = world.store.reader().read_log(segment, 0, 1 << 40, 1_000_000)
    heard = PointsLedgerActor.reacts_to
    return [entry for entry in entries if entry.subject == f"user:{user}" and entry.kind in heard]


def model_answers(world: HttpWorld) -> dict[int, Any]:
    """What the model says to each entry about the hot user, in the order of the log; by offset."""
    programme = parse(msgspec.json.encode(RULES))
    assert isinstance(programme, Programme)
    model = PointsWorld(programme)
    found: dict[int, Any] = {}
    for entry in log_of(world, HOT):
        answer = model.hear(entry.kind, entry.subject, bytes(entry.body), entry.at)
        if answer is not None:
            found[entry.offset] = (answer.ok, answer.code, msgspec.json.decode(answer.result))
    model.check_books()
    return found


def by_offset(answer: httpx.Response) -> tuple[int, Any]:
    """(offset, as the model says it) of an answer over HTTP."""
    told = as_told(answer.status_code, answer.json())
    assert told.ok or told.code in WHY_NOT, told
    return told.offset, told[2:]


@pytest.mark.parametrize("number", [200, pytest.param(1_000, marks=pytest.mark.long)])
def test_parallel_writes_to_one_user_are_all_answered_and_are_one_serial_history(
    tmp_path: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    given = writes(Random(number), number)
    with http_world(tmp_path) as world:
        world.put_programme(**RULES)
        world.done(GIVER, "accruals", points=100_000)
        for n in range(ORDERS):
            world.done(HOT, "accruals", order=order(n))
        answers = world.talk(lambda client: all_at_once(client, given))
        model = model_answers(world)
        of = [(user, answer) for (user, _, _), (_, answer) in zip(given, answers, strict=True)]
        about_hot = [answer for user, answer in of if user == HOT]
        assert all(answer.status_code == 200 for user, answer in of if user == GIVER)
        told = dict(by_offset(answer) for answer in about_hot)
        assert len(told) == len(about_hot)
        assert {offset: model[offset] for offset in told} == told
        assert all(
            answer.status_code == 200 for (user, _, _), (_, answer) in zip(given, answers, strict=True) if user != HOT
        )
        again = world.talk(lambda client: all_at_once(client, given))
        assert [answer.content for _, answer in again] == [answer.content for _, answer in answers]
        assert all(answer.headers["idempotent-replayed"] == "true" for _, answer in again)
    took = sorted(seconds for seconds, _ in answers)
    done = sum(answer.status_code == 200 for _, answer in answers)
    with capsys.disabled():
        p50, p99 = (1_000 * took[int(len(took) * share)] for share in (0.5, 0.99))
        print(f"\n{number} parallel writes to one user: {done} done, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
