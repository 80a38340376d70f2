"""What the measurements compute from what they saw. Nothing here measures a time."""

from __future__ import annotations

import msgspec

from bench.effects import number
from bench.metered import Meters
from bench.parts import parts
from bench.peers import job
from bench.peers.contestants import CONTESTANTS
from bench.peers.run import WARM_UP_S, latencies
from bench.shop import message_id, number_of, purchase, purchases


def test_a_latency_is_that_of_the_later_effect_and_the_warm_up_does_not_count() -> None:
    went = f"1 100.0\n2 {100 + WARM_UP_S}\n3 {101 + WARM_UP_S}\n"
    came = (
        "1 points_earned 150.0\n1 notify_sms 150.0\n"
        f"2 notify_sms {100.002 + WARM_UP_S}\n2 points_earned {100.001 + WARM_UP_S}\n"
        f"3 points_earned {101.5 + WARM_UP_S}\n3 notify_sms {101.001 + WARM_UP_S}\n"
    )
    assert [round(ms, 3) for ms in latencies(went, came)] == [2.0, 500.0]


def test_an_effect_is_known_by_its_id_by_its_source_or_by_its_user() -> None:
    assert number("m-0000007/sms", b"not looked at") == 7
    assert number("14.1790000000.41", b'{"user_id":"5","source_id":"m-0000007"}') == 7
    assert number("14.1790000000.41", b'{"user_id":"5","source_id":"shop|m-0000007"}') == 7
    assert number("14.1790000000.41", b'{"user_id":"5"}') == 5


def test_the_same_seed_makes_the_same_purchases_and_each_has_its_own_order() -> None:
    made = list(purchases(100, 10, seed=3))
    assert made == list(purchases(100, 10, seed=3))
    assert [number_of(each.props.message_id or "") for each in made] == list(range(100))
    assert len({job.purchase(each.body).order_id for each in made}) == 100


def test_every_contestant_is_given_the_shops_command_unchanged() -> None:
    sent = purchase(7, 5, 100)
    for contestant in CONTESTANTS:
        wrapped = contestant.wrap(sent)
        assert sent.body in wrapped.body, contestant.name
        assert message_id(7).encode() in wrapped.body or wrapped.props.message_id == message_id(7), contestant.name


def test_a_peers_effects_have_the_fields_and_properties_of_ours() -> None:
    earned, sms = job.effects(job.purchase(purchase(7, 5, 100).body), message_id(7), 250)
    assert {
        "user_id": "5",
        "points": 100,
        "balance": 250,
        "source_id": "shop|m-0000007",
    }.items() <= msgspec.json.decode(earned.body).items()
    assert (earned.key, earned.props.type) == ("points.earned.purchase_order", "points_earned")
    assert (sms.key, sms.props.type) == ("notify.sms", "notify_sms")
    assert earned.props.delivery_mode == sms.props.delivery_mode == 2
    assert earned.props.message_id != sms.props.message_id


def test_the_parts_take_the_store_out_of_its_callers_and_add_up() -> None:
    before = Meters({"journal": 1.0, "MainThread": 5.0}, 0.5, 0.0, 0.0, {})
    after = Meters(
        {"journal": 10.0, "cells-1": 7.0, "cells-2": 3.0, "MainThread": 5.5, "amqp-consume": 1.0}, 6.0, 2.0, 1.5,
        {"points": 7.0, "notification": 2.0, "profile": 0.5},
    )  # fmt: skip
    found = parts(before, after)
    assert found["journal"] == 4.0
    assert found["store, writing"] == 6.0
    assert found["points (load, react, encode)"] == 5.5
    assert found["store, reading"] == 1.5
    assert found["other"] == 0.5
    assert found["notification (react, encode)"] == 2.0 and found["other domains"] == 0.5
    assert sum(found.values()) == 10.0 + 9.5 + 0.5 + 1.0
