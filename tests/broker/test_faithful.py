"""The simulator's broker is what RabbitMQ is, as far as our ports can tell: the same scenes on both, the same to see.

Everything the simulation proves, it proves about a broker that it pretends. So each scene here runs through the same
two ports (topology/ports.py) on simulation/broker.py and on a real node, and what was seen must be equal, and equal to
what is written here. Where they differ the difference is one of these, each with a test of its own or a line in one:

- What a quorum queue delivers again carries the header `x-delivery-count`; the pretended one does not add it. No port
  reads it.
- RabbitMQ takes what it had read before it noticed its alarm, so the first messages after Blocked may be confirmed
  before Unblocked; the pretended one takes nothing.
- A deleted ingress queue takes its messages with it. To the ports both are a lost connection; the pretended broker
  keeps what was in the queue, since a checker could not tell our loss from the operator's.
- Refused by one of several queues, RabbitMQ gives the message to the others, always; the pretended one in half of the
  cases. Nothing follows from a nack in either.
- The pretended one has one queue for everything that is said: which queue an effect goes to is the topology's matter,
  not the ports'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.broker.benches import HEARD, UNHEARD, Bench, PretendedBench, RealBench
from tests.crash.ctl import rabbitmqctl
from topology.broker_node import PrivateBroker, memory_bytes_max
from topology.ports import Blocked, Confirms, Lost, Opened, Unblocked
from topology.table import EFFECTS, INGRESS

Make = Callable[[int], Bench]
WATERMARK = ("set_vm_memory_high_watermark", "absolute")


@pytest.fixture(params=["pretended", "real"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a bench with a prefetch."""
    made: list[Bench] = []
    url: str = request.getfixturevalue("broker") if request.param == "real" else ""

    def one(prefetch: int = 1_000) -> Bench:
        if request.param == "pretended":
            made.append(PretendedBench(prefetch))
        else:
            made.append(RealBench(url, prefetch))
        return made[-1]

    yield one
    for bench in made:
        bench.close()


def bodies(first: int, last: int) -> list[str]:
    return [f"m{n}" for n in range(first, last + 1)]


def fresh(first: int, last: int) -> list[tuple[int, str, bool]]:
    return [(n, f"m{n}", False) for n in range(first, last + 1)]


def test_messages_come_in_order_with_tags_from_one_and_their_exchange_and_key(make: Make) -> None:
    bench = make(1_000)
    bench.put(*bodies(1, 3))
    generation = bench.connect()
    bench.put(*bodies(4, 6))
    bench.until(lambda: len(bench.delivered(generation)) == 6)
    assert bench.delivered(generation) == fresh(1, 6)
    assert {(d.exchange, d.key) for d in bench.deliveries(generation)} == {
        ("marketing.points.events", "points.increase.purchase")
    }


def test_no_more_than_the_prefetch_is_out_and_an_ack_covers_all_up_to_its_tag(make: Make) -> None:
    bench = make(3)
    generation = bench.connect()
    bench.put(*bodies(1, 7))
    bench.until(lambda: len(bench.delivered(generation)) == 3)
    assert bench.counts(generation, 4) == (4, 1)
    assert bench.delivered(generation) == fresh(1, 3)
    bench.consume.ack(generation, 2)
    bench.until(lambda: len(bench.delivered(generation)) == 5)
    assert bench.counts(generation, 2) == (2, 1)
    bench.consume.ack(generation, 5)
    bench.until(lambda: len(bench.delivered(generation)) == 7)
    assert bench.counts(generation, 0) == (0, 1)
    assert bench.delivered(generation) == fresh(1, 7)


def test_what_was_not_acked_when_the_connection_was_cut_comes_first_in_order_and_marked(make: Make) -> None:
    bench = make(4)
    first = bench.connect()
    bench.put(*bodies(1, 6))
    bench.until(lambda: len(bench.delivered(first)) == 4)
    bench.consume.ack(first, 1)
    bench.until(lambda: len(bench.delivered(first)) == 5)
    assert bench.counts(first, 1) == (1, 1)
    bench.cut()
    bench.until(lambda: bench.lost(first))
    second = bench.connect()
    bench.until(lambda: len(bench.delivered(second)) == 4)
    assert bench.delivered(second) == [(n - 1, f"m{n}", True) for n in range(2, 6)]
    bench.consume.ack(second, 4)
    bench.until(lambda: len(bench.delivered(second)) == 5)
    assert bench.delivered(second)[-1] == (5, "m6", False)


def test_only_what_comes_again_from_the_real_one_counts_its_deliveries(make: Make) -> None:
    bench = make(4)
    first = bench.connect()
    bench.put("m1")
    bench.until(lambda: bool(bench.delivered(first)))
    bench.cut()
    bench.until(lambda: bench.lost(first))
    second = bench.connect()
    bench.until(lambda: bool(bench.delivered(second)))
    [delivery] = bench.deliveries(second)
    count = {"x-delivery-count": 1} if isinstance(bench, RealBench) else {}
    assert dict(delivery.props.headers or {}) == count


def test_an_ack_for_an_earlier_connection_is_nothing(make: Make) -> None:
    bench = make(1_000)
    first = bench.connect()
    bench.put(*bodies(1, 3))
    bench.until(lambda: len(bench.delivered(first)) == 3)
    bench.cut()
    bench.until(lambda: bench.lost(first))
    second = bench.connect()
    bench.until(lambda: len(bench.delivered(second)) == 3)
    bench.consume.ack(first, 3)
    assert bench.counts(second, 0) == (0, 1)
    bench.consume.drop(second)
    third = bench.connect()
    bench.until(lambda: len(bench.delivered(third)) == 3)
    assert bench.delivered(third) == [(n, f"m{n}", True) for n in range(1, 4)]


def test_a_dropped_connection_is_not_told_to_be_lost_and_a_new_one_takes_its_place(make: Make) -> None:
    bench = make(1_000)
    first = bench.connect()
    second = bench.connect()
    bench.consume.drop(second)
    third = bench.connect()
    assert bench.counts(third, 0) == (0, 1)
    assert bench.told == [Opened(first), Opened(second), Opened(third)]
    assert first < second < third


def test_a_broker_that_is_away_is_a_lost_connection_and_no_other_word(make: Make) -> None:
    bench = make(1_000)
    bench.away(True)
    generation = bench.consume.connect(bench.consumer)
    bench.until(lambda: bench.lost(generation))
    bench.away(False)
    again = bench.connect()
    assert [type(message) for message in bench.told] == [Lost, Opened]
    assert again == generation + 1


def test_a_deleted_queue_is_a_lost_connection_and_the_next_begins_with_an_empty_one(make: Make) -> None:
    bench = make(1_000)
    first = bench.connect()
    if isinstance(bench, RealBench):
        bench.delete(INGRESS)
    else:
        bench.cut()
    bench.until(lambda: bench.lost(first))
    second = bench.connect()
    bench.put("m1")
    bench.until(lambda: bool(bench.delivered(second)))
    assert bench.delivered(second) == fresh(1, 1)
    assert [type(message) for message in bench.told[:3]] == [Opened, Lost, Opened]


def test_while_the_broker_believes_in_a_consumer_who_is_gone_the_next_one_waits_and_cannot_tell_by_a_count(
    make: Make,
) -> None:
    bench = make(3)
    first = bench.connect()
    bench.put(*bodies(1, 5))
    bench.until(lambda: len(bench.delivered(first)) == 3)
    bench.linger(True)
    bench.cut()
    bench.until(lambda: bench.lost(first))
    second = bench.connect()
    assert bench.counts(second, 2) == (2, 1)
    assert bench.delivered(second) == []
    bench.linger(False)
    bench.until(lambda: len(bench.delivered(second)) == 3)
    assert bench.delivered(second) == [(n, f"m{n}", True) for n in range(1, 4)]
    bench.consume.ack(second, 3)
    bench.until(lambda: len(bench.delivered(second)) == 5)
    assert bench.delivered(second)[3:] == [(4, "m4", False), (5, "m5", False)]
    assert bench.counts(second, 0) == (0, 1)


def test_what_comes_while_a_consumer_who_is_gone_is_believed_in_goes_to_him_and_the_queue_looks_empty(
    make: Make,
) -> None:
    bench = make(3)
    first = bench.connect()
    bench.put("m1")
    bench.until(lambda: len(bench.delivered(first)) == 1)
    bench.linger(True)
    bench.cut()
    bench.until(lambda: bench.lost(first))
    second = bench.connect()
    bench.put("m2", "m3")
    assert bench.counts(second, 0) == (0, 1)
    bench.put("m4", "m5")
    assert bench.counts(second, 2) == (2, 1)
    assert bench.delivered(second) == []
    bench.linger(False)
    bench.until(lambda: len(bench.delivered(second)) == 3)
    bench.consume.ack(second, 3)
    bench.until(lambda: len(bench.delivered(second)) == 5)
    assert bench.delivered(second) == [(n, f"m{n}", n <= 3) for n in range(1, 6)]


def test_even_who_waited_is_believed_in_once_gone_and_is_given_what_the_first_one_held(make: Make) -> None:
    bench = make(3)
    first = bench.connect()
    bench.put(*bodies(1, 2))
    bench.until(lambda: len(bench.delivered(first)) == 2)
    bench.linger(True)
    bench.cut()
    bench.until(lambda: bench.lost(first))
    second = bench.connect()
    bench.cut()
    bench.until(lambda: bench.lost(second))
    third = bench.connect()
    bench.put("m3", "m4")
    assert bench.counts(third, 1) == (1, 1)
    assert bench.delivered(third) == []
    bench.linger(False)
    bench.until(lambda: len(bench.delivered(third)) == 3)
    bench.consume.ack(third, 3)
    bench.until(lambda: len(bench.delivered(third)) == 4)
    assert [body for _, body, _ in bench.delivered(third)] == bodies(1, 4)


def test_a_successor_who_waits_is_given_first_what_the_dropped_one_held_as_the_pretended_one_gives_it_to_the_next(
    make: Make,
) -> None:
    """Two engines at once exist on the real broker alone; the pretended one's next connection sees the same."""
    old = make(3)
    new = make(3) if isinstance(old, RealBench) else old
    first = old.connect()
    old.put(*bodies(1, 5))
    old.until(lambda: len(old.delivered(first)) == 3)
    if new is old:
        old.consume.drop(first)
        second = new.connect()
    else:
        second = new.connect()
        assert new.counts(second, 2) == (2, 1)
        assert new.delivered(second) == []
        old.consume.drop(first)
    new.until(lambda: len(new.delivered(second)) == 3)
    new.consume.ack(second, 3)
    new.until(lambda: len(new.delivered(second)) == 5)
    assert new.delivered(second) == [*((n, f"m{n}", True) for n in range(1, 4)), (4, "m4", False), (5, "m5", False)]


def test_what_is_published_arrives_in_order_and_every_tag_is_confirmed_once(make: Make) -> None:
    bench = make(1_000)
    generation = bench.connect_publisher()
    bench.write(generation, [HEARD] * 50)
    bench.write(generation, [HEARD] * 50)
    confirms = bench.confirmed(generation, 100)
    assert confirms == dict.fromkeys(range(1, 101), True)
    assert bench.heard(100) == [str(n) for n in range(1, 101)]
    assert bench.order() == ["Confirms"]


def test_what_no_queue_wants_is_taken_by_the_one_for_the_unrouted_and_confirmed(make: Make) -> None:
    bench = make(1_000)
    generation = bench.connect_publisher()
    bench.write(generation, [UNHEARD, HEARD])
    assert bench.confirmed(generation, 2) == {1: True, 2: True}
    assert bench.returned() == []


def test_what_not_even_that_queue_takes_is_returned_before_its_confirm_and_confirmed_all_the_same(make: Make) -> None:
    bench = make(1_000)
    generation = bench.connect_publisher()
    bench.lose_unrouted()
    bench.write(generation, [UNHEARD])
    assert bench.confirmed(generation, 1) == {1: True}
    assert bench.returned() == [(EFFECTS, UNHEARD)]
    assert bench.order() == ["Returned", "Confirms"]


def test_what_a_queue_refuses_is_nacked_and_what_is_behind_it_goes_on(make: Make) -> None:
    bench = make(1_000)
    generation = bench.connect_publisher()
    bench.refuse()
    bench.write(generation, [HEARD] * 5)
    assert bench.confirmed(generation, 5) == dict.fromkeys(range(1, 6), False)
    assert bench.order() == ["Confirms"]


def test_of_what_was_written_when_the_connection_was_cut_a_beginning_has_arrived(make: Make) -> None:
    bench = make(1_000)
    first = bench.connect_publisher()
    bench.write(first, [HEARD] * 200)
    bench.cut()
    bench.until(lambda: any(isinstance(m, Lost) and m.generation == first for m in bench.said))
    confirmed = len(bench.confirms(first))
    second = bench.connect_publisher()
    bench.publish.publish(first, [])
    bench.write(second, [HEARD])
    assert bench.confirmed(second, 1) == {1: True}
    heard = [int(body) for body in bench.heard(1, last="201")]
    assert heard == [*range(1, len(heard)), 201]
    assert confirmed <= len(heard) - 1


def test_a_blocked_publisher_hears_so_and_everything_is_confirmed_once_it_flows_again(
    make: Make, rabbit: PrivateBroker
) -> None:
    bench = make(1_000)
    generation = bench.connect_publisher()
    with closing(_Alarm(bench, rabbit)) as alarm:
        alarm.on()
        bench.write(generation, [HEARD] * 3)
        bench.until(lambda: any(isinstance(m, Blocked) for m in bench.said))
        bench.write(generation, [HEARD] * 3)
        alarm.close()
        bench.until(lambda: any(isinstance(m, Unblocked) for m in bench.said))
    assert bench.confirmed(generation, 6) == dict.fromkeys(range(1, 7), True)
    assert bench.heard(6) == [str(n) for n in range(1, 7)]
    early = bench.order().index("Unblocked")
    first = [m for m in bench.said if not isinstance(m, Opened)][:early]
    taken = sum(len(m.batch) for m in first if isinstance(m, Confirms))
    assert taken <= 3 if isinstance(bench, RealBench) else not taken


class _Alarm:
    """Of memory."""

    def __init__(self, bench: Bench, rabbit: PrivateBroker) -> None:
        self._bench = bench
        self._rabbit = rabbit
        self._is_on = False

    def on(self) -> None:
        self._is_on = True
        if isinstance(self._bench, PretendedBench):
            self._bench.broker.publisher.block(60.0)
        else:
            rabbitmqctl(self._rabbit, *WATERMARK, "1000")

    def close(self) -> None:
        """It ends; the pretended one by itself."""
        if self._is_on and isinstance(self._bench, RealBench):
            rabbitmqctl(self._rabbit, *WATERMARK, str(memory_bytes_max))
        self._is_on = False
