"""The relay's state machine: outward entries of every segment into one window of unconfirmed messages. No I/O, no
clock.

Within a segment messages are published in the order of the log, and its checkpoint moves along the confirmed prefix,
never over a gap. Confirms may come in any order. When the broker says no to one, its segment stops; once nothing of it
is under way any more, everything from the oldest unconfirmed on is published again, in order. A lost connection is
that for all segments. A receiver may thus hear a message twice, with the same id and bytes, but never misses one
(docs/semantics.md).

A returned message found no queue, not even the one for the unrouted. Its confirm follows all the same and would count
it as delivered, so from the return on nothing of that connection counts; the relay starts anew and says why.

Dead letters travel the same way before everything else: somebody's acks wait for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from operator import lt
from typing import Protocol

import msgspec

from supervision.entry import Entry
from supervision.runtime import Address
from supervision.store import Refused
from topology.dead import BuryDead, DeadLetter
from topology.delayed import delayed
from topology.ports import Confirm, Outgoing, Props
from topology.table import EFFECTS

WINDOW_MAX = 1_024
"""Messages published and not yet confirmed."""
WINDOW_BYTES_MAX = 16 * 1024 * 1024
"""Of their bodies. With more under way nothing is pulled: effects are small, but messages of others are not."""
ROOM_MIN = 64
"""Less room than this is not worth a pull; the next confirms make more."""
PULL_ENTRIES = 256
PULLS_PER_TURN = 64
"""A long stretch of inward entries is walked in turns, so that confirms are heard in between."""
STORE_RETRY_S = 0.1
"""After the store refused a read."""
APP_ID = "ganglion"
SKIPPED = "engine.outward_skipped"
"""Kind of the entry that says what was given up."""
CONTENT_TYPE = "application/json"


class Source(Protocol):
    """What a lane needs of supervision's LogReader."""

    segment: int
    cursor: int

    @property
    def running(self) -> bool: ...
    @property
    def behind(self) -> int: ...
    def pull(self, n: int) -> list[Entry]: ...
    def rewind(self) -> None: ...
    def finished(self, upto: int) -> None: ...


class Skipped(msgspec.Struct, frozen=True):
    """What waited too long in `segment`, from place `first` to `last`: `count` effects, and `delayed` others."""

    segment: int
    first: str
    last: str
    count: int
    delayed: int = 0


class _Sent:
    """A published entry. `confirmed` in any order, forgotten in order."""

    __slots__ = ("confirmed", "lane", "nbytes", "offset")

    def __init__(self, lane: Lane, offset: int, nbytes: int) -> None:
        self.lane = lane
        self.offset = offset
        self.nbytes = nbytes
        self.confirmed = False


class Lane:
    """One segment: what is published and not yet forgotten, in the order of the log."""

    __slots__ = ("nacked", "source", "under_way", "unforgotten")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.unforgotten: deque[_Sent] = deque()
        self.under_way = 0
        self.nacked = False

    def restart(self) -> None:
        """Publish again everything that is not confirmed in a row."""
        self.unforgotten.clear()
        self.under_way = 0
        self.nacked = False
        if self.source.running:
            self.source.rewind()

    def advance(self) -> None:
        """Report the confirmed prefix."""
        last = 0
        while self.unforgotten and self.unforgotten[0].confirmed:
            last = self.unforgotten.popleft().offset
        if last:
            self.source.finished(last if self.unforgotten else self.source.cursor)


class Letter:
    """A dead letter on its way, and whom to tell."""

    __slots__ = ("generation", "letter", "to")

    def __init__(self, letter: DeadLetter, generation: int, to: Address) -> None:
        self.letter = letter
        self.generation = generation
        self.to = to


class Outflow:
    """All that one relay remembers. `open` and `close` follow the connection."""

    def __init__(self, sources: Mapping[int, Source], window_max: int = WINDOW_MAX) -> None:
        self.lanes = {segment: Lane(source) for segment, source in sorted(sources.items())}
        self.flowing = False
        """Connected and not blocked."""
        self.draining = False
        """The process is about to stop: nothing new is published."""
        self._window_max = window_max
        self._room_min = max(1, min(ROOM_MIN, window_max // 4))
        self._under_way: dict[int, _Sent | Letter] = {}
        self._tag = 0
        self._lowest = 1
        self._letters: deque[Letter] = deque()
        self._letters_of = 0
        self._letters_held = False
        self._turn = 0
        self._bytes = 0
        """Of the bodies of entries under way."""

    @property
    def unconfirmed(self) -> int:
        return len(self._under_way)

    def open(self) -> None:
        """A new connection stands: tags count from 1."""
        assert not self._under_way, "close() comes first"
        self._tag, self._lowest = 0, 1
        self.flowing = True

    def close(self) -> None:
        """The connection is gone: what was under way is published again, dead letters first."""
        self.flowing = False
        letters = [sent for sent in self._under_way.values() if isinstance(sent, Letter)]
        self._letters.extendleft(sent for sent in reversed(letters) if sent.generation == self._letters_of)
        self._letters_held = False
        self._under_way.clear()
        self._bytes = 0
        for lane in self.lanes.values():
            lane.restart()

    def bury(self, message: BuryDead) -> None:
        """Take dead letters. A newer connection of the bridge will be given the older one's messages again."""
        if message.generation < self._letters_of:
            return
        if message.generation > self._letters_of:
            self._letters_of = message.generation
            self._letters.clear()
        self._letters.extend(Letter(letter, message.generation, message.to) for letter in message.letters)

    def pump(self) -> tuple[list[Outgoing], float | None]:
        """What to publish now, in order, and in how many seconds to look again: None when we will be woken."""
        out: list[Outgoing] = []
        if not self.flowing:
            return out, None
        while self._letters and not self._letters_held and len(self._under_way) < self._window_max:
            waiting = self._letters.popleft()
            out.append(waiting.letter.message)
            self._track(waiting)
        if self.draining or not self.lanes:
            return out, None
        try:
            pulls = self._pump_lanes(out)
        except Refused:
            return out, STORE_RETRY_S
        return out, 0.0 if pulls >= PULLS_PER_TURN else None

    def _pump_lanes(self, out: list[Outgoing]) -> int:
        """Each lane in turn, beginning with another one each time, so that none starves behind a full window."""
        lanes = list(self.lanes.values())
        self._turn = (self._turn + 1) % len(lanes)
        pulls = 0
        for lane in lanes[self._turn :] + lanes[: self._turn]:
            while not lane.nacked and lane.source.running and lane.source.behind > 0 and pulls < PULLS_PER_TURN:
                room = self._window_max - len(self._under_way)
                if room < self._room_min or self._bytes >= WINDOW_BYTES_MAX:
                    return pulls
                pulls += 1
                for entry in lane.source.pull(min(room, PULL_ENTRIES)):
                    out.append(effect(entry) if entry.seq else delayed(entry))
                    sent = _Sent(lane, entry.offset, len(entry.body))
                    self._bytes += sent.nbytes
                    lane.unforgotten.append(sent)
                    lane.under_way += 1
                    self._track(sent)
        return pulls

    def _track(self, sent: _Sent | Letter) -> None:
        self._tag += 1
        self._under_way[self._tag] = sent

    def confirmed(self, batch: Sequence[Confirm]) -> tuple[int, int, list[Letter]]:
        """The broker's word -> (how many it took, how many it refused, dead letters it took)."""
        acked = nacked = 0
        buried: list[Letter] = []
        touched: dict[Lane, None] = {}
        for confirm in batch:
            tags = range(self._lowest, confirm.tag + 1) if confirm.multiple else (confirm.tag,)
            if confirm.multiple:
                self._lowest = max(self._lowest, confirm.tag + 1)
            for tag in tags:
                sent = self._under_way.pop(tag, None)
                if sent is None:
                    continue
                acked, nacked = (acked + 1, nacked) if confirm.ack else (acked, nacked + 1)
                self._settle(sent, confirm.ack, buried, touched)
        for lane in touched:
            lane.advance()
            if lane.nacked and lane.under_way == 0:
                lane.source.rewind()
                lane.unforgotten.clear()
        return acked, nacked, buried

    def _settle(self, sent: _Sent | Letter, ack: bool, buried: list[Letter], touched: dict[Lane, None]) -> None:
        if isinstance(sent, Letter):
            (buried if ack else self._letters).append(sent)
            self._letters_held |= not ack
            return
        sent.confirmed = ack
        self._bytes -= sent.nbytes
        sent.lane.under_way -= 1
        sent.lane.nacked |= not ack
        touched[sent.lane] = None

    def forgive(self) -> None:
        """After a pause: segments and dead letters that were refused go on, once nothing of them is under way."""
        self._letters_held = False
        for lane in self.lanes.values():
            if lane.nacked and lane.under_way == 0:
                lane.nacked = False

    def quiet(self) -> None:
        """Let checkpoints move over entries that concern nobody outside."""
        for lane in self.lanes.values():
            if lane.source.running and not lane.unforgotten and not lane.nacked:
                lane.source.finished(lane.source.cursor)

    def skip(self, before_ms: int, say: Callable[[Skipped], None]) -> None:
        """While there is no connection: give up outward entries appended before `before_ms`. Bounded work per call.

        `say` is told of each stretch before the checkpoint moves over it: what a crash in between leaves is said twice
        or published after all, never silently lost.
        """
        assert not self._under_way, "skipping is for when nothing is under way"
        for lane in self.lanes.values():
            if lane.source.running and lane.source.behind > 0:
                _skip(lane.source, before_ms, say)

    def check(self) -> None:
        """Raise AssertionError when the window's books do not add up."""
        assert len(self._under_way) <= self._window_max
        under_way = [sent for sent in self._under_way.values() if isinstance(sent, _Sent)]
        assert self._bytes == sum(sent.nbytes for sent in under_way), "bytes under way are miscounted"
        lanes = [sent.lane for sent in under_way]
        for lane in self.lanes.values():
            assert lane.under_way == lanes.count(lane), (lane.source.segment, lane.under_way, lanes.count(lane))
            if len(lane.unforgotten) < 2:
                continue
            offsets = [sent.offset for sent in lane.unforgotten]
            assert all(map(lt, offsets, offsets[1:])), "published out of order"


_types: dict[str, str] = {}


def effect(entry: Entry) -> Outgoing:
    """The message that `entry` becomes: its bytes and its place, nothing of this process or moment."""
    event_type = _types.get(entry.kind)
    if event_type is None:
        event_type = "_".join(entry.kind.split(".")[:2])
        if len(_types) < 4_096:
            _types[entry.kind] = event_type
    props = Props(
        CONTENT_TYPE, None, {"segment": str(entry.segment), "seq": entry.seq}, 2, None, None, None,
        entry.place, entry.at // 1000, event_type, APP_ID,
    )  # fmt: skip
    return Outgoing(EFFECTS, entry.route, entry.body, props)


class _Earlier(msgspec.Struct, frozen=True):
    """What matters here of the body of an `engine.outward_skipped`."""

    first: str = msgspec.field(name="from")
    count: int
    delayed: int = 0


def _earlier(entry: Entry) -> _Earlier | None:
    """A notice that has waited too long itself: who says so must say what it said, or nobody ever hears of that."""
    return msgspec.json.decode(entry.body, type=_Earlier) if entry.kind == SKIPPED else None


def _skip(source: Source, before_ms: int, say: Callable[[Skipped], None]) -> None:
    """Walk over what is too old, then stand right behind it (and behind what is nobody's business outside)."""
    first = last = ""
    count = delayed_too = 0
    upto = 0
    for _ in range(PULLS_PER_TURN):
        if source.behind <= 0:
            break
        entries = source.pull(PULL_ENTRIES)
        old = [entry for entry in entries if entry.at < before_ms]
        for entry in old:
            earlier = _earlier(entry)
            first, last = first or (earlier.first if earlier else entry.place), entry.place
            count += bool(entry.seq) + (earlier.count if earlier else 0)
            delayed_too += (not entry.seq) + (earlier.delayed if earlier else 0)
        upto = source.cursor if len(old) == len(entries) else entries[len(old)].offset - 1
        if len(old) < len(entries):
            break
    if first:
        say(Skipped(source.segment, first, last, count, delayed_too))
    if upto:
        source.finished(upto)
    source.rewind()
