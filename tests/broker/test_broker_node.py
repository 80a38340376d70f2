"""The private node: that it comes up anywhere, disturbs nobody, and never outlives its owner."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pika
import pytest
from pika.exceptions import AMQPError

from topology.broker_admin import BrokerAdmin
from topology.broker_node import BrokerInUse, BrokerUnavailable, PrivateBroker, stop_s_max

_OWNER = """
import sys, pathlib
from topology.broker_node import PrivateBroker
print(PrivateBroker(pathlib.Path(sys.argv[1])).start(), flush=True)
sys.stdin.read()
"""


def test_a_test_gets_an_empty_virtual_host_that_takes_quorum_queues(broker: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker)) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        channel.basic_publish("", "q", b"hello", mandatory=True)
        assert channel.queue_declare("q", passive=True).method.message_count == 1


def test_two_virtual_hosts_see_nothing_of_each_other(
    broker: str, rabbit: PrivateBroker, rabbit_admin: BrokerAdmin
) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker)) as connection:
        connection.channel().queue_declare("q", durable=True)
    other = rabbit_admin.fresh_vhost()
    assert [queue["vhost"] for queue in rabbit_admin.request("GET", "/api/queues")].count(other) == 0
    rabbit_admin.drop_vhost(other)


def test_a_dropped_virtual_host_takes_no_more_connections(rabbit: PrivateBroker, rabbit_admin: BrokerAdmin) -> None:
    vhost = rabbit_admin.fresh_vhost()
    rabbit_admin.drop_vhost(vhost)
    with pytest.raises(AMQPError):
        pika.BlockingConnection(pika.URLParameters(rabbit.url(vhost)))


def test_it_listens_on_loopback_only(rabbit: PrivateBroker) -> None:
    assert rabbit.ports is not None
    for port in (rabbit.ports.amqp, rabbit.ports.distribution, rabbit.ports.http):
        with socket.socket() as outside:
            outside.settimeout(1.0)
            assert outside.connect_ex(("127.0.0.2", port)) != 0, "listens on more than 127.0.0.1"


def test_a_folder_that_is_in_use_is_refused_at_once_with_the_holders_pid(rabbit: PrivateBroker) -> None:
    with pytest.raises(BrokerInUse, match=str(os.getpid())):
        PrivateBroker(rabbit.folder).start()
    assert rabbit.running


def test_a_taken_port_is_refused_and_named(tmp_path: Path, rabbit: PrivateBroker) -> None:
    assert rabbit.ports is not None
    with pytest.raises(BrokerUnavailable, match=str(rabbit.ports.amqp)):
        PrivateBroker(tmp_path, port=rabbit.ports.amqp).start()


def test_confirmed_messages_survive_a_kill_and_the_address_stays(tmp_path: Path) -> None:
    node = PrivateBroker(tmp_path)
    try:
        url = node.start()
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare("q", durable=True, arguments={"x-queue-type": "quorum"})
            channel.basic_publish("", "q", b"x", pika.BasicProperties(delivery_mode=2))
        names = next((tmp_path / "data").glob("node/quorum/*/names.dets"))
        _until(lambda: b"%2F_q" in names.read_bytes())  # see PrivateBroker.kill
        node.kill()
        assert not node.running
        assert node.start() == url
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            assert connection.channel().basic_get("q", auto_ack=True)[2] == b"x"
    finally:
        node.kill()


def test_a_node_ends_when_its_owner_is_killed_and_the_next_owner_gets_the_folder(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert owner.stdin is not None and owner.stdout is not None
    assert owner.stdout.readline().startswith("amqp://")
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with owner.stdin, owner.stdout:
        next_owner = PrivateBroker(tmp_path)
        try:
            next_owner.start()
            assert next_owner.running
        finally:
            next_owner.kill()


def test_a_node_killed_during_its_very_first_start_leaves_a_folder_that_can_be_used(tmp_path: Path) -> None:
    half_made = tmp_path / "data" / "node"
    half_made.mkdir(parents=True)
    (half_made / "schema.DAT").write_bytes(b"torn")
    node = PrivateBroker(tmp_path)
    try:
        node.start()
        assert node.running
    finally:
        node.stop()
    assert not node.running


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + stop_s_max
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
