"""Jobs in a whole engine: each user of each batch once, whatever is sent twice, stopped, killed or missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from actors.coupon.actor import CouponIssuerActor
from actors.coupon.lists import LISTED, USERS_MAX
from actors.coupon_jobs.actor import QUIET_MS
from actors.coupon_jobs.pages import Pages
from supervision.domain import Event
from supervision.outputs import Output
from tests.coupon_jobs_world import JobsEngine, users


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[JobsEngine]:
    engine = JobsEngine(tmp_path / "data")
    engine.put(activity_id="A")
    engine.settle()
    yield engine
    engine.close()


def test_the_seeds_batch_gives_each_of_its_users_a_coupon_of_the_activitys_template(shop: JobsEngine) -> None:
    shop.batch(users(30), template=None, batch_size=1_000, total_batches=1)
    shop.settle()
    assert shop.issued() == users(30)
    (done,) = shop.told("coupon.job_done")
    assert done["job_id"] == "A" and done["status"] == "done" and done["issued"] == 30 and done["missing"] == []
    entry, body = shop.said("coupon.issued")[0]
    assert entry.route == "coupon.issued.activity" and body["job_id"] == body["activity_id"] == "A"
    assert body["source_id"] == f"A:{body['user_id']}"


def test_a_repeated_batch_adds_nothing_under_whatever_id_it_comes(shop: JobsEngine) -> None:
    for _ in range(3):
        shop.batch(users(20), batch_no=1, total_batches=2)
        shop.batch(users(20, 20), total_batches=2)
        shop.settle(1)
    assert shop.issued() == users(40)
    assert shop.job().batches == 2 and shop.job().users == 40


def test_a_user_of_two_batches_has_one_coupon_and_is_counted_as_one_who_had_it(shop: JobsEngine) -> None:
    shop.batch(users(20), batch_no=1, total_batches=2)
    shop.batch(users(20, 10), batch_no=2, total_batches=2)
    shop.settle()
    assert shop.issued() == users(30)
    assert (shop.job().issued, shop.job().already) == (30, 10)


def test_a_batch_that_is_missing_is_named(shop: JobsEngine) -> None:
    for number in (1, 2, 5):
        shop.batch(users(5, number * 10), batch_no=number, total_batches=6)
    shop.settle()
    assert shop.told("coupon.job_done") == []
    shop.settle(QUIET_MS / 1000 + 1)
    (done,) = shop.told("coupon.job_done")
    assert done["missing"] == [3, 4, 6] and done["issued"] == 15
    for number in (3, 4, 6):
        shop.batch(users(5, number * 10), batch_no=number, total_batches=6)
    shop.settle()
    assert [done["missing"] for done in shop.told("coupon.job_done")] == [[3, 4, 6], []]


def test_a_bad_user_id_refuses_that_user_and_not_the_batch(shop: JobsEngine) -> None:
    shop.batch([*users(3), "x" * 129, "a\nb", 7, None, ""], total_batches=1)
    shop.settle()
    assert shop.issued() == users(3)
    job = shop.job()
    assert job.refused == {"bad_user_id": 5} and "'a\\nb'" in job.bad and "7" in job.bad
    assert shop.told("coupon.job_done")[0]["refused"] == {"bad_user_id": 5}


def test_a_stock_of_99_for_110_users_is_given_out_whole(shop: JobsEngine) -> None:
    shop.put("T2", stock=99)
    shop.settle()
    shop.batch(users(110), template="T2", total_batches=1)
    shop.settle(5)
    assert len(set(shop.issued())) == len(shop.issued()) == 99
    job = shop.job()
    assert (job.issued, job.refused, job.status) == (99, {"sold_out": 11}, "done")


def test_a_paused_job_begins_nothing_until_it_goes_on(shop: JobsEngine) -> None:
    shop.batch(users(1_000), total_batches=6, batch_no=1)
    shop.word("coupon_job_pause")
    for number in range(1, 6):
        shop.batch(users(1_000, number * 1_000), batch_no=number + 1)
    shop.settle(2)
    before = shop.job()
    assert before.status == "paused" and before.decided == before.sent <= 1_000
    shop.settle(5)
    assert shop.job() == before
    shop.word("coupon_job_continue")
    shop.settle(10)
    assert shop.job().issued == 6_000 and shop.job().status == "done"
    assert len(set(shop.issued())) == 6_000


def test_a_cancelled_job_issues_no_more_and_says_so(shop: JobsEngine) -> None:
    for number in range(10):
        shop.batch(users(600, number * 600), batch_no=number + 1, total_batches=12)
    shop.step(60)
    shop.word("coupon_job_cancel")
    shop.settle(5)
    job = shop.job()
    assert job.status == "cancelled" and job.decided == job.sent <= Pages().under_way_max + 1_000
    assert len(shop.issued()) == job.issued
    (done,) = shop.told("coupon.job_done")
    assert done["status"] == "cancelled" and done["queued"] == 0
    shop.batch(users(5, 50_000), batch_no=11)
    shop.settle()
    (refused,) = shop.told("coupon.job_refused")
    assert (refused["code"], refused["users"], refused["batch_no"]) == ("job_cancelled", 5, 11)


def test_a_batch_for_a_template_that_nobody_knows_is_refused_and_may_come_again(shop: JobsEngine) -> None:
    shop.batch(users(5), template="NEW", total_batches=1)
    shop.settle()
    assert shop.told("coupon.job_refused", code="unknown_template") and shop.job().status is None
    shop.put("NEW")
    shop.settle()
    shop.batch(users(5), template="NEW", total_batches=1)
    shop.settle()
    assert shop.issued() == users(5)
    shop.batch(users(5, 5), template="T1")
    shop.settle()
    assert shop.told("coupon.job_refused", code="another_template")


def test_a_kill_in_the_middle_repeats_no_page_and_loses_none(tmp_path: Path) -> None:
    shop = JobsEngine(tmp_path / "data")
    shop.put(stock=1_400)
    shop.settle()
    for number in range(3):
        shop.batch(users(500, number * 500), batch_no=number + 1, total_batches=3)
    for _ in range(12):
        shop.step(70)
        shop.kill()
        shop = JobsEngine(tmp_path / "data", clock=shop.clock)
    shop.settle(10)
    job = shop.job()
    assert (job.issued, job.already, job.refused) == (1_400, 0, {"sold_out": 100})
    assert len(set(shop.issued())) == 1_400 and job.status == "done"
    assert all(shelf.lists == {} for shelf in shop.shelves())
    shop.close()


@pytest.mark.parametrize(("under_way", "users", "held"), [(5, 6, 1), (5, 3, 4), (5, 3, 0)])
def test_pages_that_would_never_go_out_are_refused(under_way: int, users: int, held: int) -> None:
    with pytest.raises(AssertionError, match="a page would never go out"):
        Pages(under_way, users, held)


def test_a_job_is_as_deep_at_its_end_as_at_its_beginning_and_lists_are_bounded(shop: JobsEngine) -> None:
    for number in range(18):
        shop.batch(users(300, number * 300), batch_no=number + 1, total_batches=18)
    shop.settle(10)
    assert shop.job().issued == 5_400
    assert {entry.depth for entry, _ in shop.said("coupon.issued")} == {1}
    lists = [len(body["users"]) for _, body in shop.said("coupon.list")]
    assert max(lists) == USERS_MAX
    progress = [entry.at for entry, _ in shop.said("coupon.job_progress")]
    assert all(later - earlier >= 1_000 for earlier, later in pairwise(progress))


def test_a_user_whose_command_is_discarded_is_counted_and_the_job_ends(
    shop: JobsEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    react = CouponIssuerActor.react

    def reacting(self: CouponIssuerActor, state: Any, event: Event) -> Iterable[Output]:
        if event.entry.kind == LISTED and event.subject == f"user:{users(1)[0]}":
            raise RuntimeError("ill")
        return react(self, state, event)

    with monkeypatch.context() as ill:
        ill.setattr(CouponIssuerActor, "react", reacting)
        shop.batch(users(5), batch_no=1, total_batches=1)
        shop.settle(5)
    assert len(shop.parked()) == 1 and shop.told("coupon.job_done") == []
    shop.decide("engine.discard", users(1)[0], "coupon")
    shop.settle(5)
    (done,) = shop.told("coupon.job_done")
    assert done["issued"] == 4 and done["refused"] == {"discarded": 1}
