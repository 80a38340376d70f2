"""Planted bugs: mistakes that a tired programmer could make, to show that the checkers would see them.

Each replaces one method of one running object of a world, so the code that is judged is the production code with one
line of it wrong. None is reachable from anything but a simulated world.
"""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from gateway.wiring import Wiring
from supervision.messages import Append, Appended, Begin, Begun
from supervision.store_simulated import Image

Bug = Literal["checkpoint_not_compared", "ack_before_commit", "timer_without_gen"]
BUGS: tuple[Bug, ...] = ("checkpoint_not_compared", "ack_before_commit", "timer_without_gen")


def plant_bug(bug: Bug, wiring: Wiring) -> None:
    """Make `wiring`, not yet started, wrong in one place."""
    plants: dict[Bug, Callable[[Wiring], None]] = {
        "checkpoint_not_compared": _checkpoint_not_compared,
        "ack_before_commit": _ack_before_commit,
        "timer_without_gen": _timer_without_gen,
    }
    plants[bug](wiring)


def _checkpoint_not_compared(wiring: Wiring) -> None:
    """A new incarnation starts at the checkpoint as it stands while old stages wait, and nobody compares."""
    store: Any = wiring.engine.store
    image: Image = store.image
    refuse = Image.refuse

    def only_heads(batch: Any) -> None:
        refuse(image, msgspec.structs.replace(batch, stages=()))

    image.refuse = only_heads  # pyright: ignore[reportAttributeAccessIssue]

    def careless(me: Any) -> Any:
        journal: Any = make(me)
        receive = journal.receive

        def hear(message: Any) -> Any:
            if isinstance(message, Begin) and (message.segment, message.domain) in journal.ledger.checkpoints:
                checkpoint = journal.ledger.checkpoints[message.segment, message.domain]
                message.done(Begun(message.incarnation, checkpoint))
                return None
            return receive(message)

        journal.receive = hear
        journal._current = lambda stage: True
        return journal

    make = wiring.engine._make_journal  # pyright: ignore[reportPrivateUsage]
    _remake(wiring, "journal", careless)


def _ack_before_commit(wiring: Wiring) -> None:
    """Who hands something to the journal is told at once that it is durable."""
    line = wiring.engine.journal
    tell = line.tell

    def hasty(message: Any) -> None:
        if isinstance(message, Append) and message.via is None:
            done = message.done
            done([Appended(item.segment, 0, 0) for item in message.items])
            message = msgspec.structs.replace(message, done=lambda results: None)
        tell(message)

    line.tell = hasty  # pyright: ignore[reportAttributeAccessIssue]


def _timer_without_gen(wiring: Wiring) -> None:
    """A firing is believed whatever generation it was for."""
    make = wiring.engine._make_host  # pyright: ignore[reportPrivateUsage]

    def credulous(segment: int, domain: Any, me: Any, park_reason: str | None) -> Any:
        host: Any = make(segment, domain, me, park_reason)
        host._fold._still_armed = lambda event, loaded, outcome: True
        return host

    wiring.engine._make_host = credulous  # pyright: ignore[reportPrivateUsage]


def _remake(wiring: Wiring, path: str, factory: Callable[[Any], Any]) -> None:
    cell = wiring.tree.cell(path)
    cell.spec = msgspec.structs.replace(cell.spec, factory=factory)
