"""The state machine of the last mile, on a pretended port: what is acked, what is tried, what is put aside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from tests.topology_world import Mailbox, World
from topology.dead import Buried, BuryDead
from topology.last_mile.carrier import Carrier, StopTaking
from topology.last_mile.heard import Heard
from topology.last_mile.letter import Letter, Tried, hand_over
from topology.last_mile.queues import ATTEMPT, KEY, QUEUE, waiting_queue
from topology.last_mile.routes import Route
from topology.link import Link
from topology.ports import Deliveries, Delivery, Lost, Opened, Props
from topology.table import DEAD, EFFECTS

ONE, TWO = Route("json://one"), Route("json://two")
STEPS_S = (1.0, 2.0)
BODY = msgspec.json.encode({"event_type": "notify_sms", "user_id": "7", "text": "Hello", "more": 1})


class Port:
    """A consuming connection that remembers what it was told."""

    def __init__(self) -> None:
        self.generation = 0
        self.acked: list[tuple[int, int]] = []

    def connect(self, to: Any) -> int:
        self.generation += 1
        return self.generation

    def ack(self, generation: int, tag: int) -> None:
        self.acked.append((generation, tag))

    def probe(self, generation: int) -> None:
        raise AssertionError("the last mile keeps no watermark")

    def drop(self, generation: int) -> None:
        """Nothing to cut."""


class Mile:
    """A carrier whose workers are the test."""

    def __init__(self, folder: Path) -> None:
        self.port, self.relay, self.world, self.link = Port(), Mailbox(), World(), Link("carrier")
        self.work: list[tuple[Letter, Sequence[Route]]] = []
        self.box = Mailbox()
        self.carrier = Carrier(
            self.box, self.port, self.relay, Heard(folder / "heard"), {"sms": (ONE, TWO)},
            lambda letter, routes: self.work.append((letter, routes)), self.link, self.world, Random(1), STEPS_S,
        )  # fmt: skip
        self.carrier.started()
        self.tell(Opened(1))

    def tell(self, message: Any) -> None:
        self.carrier.receive(message)
        self.carrier.check()

    def deliver(self, *deliveries: Delivery) -> None:
        self.tell(Deliveries(self.port.generation, deliveries))

    def done(self, *taken: Route, failed: str = "", hopeless: bool = False) -> None:
        """The first of what workers are at is over."""
        letter, _ = self.work.pop(0)
        self.tell(Tried(letter, [route.name for route in taken], failed, hopeless))

    def put_aside(self) -> tuple[Any, Any]:
        (bury,) = self.relay.all()
        assert isinstance(bury, BuryDead)
        (letter,) = bury.letters
        self.tell(Buried(bury.generation, [letter.tag]))
        return letter.message, letter.message.props.headers


def message(
    tag: int, id: str | None = "0.1.1", body: bytes = BODY, key: str = "notify.sms", **headers: Any
) -> Delivery:
    return Delivery(tag, EFFECTS, key, Props(message_id=id, headers={"segment": "0"} | headers), body)


@pytest.fixture
def mile(tmp_path: Path) -> Mile:
    return Mile(tmp_path)


def test_a_message_is_acked_when_every_address_has_it_and_in_the_order_of_coming(mile: Mile) -> None:
    mile.deliver(message(1, "0.1.1"), message(2, "0.1.2"))
    assert [routes for _, routes in mile.work] == [[ONE, TWO], [ONE, TWO]]
    mile.work.reverse()
    mile.done(ONE, TWO)
    assert mile.port.acked == []
    mile.done(ONE, TWO)
    assert mile.port.acked == [(1, 2)]


def test_what_comes_again_goes_to_nobody_twice(mile: Mile) -> None:
    mile.deliver(message(1))
    mile.done(ONE, TWO)
    mile.deliver(message(2))
    assert mile.work == [] and mile.port.acked == [(1, 1), (1, 2)]


def test_what_comes_again_while_it_is_tried_waits_for_that(mile: Mile) -> None:
    mile.deliver(message(1), message(2), message(3))
    assert len(mile.work) == 1
    mile.done(ONE, TWO)
    assert mile.work == [] and mile.port.acked[-1] == (1, 3)


def test_an_answer_after_the_connection_was_lost_is_remembered_for_the_copy_on_the_next(mile: Mile) -> None:
    mile.deliver(message(1))
    mile.tell(Lost(1, "cut"))
    mile.tell(mile.world.alarms[0].message)
    mile.deliver(message(1))
    assert len(mile.work) == 1
    mile.done(ONE, TWO)
    assert mile.work == [] and mile.port.acked == [(2, 1)]


def test_what_failed_waits_longer_each_time_and_then_is_dead_with_its_reason(mile: Mile) -> None:
    delivery = message(1)
    for tag, step in enumerate(STEPS_S, 1):
        mile.deliver(delivery)
        mile.done(failed="no")
        assert mile.port.acked == [] if tag == 1 else mile.port.acked == [(1, tag - 1)]
        waiting, headers = mile.put_aside()
        assert (waiting.exchange, waiting.key, waiting.body) == ("", waiting_queue(step), BODY)
        assert headers["x-notify-attempt"] == tag and headers["segment"] == "0"
        assert mile.port.acked[-1] == (1, tag)
        back = headers | {"x-death": [{"queue": waiting.key}]}
        delivery = Delivery(tag + 1, "", QUEUE, Props(message_id="0.1.1", headers=back), waiting.body)
    mile.deliver(delivery)
    mile.done(failed="still no")
    dead, headers = mile.put_aside()
    assert (dead.exchange, dead.key, dead.body) == (DEAD, "notify.sms", BODY)
    assert (headers["reason"], headers["detail"]) == ("undelivered", "still no")
    assert (headers["first_exchange"], headers["first_key"]) == (EFFECTS, "notify.sms")
    assert "x-death" not in headers


def test_a_copy_that_is_confirmed_after_the_connection_was_lost_is_counted_off_once(mile: Mile) -> None:
    mile.deliver(message(1))
    mile.done(failed="no")
    mile.tell(Lost(1, "cut"))
    mile.put_aside()
    assert mile.carrier.under_way == 0
    mile.tell(mile.world.alarms[0].message)
    mile.deliver(message(1))
    mile.done(ONE, TWO)
    assert mile.port.acked[-1] == (2, 1) and mile.carrier.under_way == 0


def test_of_two_addresses_only_the_one_that_failed_is_tried_again(mile: Mile) -> None:
    mile.deliver(message(1))
    mile.done(ONE, failed="two is away")
    _, headers = mile.put_aside()
    mile.deliver(Delivery(2, "", QUEUE, Props(message_id="0.1.1", headers=headers), BODY))
    assert mile.work[0][1] == [TWO]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (message(1, None), "no_message_id"), (message(1, body=b"{}"), "no_notification"),
        (message(1, body=b"\xff"), "no_notification"), (message(1, key="notify.push"), "no_route"),
    ],
)  # fmt: skip
def test_what_can_be_delivered_to_nobody_is_dead_at_once(mile: Mile, bad: Delivery, reason: str) -> None:
    mile.deliver(bad)
    dead, headers = mile.put_aside()
    assert (dead.exchange, headers["reason"]) == (DEAD, reason)
    assert mile.port.acked == [(1, 1)]


@pytest.mark.parametrize(
    "made_up",
    [
        {KEY: 7, ATTEMPT: "many"}, {KEY: "notify.sms", ATTEMPT: -9}, {KEY: "notify.sms", ATTEMPT: 0},
        {KEY: "notify." + "x" * 300, ATTEMPT: 1}, {KEY: "notify.refused", ATTEMPT: 1}, {KEY: "notify.sms"},
    ],
)  # fmt: skip
def test_headers_of_ours_that_others_made_up_change_nothing(mile: Mile, made_up: dict[str, Any]) -> None:
    """A number of before the first wait finds no queue, and a key that is longer than AMQP's cannot be published: the
    connection would end at it, again and again.
    """
    mile.deliver(Delivery(1, EFFECTS, "notify.sms", Props(message_id="0.1.1", headers=made_up), BODY))
    assert [(letter.tried, letter.delivery.key) for letter, _ in mile.work] == [(0, "notify.sms")]
    mile.done(failed="no")
    waiting, headers = mile.put_aside()
    assert (waiting.key, headers[ATTEMPT], headers[KEY]) == (waiting_queue(STEPS_S[0]), 1, "notify.sms")


def test_what_no_other_try_could_mend_is_not_tried_again(mile: Mile) -> None:
    mile.deliver(message(1))
    mile.done(failed="user_id has characters that may not stand in an address", hopeless=True)
    dead, _ = mile.put_aside()
    assert dead.exchange == DEAD


def test_who_stops_takes_nothing_new_and_acks_what_is_tried(mile: Mile) -> None:
    mile.deliver(message(1))
    mile.tell(StopTaking())
    mile.deliver(message(2, "0.1.2"))
    assert len(mile.work) == 1 and mile.carrier.under_way == 1
    mile.done(ONE, TWO)
    assert mile.port.acked == [(1, 1)] and mile.carrier.under_way == 0


def test_a_worker_tries_every_address_whatever_becomes_of_the_others(mile: Mile) -> None:
    mile.deliver(message(1))
    letter, _ = mile.work[0]
    sent: list[tuple[str, str, str]] = []

    def send(url: str, title: str, text: str, for_one: bool) -> bool:
        assert for_one == (url == "x://y/7")
        sent.append((url, title, text))
        if url == ONE.url:
            raise OSError("secret")
        return True

    tried = hand_over(letter, [ONE, TWO], send)
    assert sent == [(ONE.url, "", "Hello"), (TWO.url, "", "Hello")]
    assert (tried.taken, tried.failed, tried.hopeless) == ([TWO.name], "apprise raised OSError", False)
    assert hand_over(letter, [TWO], lambda *_: False).failed
    assert hand_over(letter, [Route("x://y/{reference}")], send).hopeless
    assert hand_over(letter, [Route("x://y/{user_id}")], send).taken
