"""The sender beside an engine: requests become calls, calls become one answer each, whatever crashes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from tests.webhook_world import OK, SECRET, Calling, Endpoints, asked, endpoint
from topology.webhooks.ports import Answered, NotReached
from topology.webhooks.sender import DOMAIN, EXPIRED_MAX, StopCalling
from topology.webhooks.verdict import GIVE_UP_MS

DAY_S = GIVE_UP_MS / 1_000


def calling(transport: Endpoints, **more: Any) -> Calling:
    return Calling({"crm": endpoint(**more), "erp": endpoint(**more)}, transport)


def test_a_request_is_posted_signed_and_its_answer_stands_in_the_log() -> None:
    transport = Endpoints(crm=OK)
    world = calling(transport)
    world.ask(asked())
    world.settle()
    (letter,) = transport.letters
    body = msgspec.json.decode(letter.body)
    assert body["type"] == "campaign.webhook"
    assert body["data"] == {
        "user_id": "1", "campaign_id": "C", "campaign_version": "v1", "run": 1, "step": "steps[0]",
        "parameters": {"why": "cart"},
    }  # fmt: skip
    headers = letter.headers
    moment = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert headers["webhook-signature"] == Webhook(SECRET).sign(headers["webhook-id"], moment, letter.body.decode())
    (said,) = world.said()
    assert said["event_type"] == "webhook_delivered" and said["status"] == 200 and said["attempts"] == 1
    assert (said["reference"], said["campaign_id"], said["user_id"]) == ("C.1.0", "C", "1")
    assert said["message_id"] == headers["webhook-id"] and "." not in said["message_id"]
    assert world.rows() == [b""]
    world.check()


def test_a_wall_clock_that_was_set_back_delays_no_call() -> None:
    """The log's time does not follow it, so a request is of a later time than the wall's clock shows."""
    transport = Endpoints(crm=OK)
    world = calling(transport)
    world.ask(asked())
    world.settle()
    world.clock.skew_ms = -3_600_000
    world.ask(asked(n=2))
    world.settle()
    assert len(transport.letters) == 2 and len(world.said()) == 2


def test_a_leap_of_the_wall_clock_that_is_taken_back_ends_no_call() -> None:
    transport = Endpoints(crm=Answered(500))
    world = calling(transport)
    world.ask(asked())
    world.settle(30.0)
    world.clock.skew_ms = 2 * GIVE_UP_MS
    world.settle(5.0)
    world.clock.skew_ms = 0
    transport.answers["crm"] = OK
    world.settle(600.0)
    assert [said["event_type"] for said in world.said()] == ["webhook_delivered"]


def test_a_wall_clock_that_is_a_day_ahead_for_good_is_believed() -> None:
    world = calling(Endpoints(crm=Answered(500)))
    world.ask(asked())
    world.settle(30.0)
    world.clock.skew_ms = 2 * GIVE_UP_MS
    world.settle(60.0)
    assert [said["event_type"] for said in world.said()] == ["webhook_failed"]


def test_each_secret_signs_so_that_one_can_follow_the_other() -> None:
    other = "whsec_" + "b3RoZXJzZWNyZXQh" * 2
    transport = Endpoints(crm=OK)
    world = Calling({"crm": msgspec.structs.replace(endpoint(), secrets=(SECRET, other))}, transport)
    world.ask(asked())
    world.settle()
    (letter,) = transport.letters
    first, second = letter.headers["webhook-signature"].split(" ")
    assert first != second and first.startswith("v1,") and second.startswith("v1,")


def test_a_call_that_fails_comes_again_with_the_same_id_and_bytes_and_another_signature() -> None:
    transport = Endpoints(crm=Answered(500))
    world = calling(transport)
    world.ask(asked())
    world.settle(60.0)
    assert len(transport.letters) == 3 and len(set(transport.ids())) == 1
    assert len({letter.body for letter in transport.letters}) == 1
    assert len({letter.headers["webhook-signature"] for letter in transport.letters}) == 3
    assert world.said() == []
    transport.answers["crm"] = OK
    world.settle(600.0)
    (said,) = world.said()
    assert said["event_type"] == "webhook_delivered" and said["attempts"] == len(transport.letters) == 4


@pytest.mark.parametrize("outcome", [Answered(302), NotReached("address_refused")])
def test_after_24_hours_it_is_given_up(outcome: Any) -> None:
    transport = Endpoints(crm=outcome)
    world = calling(transport)
    world.ask(asked())
    world.settle(DAY_S - 60)
    assert world.said() == []
    world.settle(120.0)
    (said,) = world.said()
    assert said["event_type"] == "webhook_failed" and said["code"] == "undelivered"
    assert said["detail"] in ("status 302", "address_refused") and said["attempts"] == len(transport.letters)


def test_a_kill_between_the_answer_and_its_stage_calls_again_under_the_same_id_and_answers_once() -> None:
    transport = Endpoints()
    world = calling(transport)
    world.ask(asked())
    world.settle()
    assert len(transport.waiting) == 1 and world.said() == []
    world.restart()
    transport.answers["crm"] = OK
    world.settle()
    assert len(transport.letters) == 2 and len(set(transport.ids())) == 1
    assert [said["event_type"] for said in world.said()] == ["webhook_delivered"]
    transport.let_go(OK)  # the first life's, which is over
    world.restart()
    world.settle()
    assert len(transport.letters) == 2 and len(world.said()) == 1


def test_calls_that_wait_survive_the_trimming_of_the_log_and_a_restart() -> None:
    transport = Endpoints(crm=NotReached("unreachable"))
    world = calling(transport)
    world.ask(*[asked(user=str(n), n=n) for n in range(20)])
    world.settle(30.0)
    attempts = len(transport.letters)
    heads = {segment: tail.head for segment, tail in world.engine.tails.items()}
    assert all(world.ledger[segment, "webhook"] == head for segment, head in heads.items())
    world.restart()
    transport.answers["crm"] = OK
    world.settle(3_600.0)
    assert len(transport.letters) == attempts + 20
    assert all(len(world.said(str(n))) == 1 for n in range(20))
    world.ask(*[asked(user=str(n), n=n) for n in range(20)])
    world.settle()
    assert len(world.rows()) == 20 and not any(world.rows()), "rows are used again"
    world.check()


def test_a_sender_that_crashes_begins_anew_and_nothing_is_lost_or_said_twice() -> None:
    transport = Endpoints(erp=OK)
    world = calling(transport)
    world.ask(asked(), asked("erp"))
    world.settle()
    world.senders[-1]._me.tell("nonsense")  # pyright: ignore[reportPrivateUsage]
    transport.answers["crm"] = OK
    world.settle(30.0)
    assert len(world.senders) == 2 and not world.died
    transport.let_go(OK)
    world.settle()
    assert sorted(said["endpoint"] for said in world.said()) == ["crm", "erp"]
    world.check()


def test_an_endpoint_that_does_not_answer_holds_up_nobody_else() -> None:
    transport = Endpoints(erp=OK)
    world = calling(transport, parallel=2)
    world.ask(*[asked(n=n) for n in range(10)], *[asked("erp", n=n) for n in range(10)])
    world.settle()
    assert len(transport.waiting) == 2, "no more than its places"
    assert len(transport.ids("erp")) == len(world.said()) == 10
    assert world.senders[-1].under_way == 2
    while transport.waiting:
        transport.let_go(OK)
        world.settle(1.0)
    assert len(world.said()) == 20 and world.senders[-1].under_way == 0


def test_a_pause_that_an_endpoint_asks_for_holds_its_other_calls_too() -> None:
    transport = Endpoints(crm=Answered(429, "300"), erp=OK)
    world = calling(transport)
    world.ask(asked())
    world.settle()
    world.ask(asked(n=2), asked("erp", n=3))
    world.settle(200.0)
    assert len(transport.ids()) == 1 and len(transport.ids("erp")) == 1
    transport.answers["crm"] = OK
    world.settle(120.0)
    assert len(transport.ids()) == 3


def test_what_cannot_be_called_fails_at_once() -> None:
    transport = Endpoints()
    world = calling(transport, pending_max=2, parallel=1)
    world.ask(asked("stranger"), asked(n=1), asked(n=2), asked(n=3))
    world.settle()
    assert sorted(said["code"] for said in world.said()) == ["too_many_pending", "unknown_endpoint"]
    world.endpoints = {"erp": endpoint()}
    world.restart()
    world.settle()
    assert [said["code"] for said in world.said()].count("unknown_endpoint") == 3, "it was taken off the list"


def test_a_call_whose_turn_comes_too_late_is_not_made() -> None:
    transport = Endpoints(erp=OK)
    world = calling(transport, parallel=1)
    world.ask(asked(), asked(n=2))
    world.settle(DAY_S + 120.0)
    transport.let_go(NotReached("timeout"))
    world.settle()
    assert len(transport.letters) == 1
    assert [(said["code"], said["attempts"]) for said in world.said()] == [("undelivered", 1), ("undelivered", 0)]


def test_a_process_that_stops_begins_no_more_calls() -> None:
    transport = Endpoints(crm=OK)
    world = calling(transport)
    world.settle()
    world.senders[-1]._me.tell(StopCalling())  # pyright: ignore[reportPrivateUsage]
    world.ask(asked())
    world.settle(30.0)
    assert transport.letters == []
    world.restart()
    world.settle()
    assert len(transport.letters) == 1


def test_a_stop_waits_until_what_an_endpoint_took_is_in_the_log() -> None:
    transport = Endpoints()
    world = calling(transport)
    world.ask(asked())
    world.settle()
    sender = world.senders[-1]
    assert sender.under_way == 1
    transport.let_go(OK)
    assert world.runtime.run_until(lambda: sender._attempts == 0, 1_000)  # pyright: ignore[reportPrivateUsage]
    assert sender.under_way == 1 and world.said() == []
    assert world.runtime.run_until(lambda: sender.under_way == 0, 1_000)
    assert len(world.said()) == 1


def test_thousands_that_are_given_up_at_once_are_said_some_at_a_time() -> None:
    transport = Endpoints()
    world = calling(transport, parallel=1)
    world.ask(*[asked(n=n) for n in range(2 * EXPIRED_MAX + 2)])
    world.settle(DAY_S + 120.0)
    transport.let_go(OK)
    world.settle()
    assert len(world.said()) == 2 * EXPIRED_MAX + 2
    stages = [stage for batch in world.batches for stage in batch.stages if stage.domain == DOMAIN]
    assert max(len(stage.emits) for stage in stages) <= EXPIRED_MAX + 1
    world.check()


def test_a_store_that_refuses_reads_delays_and_loses_nothing() -> None:
    transport = Endpoints(crm=NotReached("timeout"))
    world = calling(transport)
    world.ask(asked())
    world.settle()
    world.load_faults = 3
    transport.answers["crm"] = OK
    world.restart()
    world.settle(60.0)
    assert len(world.said()) == 1


def test_numbers_of_what_waits_are_shown() -> None:
    transport = Endpoints(crm=NotReached("timeout"))
    world = calling(transport)
    world.ask(asked(), asked(n=2))
    world.settle(40.0)
    of_crm = (("endpoint", "crm"),)
    assert world.tally.gauges["webhooks_pending", of_crm] == 2
    assert world.tally.gauges["webhook_oldest_s", of_crm] >= 20
    assert world.tally.counted("webhook_attempts", endpoint="crm", outcome="timeout") >= 4
