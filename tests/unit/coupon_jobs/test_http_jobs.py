"""Jobs over HTTP on the real app and a real engine: lists, files, how far it is, and the words that stop it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.coupon.listing import listed, subject_of
from actors.normal_form import version
from actors.programmes.messages import PUT, PutProgramme
from gateway.coupon_jobs import Batches
from supervision.entry import Draft, Origin, encode_draft, part_subject, segment_of
from supervision.messages import Append, Item
from tests.cells import settle
from tests.coupon_engine import offer
from tests.coupon_jobs_world import users
from tests.http_world import SEGMENTS, HttpWorld


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[HttpWorld]:
    world = HttpWorld(tmp_path)
    body, name = listed("active", offer(activity_id="A").template), subject_of("T1")
    put = PutProgramme(name, version(body.encode()), body, "", "test")
    draft = Draft(PUT, name, msgspec.json.encode(put), origin=Origin.OPERATOR)
    item = Item(segment_of(name, SEGMENTS), draft, encode_draft(draft))
    world.wiring.engine.journal.tell(Append((item,), lambda _: None, len(body)))
    settle(world.runtime, lambda: all(_heard(world, segment) for segment in range(SEGMENTS)))
    yield world
    world.close()


def _heard(world: HttpWorld, segment: int) -> bool:
    reader = world.store.reader()
    try:
        return reader.snapshot(segment, "coupon", part_subject(segment, subject_of("T1")))[0] is not None
    finally:
        reader.close()


def _over(world: HttpWorld, job: str) -> dict[str, Any]:
    settle(world.runtime, lambda: world.get(f"/v1/coupon-jobs/{job}").json()["status"] != "running")
    return world.get(f"/v1/coupon-jobs/{job}").json()


def test_a_list_is_taken_at_once_and_worked_off(shop: HttpWorld) -> None:
    answer = shop.post("/v1/coupon-jobs", {"job_id": "J1", "template": "T1", "users": [*users(1_200), 7]})
    assert answer.status_code == 202 and answer.json() == {"job_id": "J1", "users": 1_201, "batches": 2}
    seen = _over(shop, "J1")
    assert seen["status"] == "done" and seen["issued"] == 1_200 and seen["refused"] == {"bad_user_id": 1}
    assert seen["queued"] == 0 and seen["remaining_s"] == 0 and seen["total_batches"] == 2
    again = shop.post("/v1/coupon-jobs", {"job_id": "J1", "template": "T1", "users": [*users(1_200), 7]})
    assert again.status_code == 202 and _over(shop, "J1") == seen


def test_a_file_comes_in_pieces_and_its_users_get_their_coupons(shop: HttpWorld) -> None:
    text = "name,user_id\n" + "".join([f"n,{user}\n" for user in users(2_500)]) + "broken\n"

    async def pieces() -> AsyncGenerator[bytes]:
        for begin in range(0, len(text), 7_001):
            yield text[begin : begin + 7_001].encode()

    answer = shop.request(
        "POST", "/v1/coupon-jobs", params={"job_id": "F", "activity_id": "A"}, content=pieces(),
        headers={"content-type": "text/csv; charset=utf-8"},
    )  # fmt: skip
    assert answer.json() == {"job_id": "F", "users": 2_501, "batches": 3}, answer.text
    seen = _over(shop, "F")
    assert seen["issued"] == 2_500 and seen["refused"] == {"bad_user_id": 1} and seen["template"] == "T1"


def test_a_job_without_a_name_has_that_of_its_idempotency_key(shop: HttpWorld) -> None:
    body = {"template": "T1", "users": users(3)}
    one, two = (shop.post("/v1/coupon-jobs", body, key="k") for _ in range(2))
    other = shop.post("/v1/coupon-jobs", body)
    assert one.json() == two.json() and other.json()["job_id"] != one.json()["job_id"]


def test_progress_is_streamed_until_it_is_over(shop: HttpWorld) -> None:
    shop.post("/v1/coupon-jobs", {"job_id": "S", "template": "T1", "users": users(500)})
    answer = shop.get("/v1/coupon-jobs/S", headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    last = answer.text.strip().split("\n\n")[-1]
    assert last.startswith("event: done\ndata: {")
    assert msgspec.json.decode(last.partition("data: ")[2])["issued"] == 500


def test_a_job_is_paused_continued_and_cancelled(shop: HttpWorld) -> None:
    shop.post("/v1/coupon-jobs", {"job_id": "P", "template": "T1", "users": users(50)})
    _over(shop, "P")
    late = shop.post("/v1/coupon-jobs/P/pause", None)
    assert late.status_code == 409 and late.json()["code"] == "job_over"
    nobody = shop.post("/v1/coupon-jobs/none/cancel", None)
    assert nobody.status_code == 404 and nobody.json()["code"] == "unknown_job"
    assert shop.get("/v1/coupon-jobs/none").status_code == 404


def test_what_is_no_job_is_refused_before_anything_is_taken(shop: HttpWorld) -> None:
    unknown = shop.post("/v1/coupon-jobs", {"template": "T9", "users": ["u"]})
    assert unknown.status_code == 404 and unknown.json()["code"] == "unknown_template"
    assert shop.post("/v1/coupon-jobs", {"template": "T1", "users": []}).json()["code"] == "list_size"
    assert shop.post("/v1/coupon-jobs", {"template": "T1"}).json()["code"] == "bad_field"
    shop.post("/v1/coupon-jobs", {"job_id": "J", "template": "T1", "users": ["a"]})
    other = shop.post("/v1/coupon-jobs", {"job_id": "J", "template": "T1", "users": ["b"]})
    assert other.status_code == 409 and other.json()["code"] == "refused_batch"


def test_batches_hold_a_thousand_users_and_no_more_bytes_than_a_message() -> None:
    batches = Batches()
    whole = list(batches.add(["x" * 900] * 2_500)) + list(batches.last())
    assert [len(batch) for batch in whole] == [1_000, 1_000, 500] and batches.given == 3
    wide = Batches()
    cut = [*wide.add(["\u0001" * 200] * 1_000), *wide.last()]
    assert len(cut) > 1 and max(sum(map(len, batch)) for batch in cut) < 256 * 1024


def test_what_is_no_id_is_carried_as_far_as_it_takes_to_name_it() -> None:
    batches = Batches()
    assert list(batches.add([["x"] * 100_000, "u", None])) == []
    ((strange, user, nothing),) = batches.last()
    assert strange.startswith(b'{"line":"[') and len(strange) < 300 and (user, nothing) == (b'"u"', b"null")
