"""`GET /v1/users/{id}/export`: all that is held of a user, by domain, each as of its own offset."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.coupon.imported import ImportedCodesActor
from actors.coupon.stock import CouponStockActor
from actors.coupon_jobs.actor import CouponJobsActor
from actors.delay.actor import DelayActor
from actors.points.programme import from_settings
from actors.profile.facts import Fact
from actors.programmes.actor import ProgrammesActor
from actors.registry import domains
from gateway.export import EXPORT_RECORDS_MAX
from supervision.entry import segment_of
from supervision.messages import RecordRow
from tests.gateway_world import LATER, SEGMENTS, World, is_problem

AT = 1_758_378_600_000


def give_lines(world: World, user: str, first: int, last: int) -> None:
    """A line of one point at each offset from `first` to `last`."""
    place = (segment_of(f"user:{user}", SEGMENTS), "points", f"user:{user}")
    line = {"at": "2025-09-20T14:30:00.000Z", "change": "increase", "points": 1, "reason": "x", "order_id": None}
    world.lines[place] = [
        RecordRow(
            place[2], n, 0, msgspec.json.encode({"offset": n, **line, "balance": n, "cause": "1.1.1", "lots": []})
        )
        for n in range(first, last + 1)
    ]


def points(world: World, query: str = "") -> dict[str, Any]:
    """The only section of user u."""
    (section,) = world.get(f"/v1/users/u/export{query}").json()["sections"]
    return section


def test_an_export_has_a_section_for_each_domain_as_of_its_own_offset() -> None:
    world = World()
    segment = world.give_account("123456", (100, LATER), upto=41)
    give_lines(world, "123456", 40, 40)
    world.give_profile("123456", {"zone": Fact('"Asia/Shanghai"', 1_790_000_000, 5, AT)}, upto=39)
    assert world.get("/v1/users/123456/export").json() == {
        "user_id": "123456",
        "sections": [
            {
                "domain": "profile",
                "as_of": {"segment": segment, "offset": 39},
                "facts": {
                    "zone": {
                        "value": "Asia/Shanghai",
                        "at": "2025-09-20T14:30:00.000Z",
                        "cause": f"{segment}.1790000000.5",
                    }
                },
            },
            {
                "domain": "points",
                "as_of": {"segment": segment, "offset": 41},
                "available": 100,
                "lots": [{"points": 100, "expires_at": "2033-05-18T03:33:20.000Z"}],
                "wallets": {"main": {"available": 100, "pending": 0, "reserved": 0, "debt": 0}},
                "tier": None,
                "records": [
                    {
                        "offset": 40, "at": "2025-09-20T14:30:00.000Z", "change": "increase", "points": 1,
                        "balance": 40, "reason": "x", "order_id": None, "cause": "1.1.1", "wallet": "main",
                        "moves": {}, "lots": [],
                    }
                ],
                "records_cursor": None,
            },
        ],
    }  # fmt: skip


def test_a_domain_that_holds_nothing_has_no_section() -> None:
    world = World()
    world.give_account("rich", (5, LATER))
    world.give_profile("known", {"shoe": Fact("43", 1, 1, AT)})
    for user, domain in (("rich", "points"), ("known", "profile")):
        assert [section["domain"] for section in world.get(f"/v1/users/{user}/export").json()["sections"]] == [domain]


def test_a_user_of_whom_nothing_is_held_is_not_found() -> None:
    world = World()
    world.give_profile("forgotten", {})
    for user in ("nobody", "forgotten"):
        is_problem(world.get(f"/v1/users/{user}/export"), 404, "unknown_user")


def test_a_value_is_exported_to_the_last_digit_as_it_came() -> None:
    world = World()
    world.give_profile("u", {"m": Fact("1.10", 1, 1, AT), "likes": Fact('{"b":[1],"a":null}', 1, 2, AT)})
    text = world.get("/v1/users/u/export").text
    assert '"value":1.10,' in text
    assert '"value":{"b":[1],"a":null},' in text


def test_all_lots_are_exported_not_only_the_first_hundred() -> None:
    world = World()
    world.give_account("u", *[(1, LATER + n) for n in range(150)])
    assert len(points(world)["lots"]) == 150


def test_records_come_newest_first_and_the_cursor_leads_through_all_of_them() -> None:
    world = World()
    total = 2 * EXPORT_RECORDS_MAX + 7
    world.give_account("u", (total, LATER), upto=total)
    give_lines(world, "u", 1, total)
    found: list[int] = []
    cursor = ""
    while cursor is not None:
        section = points(world, cursor)
        assert len(section["records"]) <= EXPORT_RECORDS_MAX
        found += [line["offset"] for line in section["records"]]
        cursor = section["records_cursor"] and f"?records_cursor={section['records_cursor']}"
    assert found == list(range(total, 0, -1))


def test_records_that_came_after_the_balance_was_read_are_not_in_it() -> None:
    world = World()
    world.give_account("u", (5, LATER), upto=5)
    give_lines(world, "u", 1, 9)
    assert [line["offset"] for line in points(world)["records"]] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("query", ["records_cursor=x", "records_cursor=" + "A" * 1_001, "records_cursor="])
def test_a_cursor_that_is_none_is_refused_with_its_name(query: str) -> None:
    document = is_problem(World().get(f"/v1/users/u/export?{query}"), 400, "invalid_parameter")
    assert [error["field"] for error in document["errors"]] == ["records_cursor"]


def test_a_store_that_cannot_be_read_is_said_so() -> None:
    world = World()
    world.store_refuses = True
    is_problem(world.get("/v1/users/u/export"), 503, "store_refuses")


def test_every_domain_with_a_state_has_an_exporter_but_those_that_are_about_nobody() -> None:
    stateful = {domain.name for domain in domains(from_settings(), 4) if domain.format}
    assert World().ports.exports.domains == stateful - {
        ProgrammesActor.name,
        CouponStockActor.name,
        CouponJobsActor.name,
        DelayActor.name,
        ImportedCodesActor.name,
    }
