"""What the broker should hold: exchanges, queues, bindings and policies, as one table of data.

Whatever must hold for correctness is an argument, since AMQP can declare those: queue type, single active consumer,
where the refused go. What an operator may want to change without deleting a queue is a policy; AMQP cannot declare
policies, so they are in the printed definitions only, and their absence is a warning.

Names and routing keys are the seed's, its errors mended: `points.#`, not `points.*`, which matches no key that is
used; `coupon.issued.#` and `coupon.usage.#`, what the engine says, not the keys of its own front door; a front door's
messages all reach the engine (`#`), and nothing that finds no queue vanishes silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

DOORS = tuple(f"marketing.{area}.events" for area in ("points", "coupon", "behavior", "activity", "recommendation"))
INGRESS = "marketing.ingress"
EFFECTS = "marketing.effects"
DELAY = "marketing.delay"
"""Where other systems leave what is to be published later."""
DELAYED = "marketing.delayed"
"""Where it is published."""
DEAD = "marketing.dead"
UNROUTED = "marketing.unrouted"

DELIVERY_LIMIT = 100
"""The broker counts whenever our connection dies, whoever was to blame; so it is high, and we count ourselves."""
UNROUTED_BYTES_MAX = 256 * 1024 * 1024
INGRESS_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""Beyond it publishers are told no (their confirm is a nack) instead of messages being dropped."""


class Exchange(msgspec.Struct, frozen=True):
    name: str
    type: Literal["topic", "fanout"]
    arguments: Mapping[str, Any] = {}


class Queue(msgspec.Struct, frozen=True):
    name: str
    arguments: Mapping[str, Any] = {}


class Binding(msgspec.Struct, frozen=True):
    """From exchange `source` to `destination`, with `key`."""

    source: str
    to: Literal["queue", "exchange"]
    destination: str
    key: str = ""


class Policy(msgspec.Struct, frozen=True):
    name: str
    pattern: str
    apply_to: Literal["queues", "exchanges"]
    definition: Mapping[str, Any]
    priority: int = 1


class Topology(msgspec.Struct, frozen=True):
    exchanges: Sequence[Exchange]
    queues: Sequence[Queue]
    bindings: Sequence[Binding]
    policies: Sequence[Policy]


_QUORUM = {"x-queue-type": "quorum"}

SEED_QUEUES: Mapping[str, Sequence[str]] = {
    "points.notification.queue": ("points.#",),
    "points.analysis.queue": ("points.#",),
    "coupon.notification.queue": ("coupon.issued.#", "coupon.expiring"),
    "coupon.usage.queue": ("coupon.usage.#",),
}
"""The seed's consumers of effects -> their bindings."""


def topology(heard: Sequence[str], seed_queues: bool = False) -> Topology:
    """The table for an engine whose domains hear the front doors `heard` (names among DOORS)."""
    assert set(heard) <= set(DOORS), f"unknown front doors: {sorted(set(heard) - set(DOORS))}"
    exchanges = [Exchange(name, "topic") for name in DOORS]
    exchanges += [
        Exchange(INGRESS, "fanout"),
        Exchange(EFFECTS, "topic", {"alternate-exchange": UNROUTED}),
        Exchange(DELAY, "topic"),
        Exchange(DELAYED, "topic", {"alternate-exchange": UNROUTED}),
        Exchange(DEAD, "fanout"),
        Exchange(UNROUTED, "fanout"),
    ]
    ingress = _QUORUM | {
        "x-single-active-consumer": True,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
    }
    unrouted = _QUORUM | {"x-max-length-bytes": UNROUTED_BYTES_MAX, "x-overflow": "drop-head"}
    queues = [Queue(INGRESS, ingress), Queue(DEAD, _QUORUM), Queue(UNROUTED, unrouted)]
    bindings = [Binding(door, "exchange", INGRESS, "#") for door in DOORS if door in heard]
    bindings.append(Binding(DELAY, "exchange", INGRESS, "#"))
    bindings += [Binding(name, "queue", name) for name in (INGRESS, DEAD, UNROUTED)]
    if seed_queues:
        queues += [Queue(name, _QUORUM) for name in SEED_QUEUES]
        bindings += [Binding(EFFECTS, "queue", name, key) for name, keys in SEED_QUEUES.items() for key in keys]
    return Topology(exchanges, queues, bindings, _policies())


def _policies() -> Sequence[Policy]:
    return [
        Policy(
            "marketing-ingress", r"^marketing\.ingress$", "queues",
            {
                "max-length-bytes": INGRESS_BYTES_MAX,
                "overflow": "reject-publish",
                "dead-letter-strategy": "at-least-once",
            },
        ),
        Policy(
            "marketing-doors", r"^marketing\.([a-z]+\.events|delay)$", "exchanges", {"alternate-exchange": UNROUTED}
        ),
    ]  # fmt: skip
