"""The bridge's state machine: deliveries in, items for the log, acks and dead letters out. No I/O, no clock, no thread.

Tags count from 1 within a connection. A tag is *settled* when its message is durable in the log, or when its copy is
confirmed in the dead-letter queue; what is acked is the longest run of settled tags from the lowest. So an ack never
covers a message that a crash could lose, and a slow dead letter holds back acks but nobody's reaction.

A lost connection forgets every tag: the broker delivers again, and the log knows what it already has. Answers that
come late carry the generation they belong to and are ignored. When the engine does not take input, deliveries wait
here; nothing is acked, and the broker stops at the prefetch limit by itself.

The watermark is the time of a look at the ingress queue that found it empty, when the next look found it empty too and
everything delivered until then is settled. Two looks, because a delivery may still be on its way past the answer to
the first one; one consumer, because with a second the queue may be empty into somebody else's hands.

The count of consumers does not tell all: of a queue with a single active consumer RabbitMQ 3.10 counts only that one,
and a successor sees "0 ready, 1 consumer" while the broker still believes in a predecessor who is dead and holds
messages. So what a connection sees counts once it was given something, or the broker must have noticed: after a while
of real time, for a wall clock that leaps makes no broker notice anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from supervision.messages import AppendResult, Item, Reused
from topology import delay_door
from topology.dead import DeadLetter, dead_letter
from topology.ports import Delivery
from topology.table import DELAY
from topology.wire import BadMessage, ByContent, Door, says_event_id

APPEND_ITEMS_MAX = 500
"""Per hand-over: what shares a transaction, and what waits for it."""
APPEND_BYTES_MAX = 1024 * 1024
STANDBY_S = 90.0
"""Three heartbeats of ours: a broker takes two to give up a consumer who is gone. Who was given a message is active."""
DEFAULT_EXCHANGE_SOURCE = "amq.default"
"""The source of a message published straight to the ingress queue by a sender who gives no app_id."""


class HandOver(msgspec.Struct, frozen=True):
    """Append these; item i is of tag i."""

    generation: int
    tags: Sequence[int]
    items: Sequence[Item]
    nbytes: int


class Bury(msgspec.Struct, frozen=True):
    """Publish these to the dead-letter queue; they are settled when the broker has confirmed them."""

    generation: int
    letters: Sequence[DeadLetter]
    codes: Sequence[str]


class Intake:
    """All that one bridge remembers. Each connection begins with `connected`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.generation = 0
        self.connected(0)

    def connected(self, generation: int) -> None:
        """A new connection is being made: whatever the old one delivered will come again."""
        self.generation = generation
        self.acked = 0
        """Every tag up to this one is acked."""
        self.received = 0
        """The highest tag delivered."""
        self._settled: set[int] = set()
        self._buffer: deque[Delivery] = deque()
        self._held: dict[int, Delivery] = {}
        self._probe_at: int | None = None
        self._empty_at: int | None = None
        self._first_look_s: float | None = None
        self._stood_s = 0.0
        """From the first look to the last one."""
        self._candidate: tuple[int, int] | None = None

    @property
    def waiting(self) -> int:
        """Delivered and not settled in a row."""
        return self.received - self.acked

    @property
    def buffered(self) -> int:
        """Delivered and not handed over, because the engine does not take input."""
        return len(self._buffer)

    def delivered(self, generation: int, batch: Sequence[Delivery]) -> None:
        """Take note of what arrived; `hand_over` passes it on."""
        if generation != self.generation:
            return
        assert batch[0].tag == self.received + 1, (batch[0].tag, self.received)
        self.received = batch[-1].tag
        self._buffer.extend(batch)

    def hand_over(self) -> list[HandOver | Bury]:
        """Decode what waits: good ones in groups for the log, bad ones to be buried."""
        out: list[HandOver | Bury] = []
        while self._buffer:
            tags: list[int] = []
            items: list[Item] = []
            bad: list[tuple[Delivery, BadMessage]] = []
            nbytes = 0
            while self._buffer and len(tags) < APPEND_ITEMS_MAX and nbytes < APPEND_BYTES_MAX:
                delivery = self._buffer.popleft()
                item = self._decode(delivery)
                if isinstance(item, BadMessage):
                    bad.append((delivery, item))
                    continue
                self._held[delivery.tag] = delivery
                tags.append(delivery.tag)
                items.append(item)
                nbytes += len(item.encoded)
            if tags:
                out.append(HandOver(self.generation, tags, items, nbytes))
            if bad:
                out.append(self._bury(bad))
        return out

    def _decode(self, delivery: Delivery) -> Item | BadMessage:
        props = delivery.props
        source = props.app_id or delivery.exchange or DEFAULT_EXCHANGE_SOURCE
        message_id = props.message_id
        # pika leaves a short string that is no UTF-8 as the bytes it was.
        if type(source) is not str or (message_id is not None and type(message_id) is not str):
            return BadMessage("not_utf8", "message_id", "message_id, app_id and exchange must be UTF-8")
        if delivery.exchange == DELAY:
            return delay_door.read(delivery, source, self._door.segments)
        return self._door.decode(delivery.body, source, message_id, ByContent(delivery.exchange, delivery.key))

    def _bury(self, bad: Sequence[tuple[Delivery, BadMessage]]) -> Bury:
        letters = [dead_letter(delivery, reason) for delivery, reason in bad]
        return Bury(self.generation, letters, [reason.code for _, reason in bad])

    def appended(self, generation: int, tags: Sequence[int], results: Sequence[AppendResult] | None) -> Bury | None:
        """The journal's answer. None for results means the store has another owner: then nothing is acked, ever."""
        if generation != self.generation or results is None:
            return None
        bad: list[tuple[Delivery, BadMessage]] = []
        for tag, result in zip(tags, results, strict=True):
            delivery = self._held.pop(tag)
            if isinstance(result, Reused):
                bad.append((delivery, _reused(delivery, result)))
            else:
                self._settled.add(tag)
        return self._bury(bad) if bad else None

    def buried(self, generation: int, tags: Sequence[int]) -> None:
        """The broker confirmed these dead letters."""
        if generation == self.generation:
            self._settled.update(tags)

    def ack(self) -> int | None:
        """The tag to ack up to, when that has moved."""
        upto, settled = self.acked, self._settled
        while upto + 1 in settled:
            upto += 1
            settled.discard(upto)
        if upto == self.acked:
            return None
        self.acked = upto
        return upto

    def probe(self, now_ms: int, now_s: float) -> bool:
        """Whether to look at the queue now: not while an answer is outstanding. `now_s` is monotonic."""
        if self._probe_at is not None:
            return False
        self._probe_at = now_ms
        if self._first_look_s is None:
            self._first_look_s = now_s
        self._stood_s = now_s - self._first_look_s
        return True

    def _active(self) -> bool:
        """Whether what is not here is nowhere else: this connection is the queue's active consumer."""
        return self.received > 0 or self._stood_s >= STANDBY_S

    def probed(self, generation: int, ready: int, consumers: int) -> None:
        """The answer to the last look."""
        if generation != self.generation or self._probe_at is None:
            return
        looked_at, self._probe_at = self._probe_at, None
        if ready or consumers != 1:
            self._empty_at = None
            return
        if self._empty_at is not None and self._candidate is None and self._active():
            self._candidate = (self._empty_at, self.received)
        self._empty_at = looked_at

    def watermark(self) -> int | None:
        """The input watermark (ms), when a new one has been reached."""
        if self._candidate is None or self.acked < self._candidate[1]:
            return None
        at, self._candidate = self._candidate[0], None
        return at

    def check(self) -> None:
        """Raise AssertionError when an unsettled tag could be acked, or a tag is in two places."""
        assert 0 <= self.acked <= self.received
        if not (self._settled or self._held or self._buffer):
            return
        buffered = [delivery.tag for delivery in self._buffer]
        places = self._settled.union(self._held, buffered)
        assert len(places) == len(self._settled) + len(self._held) + len(buffered), "a tag is in two places"
        assert self.acked < min(places) <= max(places) <= self.received, "a tag outlives its ack"


def _reused(delivery: Delivery, result: Reused) -> BadMessage:
    """The field is the one that the sender named the message by."""
    field = "message_id" if delivery.props.message_id else "event_id" if says_event_id(delivery.body) else ""
    detail = f"this id is known with another command, at offset {result.offset} of segment {result.segment}"
    return BadMessage("id_reused", field, detail)
