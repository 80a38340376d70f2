"""Those who deliver a world's messages, and what they report of them: that they arrived, bounced, were opened, and that
somebody wants no more of it.

They hear what left the engine and answer a part of it: at once or a pause later, some of it again under another id, by
the message's id or by its asker's reference, and some of what others had them send. What they say is sent as any other
message is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Protocol

import msgspec

from simulation.browsing import TIMES
from simulation.draw import Draw
from simulation.publishers import Publishers
from topology.ports import Outgoing

CHANNELS = {"notify.sms": "sms", "notify.push": "push"}
"""Routing key -> channel."""
STATUSES = (
    *("bounced",) * 6, *("delivered",) * 5, "opened", "opened", "clicked", "failed", "failed", "unsubscribed",
    "complained",
)  # fmt: skip
REPORTS_MAX = 24
"""Messages of a world of which something is reported."""
SHARE = 0.9
"""Of messages, as long as there are not so many;"""
AGAIN_SHARE = 0.25
"""Of these, those of which the same comes again, and those of which something else comes besides."""
OTHERS_SHARE = 0.25
"""Of reports: of messages that are none of the user's."""
LATER_S = (0.01, 0.05, 0.2, 1_600, 4_100)
"""After the message: in the same round, or in a later one."""


class Place(Protocol):
    """What they need of their world."""

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...


class Carriers:
    """All of a world's, where a shop limits its messages; outlive processes."""

    def __init__(self, rng: Random, draw: Draw, world: Place, publishers: Publishers) -> None:
        self._rng, self._world, self._publishers = rng, world, publishers
        self._left = REPORTS_MAX if draw.notices else 0
        self._seen: set[str | None] = set()

    def heard(self, outgoing: Outgoing) -> None:
        """An effect; each message is delivered once."""
        if not self._left or outgoing.key not in CHANNELS or outgoing.props.message_id in self._seen:
            return
        self._seen.add(outgoing.props.message_id)
        if self._rng.random() >= SHARE:
            return
        self._left -= 1
        report = self._report(outgoing)
        self._send(report)
        if self._rng.random() < AGAIN_SHARE:
            self._send(report)
        if self._rng.random() < AGAIN_SHARE:
            self._send({**report, "status": self._rng.choice(STATUSES)})

    def _send(self, report: dict[str, Any]) -> None:
        self._world.at(self._rng.choice(LATER_S), partial(self._publishers.plan, 0.0, msgspec.json.encode(report)))

    def _report(self, outgoing: Outgoing) -> dict[str, Any]:
        rng = self._rng
        said = msgspec.json.decode(outgoing.body)
        report: dict[str, Any] = {"event_type": "delivery_report", "user_id": said["user_id"]}
        report |= {"channel": CHANNELS[outgoing.key], "status": rng.choice(STATUSES)}
        if rng.random() < OTHERS_SHARE:
            report["message_id"] = self._another(outgoing.props.message_id or "")
        elif "reference" in said and rng.random() < 0.3:
            report["reference"] = said["reference"]
        else:
            report["message_id"] = outgoing.props.message_id
        if rng.random() < 0.3:
            report["timestamp"] = rng.choice(TIMES)
        return report

    def _another(self, place: str) -> str:
        """A name that no message of this user has."""
        segment, epoch, offset = place.split(".")
        far = int(offset) + 100_000
        return self._rng.choice(("sg-17", f"{int(segment) + 1}.{epoch}.{offset}", f"{segment}.{epoch}.{far}"))
