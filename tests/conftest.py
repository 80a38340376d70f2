"""Servers, markers and the order of a test run.

One RabbitMQ node serves a whole run; each test that asks for `broker` gets a virtual host of its own, so nothing leaks
from one to the next. Cheap suites run first: a broken ledger is reported before a node has even started. Several
workers begin with all that needs the node (two_workers.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from tests.two_workers import SERVED, Dealing
from topology.broker_admin import BrokerAdmin
from topology.broker_node import BrokerUnavailable, PrivateBroker, installed

_ORDER = ("unit", "house", "contract", "simulation", "broker", "crash")
"""Folders below tests/, in the order in which they run,"""
_DEALT = (*SERVED, *(suite for suite in _ORDER if suite not in SERVED))
"""and in which they are begun by several workers: what takes longest from beginning to end comes first."""

_MARKERS = {
    "long": "takes minutes; left to `make test-long`",
    "broker": "needs a real RabbitMQ (implied by the fixtures `rabbit` and `broker`, and by the folder)",
    "crash": "kills real processes (implied by the folder)",
}


settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")
"""How long an example takes says something of the machine's other guests, not of the code."""


def pytest_configure(config: pytest.Config) -> None:
    for name, text in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text}")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Dealing:
    return Dealing(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        suite = _suite(item)
        fixtures: tuple[str, ...] = getattr(item, "fixturenames", ())
        if suite == "broker" or "rabbit" in fixtures:
            item.add_marker("broker")
        if suite == "crash":
            item.add_marker("crash")
    order = _DEALT if hasattr(config, "workerinput") else _ORDER
    items.sort(key=lambda item: order.index(_suite(item)))


def _suite(item: pytest.Item) -> str:
    parts = item.path.relative_to(Path(__file__).parent).parts
    return parts[0] if parts[0] in _ORDER else "unit"


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    """One running node for the whole run, with management. Don't stop it: a test that must kills a node of its own."""
    if not installed():
        if os.environ.get("BROKER") == "no":
            pytest.skip("BROKER=no and RabbitMQ is not installed")
        pytest.fail("RabbitMQ is missing: `apt-get install rabbitmq-server`, or BROKER=no to go without", pytrace=False)
    node = PrivateBroker(tmp_path_factory.mktemp("rabbit"), management=True)
    try:
        node.start()
    except BrokerUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    yield node
    node.kill()  # the folder is the run's own: nobody needs an orderly end


@pytest.fixture(scope="session")
def rabbit_admin(rabbit: PrivateBroker) -> BrokerAdmin:
    return BrokerAdmin(rabbit)


@pytest.fixture
def broker(rabbit: PrivateBroker, rabbit_admin: BrokerAdmin) -> Iterator[str]:
    """The AMQP address of an empty virtual host, gone after the test."""
    vhost = rabbit_admin.fresh_vhost()
    yield rabbit.url(vhost)
    rabbit_admin.drop_vhost(vhost)
