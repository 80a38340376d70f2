"""Questions about coupons over HTTP, with a whole engine behind it: a user's list, one by its code, the guard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors.coupon import guard
from actors.coupon.guard import GuardLimits
from gateway import code_guard, coupon_queries
from gateway.keys import Key
from gateway.problems import Problem
from supervision.clock import VirtualClock
from supervision.counters import Tally
from supervision.entry import segment_of
from supervision.store_sqlite.reader import SqliteReader
from tests.coupon_engine import cart
from tests.gateway_world import is_problem
from tests.http_world import SEGMENTS, HttpWorld, http_world
from tests.unit.test_http_coupons import done, mistyped


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("shop")) as world:
        world.put_template()
        world.put_template("public", code={"public": "OPENSESAME"})
        yield world


def use(shop: HttpWorld, user: str, code: str, order_id: str) -> None:
    done(shop.post(f"/v1/coupons/{code}/redemptions", {"user_id": user, "order": cart(order_id)}))


def coupons(shop: HttpWorld, user: str, query: str = "") -> list[dict[str, Any]]:
    answer = shop.get(f"/v1/users/{user}/coupons{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_a_users_coupons_are_listed_in_every_state_newest_first(shop: HttpWorld) -> None:
    used, held, back, left = (shop.give_coupon("u1") for _ in range(4))
    use(shop, "u1", used, "o-1")
    use(shop, "u1", back, "o-2")
    done(shop.post(f"/v1/coupons/{back}/redemptions/o-2/rollback", {}))
    done(shop.post(f"/v1/coupons/{held}/holds", {"user_id": "u1", "order": cart("o-3")}))
    use(shop, "u1", "open sesame", "o-4")
    shown = {one["code"]: (one["state"], one["order_id"]) for one in coupons(shop, "u1")}
    assert shown == {
        "OPENSESAME": ("redeemed", "o-4"), left: ("issued", None), back: ("issued", None), held: ("held", "o-3"),
        used: ("redeemed", "o-1"),
    }  # fmt: skip
    assert list(shown) == ["OPENSESAME", left, back, held, used]
    for state in ("issued", "held", "redeemed", "expired"):
        wanted = [code for code, (its, _) in shown.items() if its == state]
        assert [one["code"] for one in coupons(shop, "u1", f"?state={state}")] == wanted
    first = shop.get("/v1/users/u1/coupons?limit=3").json()
    rest = shop.get(f"/v1/users/u1/coupons?limit=3&cursor={first['next_cursor']}").json()
    assert [one["code"] for one in first["data"] + rest["data"]] == list(shown) and not rest["has_more"]
    document = is_problem(shop.get("/v1/users/u1/coupons?state=lost"), 400, "invalid_parameter")
    assert "state must be issued, held, redeemed, expired, being_transferred or transferred" in document["detail"]
    is_problem(shop.get("/v1/users/nobody/coupons"), 404, "unknown_user")


def test_what_was_given_back_stays_in_no_list_when_its_code_was_public(shop: HttpWorld) -> None:
    use(shop, "u2", "OPENSESAME", "o-1")
    done(shop.post("/v1/coupons/OPENSESAME/redemptions/o-1/rollback", {"user_id": "u2"}))
    assert coupons(shop, "u2") == []


def test_a_code_tells_whose_it_is_and_its_whole_life(shop: HttpWorld) -> None:
    code = shop.give_coupon("u3", source="birthday")
    done(shop.post(f"/v1/coupons/{code}/holds", {"user_id": "u3", "order": cart("o-1")}))
    done(shop.request("DELETE", f"/v1/coupons/{code}/holds/o-1"))
    for order in ("o-2", "o-3"):
        use(shop, "u3", code, order)
        shown = shop.get(f"/v1/coupons/{code.lower().replace('-', ' ')}").json()
        said = [shown[name] for name in ("code", "user_id", "state", "source")]
        assert said == [code, "u3", "redeemed", "birthday"]
        if order == "o-2":
            done(shop.post(f"/v1/coupons/{code}/redemptions/o-2/rollback", {}))
            assert shop.get(f"/v1/coupons/{code}").json()["state"] == "issued"
    life = [(line["change"], line.get("order_id"), line.get("discount")) for line in shown["life"]]
    assert life == [
        ("issued", None, None), ("held", "o-1", 2_000), ("released", "o-1", None), ("redeemed", "o-2", 2_000),
        ("rolled_back", "o-2", 2_000), ("redeemed", "o-3", 2_000),
    ]  # fmt: skip
    assert shown["as_of"]["segment"] == segment_of("user:u3", SEGMENTS)


def test_of_a_code_no_more_lines_are_read_than_there_are_since_it_was_issued(
    shop: HttpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coupon_queries, "LINES_AT_ONCE", 2)
    old = [shop.give_coupon("u9") for _ in range(9)]
    new = shop.give_coupon("u9")
    use(shop, "u9", new, "o-9")
    read: list[int] = []
    records = SqliteReader.records

    def counted(*asked: Any) -> Any:
        read.append(len(found := records(*asked)))
        return found

    monkeypatch.setattr(SqliteReader, "records", counted)
    assert [one["change"] for one in shop.get(f"/v1/coupons/{new}").json()["life"]] == ["issued", "redeemed"]
    assert sum(read) <= 2 + 2
    assert [one["change"] for one in shop.get(f"/v1/coupons/{old[0]}").json()["life"]] == ["issued"]


def test_a_public_code_is_its_templates_and_nobodys(shop: HttpWorld) -> None:
    shown = shop.get("/v1/coupons/open-Sesame").json()
    assert (shown["template"], shown["user_id"], shown["state"], shown["life"]) == ("public", None, "active", [])


def test_a_code_that_leads_to_nothing_is_not_found(shop: HttpWorld) -> None:
    is_problem(shop.get("/v1/coupons/NOSUCHCODE"), 404, "unknown_code")
    is_problem(shop.get(f"/v1/coupons/{mistyped(shop.give_coupon('u4'))}"), 404, "bad_check_character")


def test_the_export_has_the_coupons_and_what_became_of_them(shop: HttpWorld) -> None:
    spent, kept = shop.give_coupon("u5"), shop.give_coupon("u5")
    use(shop, "u5", spent, "o-1")
    sections = {section["domain"]: section for section in shop.get("/v1/users/u5/export").json()["sections"]}
    section = sections["coupon"]
    assert section["had"] == {"T1": 2} and section["wrong_codes_until"] is None
    assert [one["code"] for one in section["coupons"]] == [kept]
    assert [line["change"] for line in section["records"]] == ["redeemed", "issued", "issued"]
    assert section["records_cursor"] is None


def test_an_address_that_tries_codes_out_waits_whoever_it_says_it_asks_for(
    shop: HttpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(guard.LIMITS, "address", GuardLimits(8, 60_000, 5_000, 60_000))
    with shop.with_fresh_app():
        wrong, right = mistyped(shop.give_coupon("u6")), shop.give_coupon("u6")
        order = cart("o-9")
        asked = {"user_id": "u7", "codes": [wrong, "NOSUCH"], "order": order}
        answer = shop.post("/v1/coupons/validate", asked)
        reasons = {one["code"]: one["reasons"] for one in answer.json()["not_applied"]}
        assert reasons == {wrong: [{"code": "bad_check_character"}], "NOSUCH": [{"code": "unknown_code"}]}
        is_problem(shop.get("/v1/coupons/NOSUCH"), 404, "unknown_code")  # 1 + 4 + 4 = 9 mistakes
        for turned_away in (
            shop.get(f"/v1/coupons/{right}"),
            shop.post("/v1/coupons/validate", asked),
            shop.post(f"/v1/coupons/{right}/redemptions", {"user_id": "u6", "order": order}),
            shop.post(f"/v1/coupons/{right}/redemptions/o/rollback", {}),
        ):
            is_problem(turned_away, 429, "too_many_attempts")
            assert 1 <= int(turned_away.headers["retry-after"]) <= 5
        assert shop.get("/v1/users/u6/coupons").status_code == 200, "no code is asked for"


class Asking:
    """A guard, and who asks."""

    def __init__(self, behind_proxy: bool = False) -> None:
        self.clock = VirtualClock()
        self.guard = code_guard.CodeGuard(self.clock, Tally(), behind_proxy)

    def wrong(self, scope: dict[str, Any], times: int) -> None:
        for _ in range(times):
            self.guard.heard(scope, ["unknown_code"])

    def waits(self, scope: dict[str, Any]) -> bool:
        try:
            self.guard.admit(scope)
        except Problem as problem:
            return problem.code == "too_many_attempts"
        return False


def scope_of(address: str, said: str = "") -> dict[str, Any]:
    return {"client": (address, 1), "headers": [(b"x-forwarded-for", said.encode())] if said else []}


def test_an_address_is_guarded_for_itself_and_a_network_of_ipv6_as_one() -> None:
    asking = Asking()
    asking.wrong(scope_of("2001:db8::1"), 60)
    assert asking.waits(scope_of("2001:db8::2")) and not asking.waits(scope_of("2001:db8:0:1::1"))
    assert not asking.waits(scope_of("192.0.2.1"))
    asking.wrong(scope_of("192.0.2.1"), 60)
    assert asking.waits(scope_of("::ffff:192.0.2.1"))
    asking.clock.advance(4_000)
    assert not asking.waits(scope_of("192.0.2.1"))


def test_who_has_a_key_is_guarded_by_it_and_not_by_the_address_that_a_whole_shop_shares() -> None:
    asking = Asking()
    shop = Key(id="shop", name="shop", scopes=(), created="", sha256="")
    keyed = scope_of("192.0.2.1") | {"ganglion_key": shop}
    asking.wrong(keyed, 60)
    assert not asking.waits(keyed) and not asking.waits(scope_of("192.0.2.1"))
    asking.wrong(keyed, 2_500)
    assert asking.waits(keyed) and not asking.waits(scope_of("192.0.2.1"))


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_adds_and_never_its_own() -> None:
    asking = Asking(behind_proxy=True)
    asking.wrong(scope_of("10.0.0.1"), 100)
    assert not asking.waits(scope_of("10.0.0.1"))
    asking.wrong(scope_of("10.0.0.1", "203.0.113.9, 198.51.100.7"), 100)
    assert asking.waits(scope_of("10.0.0.1", "198.51.100.7")) and not asking.waits(scope_of("10.0.0.1", "203.0.113.9"))


def test_of_too_many_who_guess_the_one_who_did_so_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_guard, "GUARDED_MAX", 3)
    asking = Asking()
    for n in range(4):
        asking.wrong(scope_of(f"192.0.2.{n}"), 60)
    assert [asking.waits(scope_of(f"192.0.2.{n}")) for n in range(4)] == [False, True, True, True]
