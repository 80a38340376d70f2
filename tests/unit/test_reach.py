"""By which channels a user can be reached."""

from __future__ import annotations

from itertools import permutations

from actors.notification.reach import Reach, Reached, agreed, bounces, found

NOW = 100


def test_the_later_fact_holds_in_whatever_order_they_come() -> None:
    facts = [(1, True), (2, False), (3, True), (4, False)]
    for order in permutations(facts):
        reach: Reach = {}
        for at, works in order:
            found(reach, "sms", works, at, NOW)
        assert bounces(reach, "sms") and not bounces(reach, "email")


def test_between_equal_ones_whoever_comes_later() -> None:
    reach: Reach = {}
    found(reach, "sms", False, 5, NOW)
    found(reach, "sms", True, 5, NOW)
    assert not bounces(reach, "sms")


def test_a_fact_of_the_future_is_of_its_entrys_time() -> None:
    reach: Reach = {}
    found(reach, "sms", False, 10 * NOW, NOW)
    assert reach == {"sms": Reached(NOW, False)}


def test_who_agrees_after_a_bounce_is_believed_to_have_given_an_address() -> None:
    reach: Reach = {}
    agreed(reach, "sms", 1, NOW)
    assert reach == {}
    found(reach, "sms", False, 5, NOW)
    agreed(reach, "sms", 4, NOW)
    assert bounces(reach, "sms")
    agreed(reach, "sms", 6, NOW)
    assert not bounces(reach, "sms")
