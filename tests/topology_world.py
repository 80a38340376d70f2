"""A small world for bridge and relay without supervisors: one mailbox, driven by the test, and a journal that keeps a
list.

The same is used by the unit tests (pretended ports, virtual clock) and the broker tests (real ports, real clock).
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from actors.commands import Command, CommandSpec, Refusal
from supervision.clock import Clock, SystemClock
from supervision.entry import Entry, place
from supervision.messages import Append, Appended, Begin, Begun, Committed, Reused, Stage, Watermark
from supervision.tail import Tail
from topology.ports import Outgoing, Props
from topology.wire import Door

SEGMENTS = 4
DEADLINE_S = 20.0


class Purchase(msgspec.Struct):
    event_type: str
    user_id: str
    points: int


def _decode(raw: bytes, _fields: Any) -> Command | Refusal:
    try:
        purchase = msgspec.json.decode(raw, type=Purchase)
    except msgspec.ValidationError as error:
        return Refusal("wrong_type", "points", str(error))
    if purchase.points <= 0:
        return Refusal("out_of_range", "points", "points must be 1 to 1000000000")
    return Command("points.change", f"user:{purchase.user_id}")


COMMANDS = {
    "points_change": CommandSpec("points_change", "points.change", "marketing.points.events", ("points.#",), _decode)
}


def door() -> Door:
    return Door(COMMANDS, SEGMENTS)


def message(user: str = "7", points: int = 100, **more: Any) -> bytes:
    return msgspec.json.encode({"event_type": "points_change", "user_id": user, "points": points} | more)


class Mailbox:
    """An address whose mail the test hands out."""

    def __init__(self) -> None:
        self.mail: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def tell(self, message: Any, /) -> None:
        self.mail.put(message)

    def all(self) -> list[Any]:
        taken: list[Any] = []
        while not self.mail.empty():
            taken.append(self.mail.get())
        return taken


class Later:
    """What `send_after` was asked for."""

    def __init__(self, due_s: float, to: Any, message: Any) -> None:
        self.due_s, self.to, self.message = due_s, to, message

    def cancel(self) -> None:
        self.to = None


class World:
    """A Runtime whose alarms the test's own loop sends."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.alarms: list[Later] = []

    def send_after(self, seconds: float, to: Any, message: Any) -> Later:
        later = Later(self.clock.monotonic_s() + seconds, to, message)
        self.alarms.append(later)
        return later

    def send_due(self) -> None:
        now = self.clock.monotonic_s()
        due = [alarm for alarm in self.alarms if alarm.due_s <= now]
        self.alarms = [alarm for alarm in self.alarms if alarm.due_s > now]
        for alarm in sorted(due, key=lambda a: a.due_s):
            if alarm.to is not None:
                alarm.to.tell(alarm.message)

    def run(
        self, parts: Sequence[tuple[Mailbox, Any]], until: Callable[[], bool], deadline_s: float = DEADLINE_S
    ) -> None:
        """Hand out mail until the condition holds; fails when it does not in time."""
        end = self.clock.monotonic_s() + deadline_s
        while not until():
            assert self.clock.monotonic_s() < end, "the condition did not come true in time"
            self.send_due()
            for mailbox, behaviour in parts:
                try:
                    behaviour.receive(mailbox.mail.get(timeout=0.005))
                except queue.Empty:
                    continue


class Memory:
    """A journal and its store: appends at once, knows ids, keeps checkpoints, publishes to the tails."""

    def __init__(self, at: int = 1_790_000_000_000) -> None:
        self.at = at
        self.log: dict[int, list[Entry]] = {segment: [] for segment in range(SEGMENTS)}
        self.tails = {segment: Tail(segment, 0) for segment in range(SEGMENTS)}
        self.seq = dict.fromkeys(range(SEGMENTS), 0)
        self.ids: dict[int, tuple[int, int]] = {}
        self.checkpoints: dict[int, int] = {}
        self.watermarks: list[int] = []
        self.held: list[Append] | None = None
        """A list: appends wait here until the test passes them to `append`."""

    def tell(self, message: Any, /) -> None:
        match message:
            case Append():
                if self.held is not None:
                    self.held.append(message)
                else:
                    self.append(message)
            case Begin():
                message.done(Begun(message.incarnation, self.checkpoints.get(message.segment, 0)))
            case Stage():
                assert self.checkpoints.get(message.segment, 0) == message.prev
                self.checkpoints[message.segment] = message.upto
                assert message.done is not None
                message.done(Committed(message.incarnation, message.upto))
            case Watermark(at=at):
                self.watermarks.append(at)
            case _:
                raise AssertionError(message)

    def append(self, append: Append) -> None:
        append.done([self._one(item) for item in append.items])

    def _one(self, item: Any) -> Appended | Reused:
        if item.id_hash in self.ids:
            command, offset = self.ids[item.id_hash]
            if command != item.command_hash:
                return Reused(item.segment, offset)
            return Appended(item.segment, 1, offset, duplicate=True)
        entry = self.put(item.segment, item.draft)
        if item.id_hash is not None:
            self.ids[item.id_hash] = (item.command_hash, entry.offset)
        return Appended(item.segment, 1, entry.offset)

    def put(self, segment: int, draft: Any) -> Entry:
        """Append one entry and make it visible."""
        log = self.log[segment]
        if draft.route:
            self.seq[segment] += 1
        entry = place(draft, segment, 1, len(log) + 1, self.at, self.seq[segment] if draft.route else 0)
        log.append(entry)
        self.tails[segment].publish([entry])
        return entry

    def read_log(self, segment: int, after: int, upto: int, entries_max: int) -> Sequence[Entry]:
        return self.log[segment][after : min(upto, after + entries_max)]

    def close(self) -> None:
        """Nothing is open."""

    @property
    def entries(self) -> list[Entry]:
        return [entry for segment in sorted(self.log) for entry in self.log[segment]]


def outgoing(exchange: str, key: str, body: bytes, **props: Any) -> Outgoing:
    return Outgoing(exchange, key, body, Props(**props))
