"""The relay: tells the broker what the engine says. A cell around `outflow.py`, between the log's readers and a
PublishPort.

It is one more reader of every segment's log: it publishes outward entries, waits for the broker's confirms and moves
its checkpoint along them. Its own progress clocks it: one stage under way per segment, taken up again when it has
landed. The bridge's dead letters go through the same connection, since consuming and publishing must not share one: a
broker with an alarm stops reading from who publishes, acks included.

While there is no broker it waits; what has waited for `outward_retention` is given up, so that the log can be trimmed,
and an `engine.outward_skipped` entry says from where to where. What is there when the broker comes back is published,
however old. How long something has waited is asked of a clock that holds a leap as the log's does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

import msgspec
import structlog

from actors.delay.messages import DUE
from supervision.counters import Counters
from supervision.entry import Draft, Origin, encode_draft
from supervision.envelope import rfc3339
from supervision.logclock import LogClock
from supervision.messages import Append, AppendResult, Item, Wake
from supervision.reader import LogReader, ReaderBegun, ReaderStaged
from supervision.runtime import Address, Runtime
from supervision.store import Reader, Refused
from supervision.tail import OUTWARD, Tail
from topology.dead import Buried, BuryDead
from topology.link import Link
from topology.outflow import SKIPPED, WINDOW_MAX, Letter, Outflow, Skipped
from topology.ports import Blocked, Confirms, Lost, Opened, PublishPort, Returned, Unblocked
from topology.reconnect import Reconnect
from topology.wire import hash64, id_hash

DOMAIN = "relay"
KINDS = OUTWARD | {DUE}
OUTWARD_RETENTION_MS = 7 * 24 * 3600 * 1000
TICK_S = 1.0
SKIP_TICKS = 60
"""Between looks for what has waited too long."""
STANDING_TICKS = 15
"""A connection that stood this long was a good one."""

log = structlog.get_logger("relay")


class Tick(msgspec.Struct, frozen=True):
    """To itself. `of` tells the ticks of an earlier incarnation."""

    of: int


class GoOn(msgspec.Struct, frozen=True):
    """To itself: there is more to look at."""


class ConnectAgain(msgspec.Struct, frozen=True):
    """To itself: the wait after losing `generation` is over."""

    generation: int


class StopPublishing(msgspec.Struct, frozen=True):
    """The process is about to stop: publish nothing new. Confirms still count until `link.waiting` is 0."""


class RelayLost(Exception):
    """A progress stage was rejected or the segment is gone: this incarnation was retired."""


class Relay:
    """A Behaviour, one for all segments of the process. `incarnation` rises with each one made."""

    def __init__(
        self,
        me: Address,
        incarnation: int,
        port: PublishPort,
        journal: Address,
        tails: Mapping[int, Tail],
        store: Reader,
        link: Link,
        runtime: Runtime,
        counters: Counters,
        rng: Random,
        outward_retention_ms: int = OUTWARD_RETENTION_MS,
        window_max: int = WINDOW_MAX,
    ) -> None:
        self._me = me
        self._incarnation = incarnation
        self._port = port
        self._journal = journal
        self._store = store
        self._link = link
        self._runtime = runtime
        self._count = counters
        self._reconnect = Reconnect(rng)
        self._retention_ms = outward_retention_ms
        self._readers = {
            segment: LogReader(segment, DOMAIN, KINDS, incarnation, journal, tail, store, me)
            for segment, tail in sorted(tails.items())
        }
        self._outflow = Outflow(self._readers, window_max)
        self._generation = 0
        self._returned = False
        self._log_clock = LogClock(runtime.clock, 0)
        self._ticks = 0
        self._stood = 0

    def started(self) -> None:
        for reader in self._readers.values():
            reader.begin()
        self._generation = self._port.connect(self._me)
        self._tick_later()

    def stopping(self) -> None:
        self._port.drop(self._generation)
        self._link.closed("stopped")
        self.close()

    def close(self) -> None:
        """Let go of tails and store; also called by the factory for an incarnation that crashed."""
        for reader in self._readers.values():
            reader.close()
        self._store.close()

    def receive(self, message: Any) -> Any:
        match message:
            case Confirms(generation=generation):
                if generation == self._generation and not self._returned:
                    self._confirmed(message)
            case Wake():
                for reader in self._readers.values():
                    reader.subscription.clear()
                self._pump()
            case GoOn():
                self._pump()
            case ReaderBegun() | ReaderStaged():
                self._reader_says(message)
            case BuryDead():
                self._outflow.bury(message)
                self._pump()
            case Tick(of=of):
                if of == self._incarnation:
                    self._tick()
            case StopPublishing():
                self._outflow.draining = True
            case Opened() | Lost() | Returned() | Blocked() | Unblocked() | ConnectAgain():
                if message.generation == self._generation:
                    self._connection(message)
            case _:
                raise TypeError(f"the relay does not know {type(message).__name__}")

    def _reader_says(self, message: ReaderBegun | ReaderStaged) -> None:
        reader = self._readers[message.segment]
        if isinstance(message, ReaderStaged):
            if message.result.incarnation == self._incarnation and not reader.staged(message.result):
                raise RelayLost(f"segment {message.segment}: progress was rejected")
        elif message.begun is None:
            raise RelayLost(f"segment {message.segment} has another owner")
        elif message.begun.incarnation == self._incarnation:
            reader.begun(message.begun)
            self._pump()

    def _connection(self, message: Opened | Lost | Returned | Blocked | Unblocked | ConnectAgain) -> None:
        match message:
            case Opened():
                self._opened()
            case Lost(reason=reason):
                self._lost(reason)
            case Returned():
                self._return(message)
            case Blocked(reason=reason):
                self._outflow.flowing = False
                self._link.closed(f"the broker has an alarm: {reason}")
                log.warning("blocked by the broker", reason=reason)
            case Unblocked():
                self._outflow.flowing = True
                self._link.opened()
                self._pump()
            case ConnectAgain():
                self._generation = self._port.connect(self._me)

    def _opened(self) -> None:
        self._outflow.open()
        self._stood = 0
        if not self._returned:
            self._link.opened()
        self._returned = False
        self._count.count("broker_connects", side="publish")
        self._count.gauge("broker_connected", 1, side="publish")
        log.info("publishing", generation=self._generation)
        self._pump()

    def _return(self, returned: Returned) -> None:
        """Not even the queue for the unrouted took it: what comes after counts for nothing."""
        if self._returned:
            return
        self._returned = True
        self._count.count("relay_returned")
        self._port.drop(self._generation)
        self._lost(
            f"{returned.exchange} returned {returned.key}: {returned.reason}; is its alternate exchange's queue there?"
        )

    def _lost(self, reason: str) -> None:
        self._outflow.close()
        self._link.waiting = 0
        self._link.closed(reason)
        self._count.gauge("broker_connected", 0, side="publish")
        wait_s = self._reconnect.wait_s()
        log.warning("not publishing", reason=reason, again_in_s=round(wait_s, 3))
        self._runtime.send_after(wait_s, self._me, ConnectAgain(self._generation))

    def _confirmed(self, confirms: Confirms) -> None:
        acked, nacked, buried = self._outflow.confirmed(confirms.batch)
        if acked:
            self._reconnect.good()
            if not self._link.ready and self._outflow.flowing:
                self._link.opened()
            self._count.count("relay_confirmed", acked)
        if nacked:
            self._count.count("relay_nacked", nacked)
            log.warning("the broker refused messages", messages=nacked)
        self._tell_buried(buried)
        self._pump()

    def _tell_buried(self, buried: Iterable[Letter]) -> None:
        by_asker: dict[tuple[Address, int], list[int]] = {}
        for letter in buried:
            by_asker.setdefault((letter.to, letter.generation), []).append(letter.letter.tag)
        for (to, generation), tags in by_asker.items():
            to.tell(Buried(generation, tags))

    def _pump(self) -> None:
        out, again_s = self._outflow.pump()
        if out:
            self._port.publish(self._generation, out)
            self._count.count("relay_published", len(out))
        self._link.waiting = self._outflow.unconfirmed
        if again_s == 0.0:
            self._me.tell(GoOn())
        elif again_s is not None:
            self._runtime.send_after(again_s, self._me, GoOn())

    def _tick(self) -> None:
        self._ticks += 1
        self._stood += 1
        clock = self._runtime.clock
        self._link.last_tick_s = clock.monotonic_s()
        self._count.gauge("unconfirmed", self._outflow.unconfirmed)
        if self._link.ready and self._stood == STANDING_TICKS:
            self._reconnect.good()
        self._outflow.forgive()
        self._pump()
        self._outflow.quiet()
        if not self._outflow.flowing and not self._outflow.unconfirmed and self._ticks % SKIP_TICKS == 0:
            self._skip(self._log_clock.now_ms())
        self._tick_later()

    def _tick_later(self) -> None:
        self._runtime.send_after(TICK_S, self._me, Tick(self._incarnation))

    def _skip(self, now: int) -> None:
        try:
            self._outflow.skip(now - self._retention_ms, lambda skipped: self._give_up(skipped, now))
        except Refused as refused:
            log.warning("the store refused a read", reason=str(refused))
            self._outflow.close()  # rewinds what was half looked at

    def _give_up(self, skipped: Skipped, now: int) -> None:
        self._count.count("outward_skipped", skipped.count + skipped.delayed)
        log.error("outward entries given up", segment=skipped.segment, first=skipped.first, last=skipped.last)
        item = skipped_item(skipped, now)
        self._journal.tell(Append((item,), _heard, len(item.encoded)))

    def check(self) -> None:
        self._outflow.check()


class OutwardSkipped(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of `engine.outward_skipped`: `count` effects of `segment` between two places were never published.
    `delayed`: nor were so many messages of others (delayed.py), which have no `seq`; where there were any.
    """

    event_type: str
    schema_version: int
    segment: int
    from_: str = msgspec.field(name="from")
    to: str
    count: int
    at: str
    occurred_at: str
    cause: str
    delayed: int = 0


def skipped_item(skipped: Skipped, now: int) -> Item:
    """The entry that says what was given up; its id is what it says, so a crash in between says it once."""
    moment = rfc3339(now)
    body = msgspec.json.encode(
        OutwardSkipped(
            "engine_outward_skipped",
            1,
            skipped.segment,
            skipped.first,
            skipped.last,
            skipped.count,
            moment,
            moment,
            skipped.last,
            skipped.delayed,
        )
    )
    id = f"relay|skipped.{skipped.first}.{skipped.last}"
    subject = f"segment:{skipped.segment:02d}"
    draft = Draft(SKIPPED, subject, body, id, id, skipped.last, origin=Origin.DOMAIN, route=SKIPPED)
    return Item(skipped.segment, draft, encode_draft(draft), id_hash(id, subject), hash64(id.encode()))


def _heard(_results: Sequence[AppendResult] | None) -> None:
    """Nobody waits for this one."""
