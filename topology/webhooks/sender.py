"""The sender of webhooks: one more reader of every segment's log, which takes what is asked for into rows of its own
and then calls, again and again where it must. A cell around queue.py and verdict.py, between the log and a Transport.

A call may wait for a day, and the log is not kept for it: the stage that moves the checkpoint over a request also
writes its row, and the stage that says how the call ended frees it. So a request becomes one row and a row becomes one
answer, whatever crashes. Between them lies the network, where nothing is once only: a crash after the endpoint said 200
and before that stage calls again, under the same id.

Nothing waits here. Each attempt is the transport's matter and comes back as a message; those of an incarnation that
crashed are nothing to the next, which makes them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec
import structlog

from actors.webhook.messages import REQUESTED
from supervision.counters import Counters
from supervision.entry import Entry
from supervision.logclock import LogClock
from supervision.messages import Wake
from supervision.reader import LogReader, ReaderBegun, ReaderStaged
from supervision.runtime import Address, Runtime
from supervision.store import Reader, Refused
from supervision.tail import Tail
from topology.webhooks.call import FORMAT, Call, answer, call_of, letter, pack
from topology.webhooks.endpoint import Endpoint
from topology.webhooks.ports import Answered, Outcome, Transport
from topology.webhooks.queue import Key, Queue
from topology.webhooks.rows import FREE, Rows
from topology.webhooks.verdict import Again, Delivered, Failed, expired, verdict

DOMAIN = "webhook"
KEPT = {DOMAIN: FORMAT}
"""What the sender keeps in the store -> its format (see `formats` of supervision/domain.py)."""
KINDS = frozenset({REQUESTED})
PULL_ENTRIES = 2_048
LOAD_ROWS = 512
LOOK_S = 1.0
"""Between looks for calls that are due again."""
RETRY_S = 0.2
"""After the store refused a read."""
GAUGE_LOOKS = 10
EXPIRED_MAX = 512
"""Calls of an endpoint that are given up in one go: after a day without it thousands may be due at once, and the stage
that says so holds up the journal.
"""
UNKNOWN = "-"
"""In the place of an endpoint's name that is not configured: there may be any number of those."""

log = structlog.get_logger("webhooks")


class Called(msgspec.Struct, frozen=True):
    """From a thread of the transport: what became of an attempt of incarnation `of`."""

    of: int
    key: Key
    outcome: Outcome


class Look(msgspec.Struct, frozen=True):
    """To itself. `of` tells the looks of an earlier incarnation."""

    of: int


class LoadAgain(msgspec.Struct, frozen=True):
    """To itself: the store refused to show the rows of a segment that has begun; try again."""

    begun: ReaderBegun


class StopCalling(msgspec.Struct, frozen=True):
    """The process is about to stop: begin no attempt. Those begun still count until `under_way` is 0."""


class SenderLost(Exception):
    """A stage was rejected or the segment is gone: this incarnation was retired."""


class Sender:
    """A Behaviour, one for all segments of the process. `incarnation` rises with each one made."""

    def __init__(
        self,
        me: Address,
        incarnation: int,
        endpoints: Mapping[str, Endpoint],
        transport: Transport,
        journal: Address,
        tails: Mapping[int, Tail],
        store: Reader,
        runtime: Runtime,
        counters: Counters,
        rng: Random,
    ) -> None:
        self._me = me
        self._incarnation = incarnation
        self._endpoints = endpoints
        self._transport = transport
        self._store = store
        self._runtime = runtime
        self._count = counters
        self._rng = rng
        self._readers = {
            segment: LogReader(segment, DOMAIN, KINDS, incarnation, journal, tail, store, me)
            for segment, tail in sorted(tails.items())
        }
        self._rows = {segment: Rows(segment) for segment in self._readers}
        self._queues = {name: Queue(endpoint.parallel) for name, endpoint in endpoints.items()}
        self._log_clock = LogClock(runtime.clock, 0)
        self._looks = 0
        self._stopping = False
        self._attempts = 0

    def started(self) -> None:
        for reader in self._readers.values():
            reader.begin()
        self._look_later()

    def stopping(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of tails and store; also called by the factory for an incarnation that crashed."""
        for reader in self._readers.values():
            reader.close()
        self._store.close()

    @property
    def under_way(self) -> int:
        """Attempts, and stages that say how earlier ones ended: else a call that was delivered right before a stop
        would be made again after it. Any thread may ask.
        """
        return self._attempts + sum(reader.staging for reader in self._readers.values())

    def receive(self, message: Any) -> Any:
        match message:
            case Called(of=of):
                if of == self._incarnation:
                    self._called(message.key, message.outcome)
            case Wake():
                for reader in self._readers.values():
                    reader.subscription.clear()
                    self._pull(reader)
                self._call_all()
            case ReaderBegun():
                self._begun(message)
            case ReaderStaged(segment=segment, result=result):
                self._staged(self._readers[segment], result)
            case LoadAgain(begun=begun):
                self._begun(begun)
            case Look(of=of):
                if of == self._incarnation:
                    self._look()
            case StopCalling():
                self._stopping = True
            case _:
                raise TypeError(f"the sender does not know {type(message).__name__}")

    def _begun(self, message: ReaderBegun) -> None:
        """The rows of before, and only then what has been asked for since."""
        begun, segment = message.begun, message.segment
        if begun is None:
            raise SenderLost(f"segment {segment} has another owner")
        if begun.incarnation != self._incarnation:
            return
        try:
            found = self._stored(segment)
        except Refused as refused:
            log.warning("the store refused a read", reason=str(refused))
            self._runtime.send_after(RETRY_S, self._me, LoadAgain(message))
            return
        self._readers[segment].begun(begun)
        self._take_up(segment, found)

    def _take_up(self, segment: int, found: Mapping[str, bytes]) -> None:
        rows, reader = self._rows[segment], self._readers[segment]
        rows.fill(found)
        for number, call in list(rows.calls.items()):
            queue = self._queues.get(call.asked.endpoint)
            if queue is not None:
                queue.add((segment, number), call.due)
            else:
                self._end((segment, number), Failed("unknown_endpoint", "it is no longer configured"))
        reader.finished(reader.cursor)
        self._pull(reader)
        self._call_all()

    def _stored(self, segment: int) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        after = ""
        while subjects := self._store.subjects_after(segment, DOMAIN, after, LOAD_ROWS):
            loaded = self._store.load(segment, DOMAIN, subjects, (), ())
            if loaded.damaged:
                raise SenderLost(f"rows are damaged: {loaded.damaged}")
            found.update(loaded.states)
            after = subjects[-1]
        return found

    def _staged(self, reader: LogReader, result: Any) -> None:
        if result.incarnation != self._incarnation:
            return
        if not reader.staged(result):
            raise SenderLost(f"segment {reader.segment}: a stage was rejected")
        self._pull(reader)
        self._call_all()

    def _pull(self, reader: LogReader) -> None:
        """Take what is asked for, a bounded number at a time: the next come when the stage of these has landed."""
        while reader.running and reader.behind > 0 and not reader.staging:
            try:
                entries = reader.pull(PULL_ENTRIES)
            except Refused as refused:
                log.warning("the store refused a read", reason=str(refused))
                self._runtime.send_after(RETRY_S, self._me, Wake())
                return
            for entry in entries:
                self._take(reader, entry)
            reader.finished(reader.cursor)

    def _now(self) -> int:
        """The wall's time, but that a leap ahead is held as the log holds it: believed at once, one that is taken back
        would have ended every call that waits.
        """
        return min(self._runtime.clock.now_ms(), self._log_clock.now_ms())

    def _take(self, reader: LogReader, entry: Entry) -> None:
        call = call_of(entry, self._now())
        name = call.asked.endpoint
        queue = self._queues.get(name)
        number = self._rows[reader.segment].take(call)
        key = (reader.segment, number)
        if queue is None:
            self._end(key, Failed("unknown_endpoint", "no endpoint of this name is configured"))
        elif len(queue) >= self._endpoints[name].pending_max:
            self._end(key, Failed("too_many_pending", f"{len(queue)} calls wait for this endpoint"))
        else:
            reader.keep(self._rows[reader.segment].subject(number), pack(call))
            queue.add(key, call.due)

    def _call_all(self) -> None:
        for name in self._queues:
            self._call(name)

    def _call(self, name: str) -> None:
        """Begin the attempts whose turn it is."""
        now = self._now()
        late = 0
        for key in () if self._stopping else self._queues[name].due(now):
            call = self._call_at(key)
            if not expired(call.entry.at, now):
                self._attempts += 1
                self._post(key, call, name, now)
                continue
            self._give_up(key, name)
            late += 1
            if late == EXPIRED_MAX:
                return  # the next when the stage of these has landed

    def _give_up(self, key: Key, name: str) -> None:
        self._queues[name].ended(key)
        self._end(key, Failed("undelivered", "its turn did not come in time"))
        reader = self._readers[key[0]]
        reader.finished(reader.cursor)

    def _post(self, key: Key, call: Call, name: str, now: int) -> None:
        me, of = self._me, self._incarnation
        posted = letter(call, self._endpoints[name], now)
        self._transport.post(posted, lambda outcome: me.tell(Called(of, key, outcome)))

    def _called(self, key: Key, outcome: Outcome) -> None:
        """An attempt has ended, and perhaps the call."""
        now = self._now()
        before = self._call_at(key)
        call = msgspec.structs.replace(before, attempts=before.attempts + 1)
        rows, reader = self._rows[key[0]], self._readers[key[0]]
        rows.calls[key[1]] = call
        name = call.asked.endpoint
        queue = self._queues[name]
        queue.ended(key)
        self._count.count("webhook_attempts", endpoint=name, outcome=_label(outcome))
        match verdict(outcome, call.attempts, call.entry.at, now, self._rng.random()):
            case Again(due=due, pause_until=until):
                rows.calls[key[1]] = msgspec.structs.replace(call, due=due)
                reader.keep(rows.subject(key[1]), pack(rows.calls[key[1]]))
                queue.add(key, due)
                queue.pause(until)
            case ended:
                self._end(key, ended)
        reader.finished(reader.cursor)
        self._attempts -= 1
        self._call(name)

    def _call_at(self, key: Key) -> Call:
        return self._rows[key[0]].calls[key[1]]

    def _end(self, key: Key, ended: Delivered | Failed) -> None:
        """Say how it ended and free its row: both with the reader's next stage."""
        segment, number = key
        call, rows, reader = self._call_at(key), self._rows[segment], self._readers[segment]
        name = call.asked.endpoint
        result = ended.code if isinstance(ended, Failed) else "delivered"
        self._count.count("webhooks_ended", endpoint=name if name in self._endpoints else UNKNOWN, result=result)
        if isinstance(ended, Failed):
            log.warning("webhook_failed", endpoint=name, message_id=call.message_id, code=ended.code)
        reader.emit(answer(call, ended, self._now()))
        reader.keep(rows.subject(number), FREE)
        rows.end(number)

    def _look(self) -> None:
        self._looks += 1
        self._call_all()
        if self._looks % GAUGE_LOOKS == 1:
            self._gauge()
        self._look_later()

    def _look_later(self) -> None:
        self._runtime.send_after(LOOK_S, self._me, Look(self._incarnation))

    def _gauge(self) -> None:
        """How many wait, and how long the oldest has."""
        now = self._now()
        oldest = dict.fromkeys(self._queues, now)
        for rows in self._rows.values():
            for call in rows.calls.values():
                name = call.asked.endpoint
                oldest[name] = min(oldest[name], call.entry.at)
        for name, queue in self._queues.items():
            self._count.gauge("webhooks_pending", len(queue), endpoint=name)
            self._count.gauge("webhook_oldest_s", (now - oldest[name]) / 1_000, endpoint=name)

    def check(self) -> None:
        """Raise AssertionError when calls and queues are not the same ones."""
        for rows in self._rows.values():
            rows.check()
        for queue in self._queues.values():
            queue.check()
        assert sum(map(len, self._queues.values())) == sum(len(rows.calls) for rows in self._rows.values())


def _label(outcome: Outcome) -> str:
    """For a metric: one of few."""
    return f"{outcome.status // 100}xx" if isinstance(outcome, Answered) else outcome.why
