"""What a broker and the network before it can do to the engine, done to the real ones, while the shop sends.

After each trouble the same books are opened as after a kill: everything that was confirmed to the sender is counted
once, in order, and told once. Each test also proves that its trouble arrived, since a trouble that missed proves
nothing. The short ones are in `make test`; the long ones do the same for longer, and all together.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from urllib.parse import unquote

import pika
import pytest

from tests.crash.ctl import rabbitmqctl
from tests.crash.looks import number, reasons
from tests.crash.ordeal import INGRESS, Ordeal
from tests.crash.program import until
from tests.crash.proxy import Proxy
from topology.broker_node import PrivateBroker, memory_bytes_max

Make = Callable[..., Ordeal]

HAPPENS_S_MAX = 60.0
HEARTBEAT_S = 1
HEARTBEATS = 3
WATERMARK = ("set_vm_memory_high_watermark", "absolute")
NOTHING = "1000"
ENOUGH = str(memory_bytes_max)
CLOSED_EVENTS = 20
"""A portion while connections are being closed: 1,000 a second."""
DELAY_S_MAX = 0.004
GAP_S = (0.2, 0.6)


def vhost_of(url: str) -> str:
    return unquote(url.rpartition("/")[2])


def ended(trial: Ordeal) -> None:
    trial.drain()
    trial.rest()
    print(trial.summary())


def happens(trial: Ordeal, holds: Callable[[], bool], what: str) -> None:
    trial.program.until(holds, HAPPENS_S_MAX, lambda: f"{what}: {reasons(trial.program)}")


def consumers(url: str) -> int:
    """How many the ingress queue has."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        return connection.channel().queue_declare(INGRESS, passive=True).method.consumer_count


def close_all(trial: Ordeal, rabbit: PrivateBroker, broker: str) -> Callable[[], None]:
    """An operator closes every connection, ours and everybody's."""

    def act() -> None:
        trial.begin()
        before = number(trial.program, "broker_connects_total", 'side="consume"')
        words = ("close_all_connections", "--vhost", vhost_of(broker), "the operator says so")
        rabbitmqctl(rabbit, *words, meanwhile=lambda: trial.feed(CLOSED_EVENTS))
        happens(
            trial,
            lambda: number(trial.program, "broker_connects_total", 'side="consume"') > before,
            "no new connection",
        )

    return act


def alarm(trial: Ordeal, rabbit: PrivateBroker) -> Callable[[], None]:
    """The broker is out of memory while a backlog is worked off: effects are blocked, input is still taken.

    The backlog is sent before, since an alarm blocks the sender as well.
    """

    def act() -> None:
        trial.begin()
        trial.program.signal(signal.SIGSTOP)
        trial.send(200)
        trial.publisher.settle()
        try:
            rabbitmqctl(rabbit, *WATERMARK, NOTHING)
            trial.program.signal(signal.SIGCONT)
            happens(trial, lambda: "has an alarm" in reasons(trial.program), "it was not blocked")
            happens(trial, lambda: waiting(trial) == 0, "a blocked publisher holds up the input")
            assert trial.missing, "effects came through an alarm"
        finally:
            rabbitmqctl(rabbit, *WATERMARK, ENOUGH)
        happens(trial, lambda: reasons(trial.program) == "200 ", "it is still blocked")

    return act


def waiting(trial: Ordeal) -> int:
    """Messages of the ingress queue, those that somebody holds included, as the broker counts them."""
    with pika.BlockingConnection(pika.URLParameters(trial.url)) as connection:
        channel = connection.channel()
        return channel.queue_declare(INGRESS, passive=True).method.message_count


def halt(trial: Ordeal, broker: str) -> Callable[[], None]:
    """The engine stands still until the broker has taken its connections away, then goes on where it was."""

    def act() -> None:
        trial.begin()
        trial.program.signal(signal.SIGSTOP)
        until_s = time.monotonic() + HEARTBEATS * HEARTBEAT_S
        trial.send(300)
        until(lambda: consumers(broker) == 0, HAPPENS_S_MAX, lambda: "the broker still believes in the consumer")
        until(lambda: time.monotonic() > until_s, HAPPENS_S_MAX, str)
        trial.program.signal(signal.SIGCONT)
        happens(trial, lambda: consumers(broker) == 1, "it does not consume again")

    return act


@pytest.fixture
def proxied(broker: str) -> Iterator[Proxy]:
    with closing(Proxy(broker, Random(7))) as proxy:
        yield proxy


def test_connections_closed_by_an_operator_lose_nothing(ordeal: Make, rabbit: PrivateBroker, broker: str) -> None:
    trial = ordeal(21, 150)
    trial.under(2_000, [close_all(trial, rabbit, broker)], GAP_S)
    assert trial.publisher.connections > 1
    ended(trial)


def test_under_a_memory_alarm_input_is_taken_and_effects_wait_and_none_is_lost(
    ordeal: Make, rabbit: PrivateBroker
) -> None:
    trial = ordeal(22, 150)
    trial.under(500, [alarm(trial, rabbit)], GAP_S)
    ended(trial)


def test_an_ingress_queue_deleted_under_us_is_declared_again_and_heard(ordeal: Make, broker: str) -> None:
    trial = ordeal(23, 150)
    trial.under(500, [], GAP_S)
    trial.drain()  # what is in a queue when it is deleted is gone by the operator's hand: let there be nothing
    with pika.BlockingConnection(pika.URLParameters(broker)) as connection:
        connection.channel().queue_delete(INGRESS)
    happens(trial, lambda: number(trial.program, "broker_connects_total", 'side="consume"') == 2, "not heard of")
    trial.under(500, [], GAP_S)
    ended(trial)


def test_an_engine_that_stood_still_for_three_heartbeats_goes_on_without_counting_twice(
    ordeal: Make, broker: str
) -> None:
    trial = ordeal(24, 150, engine_url=f"{broker}?heartbeat={HEARTBEAT_S}")
    trial.under(1_000, [halt(trial, broker)], GAP_S)
    assert number(trial.program, "bridge_redelivered_total") > 0, "it held nothing when it was stopped"
    ended(trial)


def test_a_network_that_splits_delays_and_cuts_loses_nothing(ordeal: Make, proxied: Proxy) -> None:
    trial = ordeal(25, 150, engine_url=proxied.url)
    proxied.delay_s_max = DELAY_S_MAX
    trial.under(2_000, [proxied.cut] * 6, GAP_S)
    assert trial.midway >= 3, f"only {trial.midway} of 6 cuts fell while there was work"
    ended(trial)


@pytest.mark.long
def test_a_broker_stopped_and_a_broker_killed_come_back_and_nothing_is_lost(tmp_path: Path) -> None:
    with PrivateBroker(tmp_path / "rabbit") as node:

        def restarted(end: Callable[[], None]) -> Callable[[], None]:
            def act() -> None:
                end()
                happens(trial, lambda: "bridge:" in reasons(trial.program), "nobody noticed")
                node.start()
                happens(trial, lambda: reasons(trial.program) == "200 ", "it did not come back")

            return act

        with closing(Ordeal(node.url(), tmp_path, 26, 300)) as trial:
            # Stopped in order first: killed within seconds after a declaration, RabbitMQ 3.10 forgets the queue.
            trial.under(20_000, [restarted(end) for end in (node.stop, node.kill, node.stop, node.kill)], (2.0, 4.0))
            assert trial.midway >= 2
            ended(trial)


@pytest.mark.long
def test_an_hour_of_every_trouble_at_once_in_two_minutes(
    ordeal: Make, rabbit: PrivateBroker, broker: str, proxied: Proxy
) -> None:
    trial = ordeal(27, 600, engine_url=f"{proxied.url}?heartbeat={HEARTBEAT_S}")
    proxied.delay_s_max = DELAY_S_MAX / 4

    def away() -> None:
        proxied.away = True
        proxied.cut()
        time.sleep(1.0)
        proxied.away = False

    def killed() -> None:
        if trial.program.alive:
            trial.program.kill()
        trial.begin()

    kinds = [close_all(trial, rabbit, broker), alarm(trial, rabbit), halt(trial, broker), away, killed, proxied.cut]
    rng = Random(27)
    trial.under(40_000, [kind for _ in range(4) for kind in rng.sample(kinds, len(kinds))], (0.5, 2.0))
    assert trial.midway >= 6
    ended(trial)
