"""`run.py publish FILE|-`: messages from JSON lines to the broker, each confirmed, with a bar that tells how far it is.

One line is one message. It goes where its `event_type` belongs, or where the caller says, and it goes as it is: what
is in the line is nobody's business here, so that a wrong message can be sent on purpose. The publishing shell of the
relay is used, with the same window; a line counts when the broker has confirmed it. It is published once; a lost
connection ends the run and says which line to go on from, because a second try might count a message without an id
twice.
"""

from __future__ import annotations

import queue
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from actors.commands import CommandSpec
from topology.ports import Confirm, Confirms, Lost, Opened, Outgoing, Props, PublishPort, Returned
from topology.wire import BadMessage, parse

WINDOW_MAX = 512
ANSWER_S_MAX = 60.0
"""Without a word from the broker for this long the run ends."""
APP_ID = "ganglion-publish"


class PublishFailed(Exception):
    """The run ended early. `confirmed` lines, from the first on, are with the broker for sure."""

    def __init__(self, reason: str, confirmed: int) -> None:
        super().__init__(f"{reason}; the first {confirmed} messages are confirmed, go on from message {confirmed + 1}")
        self.confirmed = confirmed


class Published(msgspec.Struct, frozen=True):
    """What became of a file."""

    confirmed: int
    refused: int
    unrouted: int


def addressed(
    lines: Iterable[bytes], commands: Mapping[str, CommandSpec], exchange: str = "", key: str = ""
) -> Iterator[Outgoing]:
    """The messages of `lines`, blank ones skipped. With `exchange` they all go there.

    Else raises ValueError, with the line's number, for one that belongs nowhere.
    """
    for number, line in enumerate(lines, 1):
        body = line.strip()
        if not body:
            continue
        if exchange:
            yield Outgoing(exchange, key, body, _props(body))
            continue
        fields = parse(body)
        if isinstance(fields, BadMessage):
            raise ValueError(f"line {number}: {fields.message} (--exchange and --key send it all the same)")
        spec = commands.get(str(fields.get("event_type")))
        if spec is None:
            raise ValueError(f"line {number}: unknown event_type; known: {', '.join(sorted(commands))}")
        yield Outgoing(spec.exchange, key or routing_key(spec, fields), body, _props(body))


def routing_key(spec: CommandSpec, fields: Mapping[str, Any]) -> str:
    """The documented key that fits the message best: its words occur in the body, `*` is the reason, made safe."""
    said = {value for value in fields.values() if isinstance(value, str)}
    best = max(spec.routing_keys, key=lambda key: sum(word in said for word in key.split(".")))
    return best.replace("*", re.sub(r"[^A-Za-z0-9_-]", "_", str(fields.get("reason", "none")))[:64])


def _props(body: bytes) -> Props:
    """The id stays in the body, where the door finds it; the sender has a name."""
    return Props(content_type="application/json", app_id=APP_ID)


class _Answers:
    """An address for the port; its mail is taken by the publishing thread."""

    def __init__(self) -> None:
        self._mail: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def tell(self, message: Any, /) -> None:
        self._mail.put(message)

    def next(self) -> Any:
        return self._mail.get(timeout=ANSWER_S_MAX)


def publish_all(port: PublishPort, messages: Iterable[Outgoing], confirmed: Callable[[int], None]) -> Published:
    """Publish in order with a window; `confirmed` hears the number of each step. Raises PublishFailed, also
    for a line that belongs nowhere, once everything before it is confirmed.
    """
    answers = _Answers()
    generation = port.connect(answers)
    run = _Run(confirmed)
    try:
        _publish(port, generation, answers, iter(messages), run)
    except queue.Empty:
        raise PublishFailed(f"no word from the broker for {ANSWER_S_MAX:.0f} s", run.prefix()) from None
    finally:
        port.drop(generation)
    return Published(run.acked, run.nacked, run.returned)


def _publish(port: PublishPort, generation: int, answers: _Answers, waiting: Iterator[Outgoing], run: _Run) -> None:
    opened, ended, bad = False, False, ""
    while not ended or run.open:
        match answers.next():
            case Opened():
                opened = True
            case Confirms(batch=batch):
                run.settle(batch)
            case Returned():
                run.returned += 1
            case Lost(reason=reason):
                raise PublishFailed(reason, run.prefix())
            case _:
                continue
        if opened and not ended and len(run.open) <= WINDOW_MAX // 2:
            batch, bad = _batch(waiting, WINDOW_MAX - len(run.open))
            ended = bool(bad) or not batch
            run.sent(len(batch))
            if batch:
                port.publish(generation, batch)
    if bad:
        raise PublishFailed(bad, run.prefix())


def _batch(waiting: Iterator[Outgoing], messages_max: int) -> tuple[list[Outgoing], str]:
    """The next messages, and what is wrong with the line behind them: what stands before a bad line is still sent."""
    batch: list[Outgoing] = []
    try:
        batch.extend(islice(waiting, messages_max))
    except ValueError as error:
        return batch, str(error)
    return batch, ""


class _Run:
    """The books of one run: tags that are open, and what became of the others."""

    def __init__(self, confirmed: Callable[[int], None]) -> None:
        self.open: dict[int, None] = {}
        self.acked = self.nacked = self.returned = 0
        self._tag = 0
        self._first_nacked = 0
        self._confirmed = confirmed

    def sent(self, n: int) -> None:
        for tag in range(self._tag + 1, self._tag + n + 1):
            self.open[tag] = None
        self._tag += n

    def settle(self, batch: Iterable[Confirm]) -> None:
        before = self.acked
        for confirm in batch:
            tags = [tag for tag in self.open if tag <= confirm.tag] if confirm.multiple else [confirm.tag]
            for tag in tags:
                del self.open[tag]
            if confirm.ack:
                self.acked += len(tags)
            else:
                self.nacked += len(tags)
                self._first_nacked = min(self._first_nacked or tags[0], tags[0])
        self._confirmed(self.acked - before)

    def prefix(self) -> int:
        """Messages confirmed from the first on without a gap."""
        until = [*islice(self.open, 1), *([self._first_nacked] if self._first_nacked else [])]
        return min(until) - 1 if until else self._tag
