"""The reference model of coupon jobs: what its books object to at rest, and what it objects to in the log."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from simulation.coupon_lists import Lists
from simulation.job_book import JobBook
from simulation.job_model import JobModel, Sizes


def book(became: dict[str, int], of_users: dict[str, dict[str, int]], status: str = "done") -> JobBook:
    """Of a job that was given ann once and bob twice."""
    made = JobBook()
    made.take({"user_batch": ["bob", "ann", "bob", 7]}, "1", len)
    made.page(3)
    made.status, made.ended = status, True
    made.became = Counter(became)
    made.of_users = {user: Counter(each) for user, each in of_users.items()}
    return made


ALL = {"ann": {"issued": 1}, "bob": {"issued": 1, "already": 1}}


def test_a_job_whose_users_are_all_decided_once_is_done() -> None:
    assert book({"issued": 2, "already": 1}, ALL).unlike() == ""


@pytest.mark.parametrize(
    ("became", "of_users", "says"),
    [
        ({"issued": 2}, ALL, "it was told"),
        ({"issued": 2}, {"ann": {"issued": 1}, "bob": {"issued": 1}}, "were forgotten"),
        ({"issued": 3}, {"ann": {"issued": 2}, "bob": {"issued": 1}}, "were not given to it"),
    ],
    ids=["a sum that is not the users'", "a user who was not decided", "a user who was decided twice"],
)
def test_what_no_job_may_come_to_is_found(became: dict[str, int], of_users: dict[str, Any], says: str) -> None:
    assert says in book(became, of_users).unlike()


def test_only_a_cancelled_job_may_leave_somebody_out_and_it_says_that_it_is_over() -> None:
    left_out = book({"issued": 1}, {"ann": {"issued": 1}}, "cancelled")
    assert left_out.unlike() == ""
    left_out.ended = False
    assert "was not said to be done" in left_out.unlike()


def test_a_page_goes_over_the_end_of_a_batch_and_no_further_than_it_has_room() -> None:
    made = JobBook()
    for name in ("1", "2", "3"):
        made.take({"user_batch": [f"a{name}", f"b{name}"]}, name, len)
    assert [made.page(3), made.page(1), made.page(9), made.page(9)] == [["a1", "b1", "a2"], ["b2"], ["a3", "b3"], []]
    assert made.sent == 6 and not made.batches


def issued(user: str) -> Any:
    body = msgspec.json.encode({"user_id": user, "job_id": "j"})
    return SimpleNamespace(kind="coupon.issued", body=body)


@pytest.mark.parametrize("users", [["ann"], ["ann", "bob", "bob"], ["ann", "eve"]])
def test_a_log_with_other_coupons_than_a_job_gave_is_found(users: list[str]) -> None:
    model = JobModel(1, Sizes(3, 2, 1), Lists(), set(), Counter())
    model.books["j"] = book({"issued": 2, "already": 1}, ALL)
    assert model.log_fits({0: [issued("ann"), issued("bob")]}) == ""
    assert "the job j gave coupons to" in model.log_fits({0: [issued(user) for user in users]})
