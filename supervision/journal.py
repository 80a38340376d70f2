"""The journal: the only writer. Everything that becomes durable in this process passes through its turns (PROTOCOL).

A message is only put on the pile; the first one on an empty pile makes the journal tell itself to flush, and because
inboxes are FIFO, the flush stands behind all mail that is queued by then. So the size of a group follows the load by
itself: one message when it is quiet, a thousand when the disk is busy, and an fsync is shared by all who wait for it.

What the store answers decides what happens, and the four answers are never mixed:

- rejected: one stage lost its compare-and-set. That cell's incarnation ends; everybody else's work is carried into
  the next turn;
- refused: surely not committed. The same messages wait and are tried again; nobody crashes, nothing is counted
  against anybody;
- unknown: perhaps committed. The store is asked for its commit number, and that decides;
- fenced, or a failed fsync: the journal raises, the root dies, the process ends. Nothing is acked, nothing answered.

Due timers are computed anew in every turn and never carried: a refused group would otherwise fire them twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from supervision.bulk import BulkLane
from supervision.counters import Counters
from supervision.domain import Domain
from supervision.logclock import LogClock
from supervision.loud import count_loud
from supervision.messages import (
    Append,
    AwaitReply,
    Begin,
    Begun,
    Committed,
    ForgetReply,
    Rejected,
    Stage,
    TimerRow,
    Watermark,
)
from supervision.near_timers import NearTimers
from supervision.pressure import Pressure
from supervision.runtime import Address, Runtime
from supervision.store import Batch, Fenced, Recovery, Refused, StageRejected, Store, Unknown
from supervision.tail import RING_ENTRIES_MAX, Tail
from supervision.turn import Ledger, Message, Turn
from supervision.waiters import Waiters

log = structlog.get_logger("journal")


class Limits(msgspec.Struct, frozen=True):
    """The journal's limits, each with its unit in its name."""

    group_items_max: int = 2_000
    group_bytes_max: int = 8 * 1024 * 1024
    fires_per_turn_max: int = 500
    bulk_pace_ms: int = 60
    """Between two bulk timers amid ordinary traffic."""
    bulk_starve_ms: int = 1_000
    """The same when the journal does not keep up."""
    waiting_bytes_max: int = 32 * 1024 * 1024
    lag_entries_max: int = 200_000
    """Of a running domain that holds money, before the doors close."""
    behind_entries: int = 1_000
    """A reader this far behind is woken whatever its kinds, so that quiet checkpoints move."""
    tick_s: float = 0.5
    fire_s_min: float = 0.002
    behind_s: float = 5.0
    retry_s: float = 0.05
    retry_s_max: float = 2.0
    absence_hold_s_max: int = 900
    log_retention_s: int = 7 * 24 * 3600
    log_bytes_max: int = 64 * 1024 * 1024 * 1024
    trim_rows_max: int = 500
    forget_rows_max: int = 2_000
    """Records of one segment and domain that are forgotten at once: 8 ms of CPU, and a commit."""
    ring_entries_max: int = RING_ENTRIES_MAX
    """Newest entries of a segment that are kept in memory for its readers."""
    house_commits: int = 64
    """Housekeeping waits for idle turns, but not for more commits than this: a backlog may last for hours."""
    disk_free_min: int = 512 * 1024 * 1024


class Flush(msgspec.Struct, frozen=True):
    """To itself: commit what is on the pile."""


class Tick(msgspec.Struct, frozen=True):
    """To itself: look at timers, laggards, the disk, and do some housekeeping. `gen` makes a stale one nothing."""

    gen: int


class Retry(msgspec.Struct, frozen=True):
    """To itself: the store refused; try again."""

    gen: int


FLUSH = Flush()


class Journal:
    """A Behaviour. `tails` are published to; `money` are the domains whose lag closes the doors.

    `has_broker`: the input watermark comes from the bridge; without one it is always now. `free_bytes` tells what the
    disk has left. `forgetful` are the domains that keep their records for a while only.
    """

    def __init__(
        self,
        me: Address,
        store: Store,
        recovery: Recovery,
        tails: Mapping[int, Tail],
        runtime: Runtime,
        pressure: Pressure,
        counters: Counters,
        money: frozenset[str] = frozenset(),
        has_broker: bool = False,
        limits: Limits | None = None,
        free_bytes: Callable[[], int] | None = None,
        forgetful: Sequence[Domain[Any]] = (),
    ) -> None:
        self._me = me
        self._store = store
        self._tails = tails
        self._runtime = runtime
        self._pressure = pressure
        self._count = counters
        self._money = money
        self._has_broker = has_broker
        self._limits = limits or Limits()
        self._free_bytes = free_bytes
        self._forgetful = forgetful
        self.ledger = Ledger(
            recovery.epoch, recovery.commit_no, dict(recovery.heads),
            {(row.segment, row.domain): row.upto for row in recovery.checkpoints},
            dict(recovery.inbound), dict(recovery.outbound),
        )  # fmt: skip
        self._bases = dict(recovery.bases)
        self._clock = LogClock(runtime.clock, max((head.last_at for head in recovery.heads.values()), default=0))
        self.near = NearTimers(store.timers_due)
        self._bulk = BulkLane(self._limits.bulk_pace_ms, self._limits.bulk_starve_ms)
        self._woken: dict[int, int] = {}
        self._incarnations: dict[tuple[int, str], int] = {}
        self._parked_domains: set[tuple[int, str]] = set()
        self._parked_known = False
        self._pile: list[Message] = []
        self._pile_bytes = 0
        self.waiters = Waiters()
        self._flush_told = False
        self._refused_times = 0
        self._in_doubt: tuple[Turn, Batch, list[Message], str] | None = None
        self._watermark = 0
        """Nothing has been seen of the queue yet. Not the last entry's time: that one may have come over HTTP while
        older messages wait in the broker."""
        self._began_at = self._clock.now_ms()
        self._tick_gen = 0
        self._retry_gen = 0
        self._behind_at = 0.0
        self._trim_next = 0
        self._commits_since_house = 0
        self.last_tick_s = runtime.clock.monotonic_s()
        """When the loop last turned, monotonic seconds: liveness."""

    @property
    def parked_domains(self) -> frozenset[tuple[int, str]]:
        """(segment, domain) that stand still until they are resumed. Any thread may ask."""
        return frozenset(self._parked_domains)

    def started(self) -> None:
        self._look_for_parked()
        self._schedule_tick(0.0)

    def _look_for_parked(self) -> None:
        """Whose lag does not count. A store that does not answer now is asked again when lags are looked at."""
        reader = self._store.reader()
        try:
            self._parked_domains = {(row.segment, row.domain) for row in reader.parked(subject="*", limit=100_000)}
            self._parked_known = True
        except Refused as refused:
            log.warning("parked domains are not known yet", reason=str(refused))
        finally:
            reader.close()

    def stopping(self) -> None:
        """Commit what is on the pile: acks and answers wait for it."""
        self._tick_gen += 1
        for _ in range(100):
            if not self._pile and self._in_doubt is None:
                return
            if self._refused_times:
                return  # they were never acked, and will come again
            self._turn()

    def receive(self, message: Any) -> Any:
        match message:
            case Append() | Stage() | Begin():
                self._put(message)
            case Flush():
                self._flush_told = False
                self.last_tick_s = self._runtime.clock.monotonic_s()
                if not self._refused_times:
                    self._turn()
            case Tick(gen=gen):
                if gen == self._tick_gen:
                    self._tick()
            case Retry(gen=gen):
                if gen == self._retry_gen:
                    self._turn()
            case Watermark(at=at):
                self._watermark = max(self._watermark, at)
            case AwaitReply():
                self.waiters.add(message)
            case ForgetReply():
                self.waiters.forget(message)
            case _:
                raise TypeError(f"the journal does not know {type(message).__name__}")

    def _put(self, message: Message) -> None:
        self._pile.append(message)
        if not isinstance(message, Begin):
            self._pile_bytes += message.nbytes
        limits = self._limits
        if self._pile_bytes > limits.waiting_bytes_max:
            self._pressure.set("waiting", f"more than {limits.waiting_bytes_max} bytes wait for the store")
        if not self._flush_told:
            self._flush_told = True
            self._me.tell(FLUSH)

    def _take(self) -> list[Message]:
        """The next group: bounded by items and bytes, whole messages, in order; at least one."""
        items = nbytes = 0
        for i, message in enumerate(self._pile):
            if isinstance(message, Append):
                items, nbytes = items + len(message.items), nbytes + message.nbytes
            elif isinstance(message, Stage):
                items, nbytes = items + 1 + len(message.emits), nbytes + message.nbytes
            if i and (items > self._limits.group_items_max or nbytes > self._limits.group_bytes_max):
                group, self._pile = self._pile[:i], self._pile[i:]
                return group
        group, self._pile = self._pile, []
        return group

    def _turn(self) -> None:
        if self._in_doubt is not None and not self._resolve_doubt():
            return
        group = self._take()
        self._retire(group)
        group = [m for m in group if not isinstance(m, Stage) or self._current(m)]
        now = self._clock.now_ms()
        if any(isinstance(m, Append) and _ordinary(m) for m in group):
            self._bulk.ordinary(now)
        due = self._due(now)
        turn = Turn(self.ledger, now, lambda hashes: self._store.known_ids(hashes, now))
        try:
            turn.compose(due, self._real_watermark(now), group, not self._bulk.free(now))
            batch = turn.batch()
            if not turn.empty():
                self._commit(batch)
        except StageRejected as rejected:
            self._reject(rejected, group)
        except Refused as refused:
            self._refused(str(refused), group)
        except Fenced:
            self._drop(group)
            raise
        except Unknown as unknown:
            self._in_doubt = (turn, batch, group, str(unknown))  # pyright: ignore[reportPossiblyUnboundVariable]
            self._count.count("outcomes_unknown")
            if self._resolve_doubt():
                self._more()
        else:
            self._committed(turn, batch)
            self._more()

    def _due(self, now: int) -> list[TimerRow]:
        """What this turn fires; asked anew in each, since only a commit takes a row away."""
        limit = self._limits.fires_per_turn_max
        bulk = self._bulk.quota(now, not self._pile, limit)
        return self.near.due(now, self._effective_watermark(now), limit, bulk)

    def _commit(self, batch: Batch) -> None:
        self._store.commit(batch)

    def _retire(self, group: list[Message]) -> None:
        """A Begin ends the older incarnations of its cell: their stages in this group and later are nothing."""
        for message in group:
            if isinstance(message, Begin):
                self._incarnations[(message.segment, message.domain)] = message.incarnation

    def _current(self, stage: Stage) -> bool:
        return self._incarnations.get((stage.segment, stage.domain)) == stage.incarnation

    def _more(self) -> None:
        if self._pile and not self._flush_told:
            self._flush_told = True
            self._me.tell(FLUSH)
        limits = self._limits
        self._pile_bytes = sum(m.nbytes for m in self._pile if not isinstance(m, Begin)) if self._pile else 0
        if self._pile_bytes <= limits.waiting_bytes_max // 2:
            self._pressure.set("waiting", None)

    def _reject(self, rejected: StageRejected, group: list[Message]) -> None:
        self._takes_again()
        stage = rejected.stage
        self._count.count("stages_rejected", domain=stage.domain)
        log.warning(
            "stage rejected", segment=stage.segment, domain=stage.domain, upto=stage.upto, reason=rejected.reason
        )
        self._incarnations[(stage.segment, stage.domain)] = -1
        if stage.done is not None:
            stage.done(Rejected(stage.incarnation, rejected.reason))
        self._carry(group)
        self._more()

    def _carry(self, group: list[Message]) -> None:
        self._pile = [*group, *self._pile]

    def _refused(self, reason: str, group: list[Message]) -> None:
        self._carry(group)
        self._back_off(reason)

    def _back_off(self, reason: str) -> None:
        self._count.count("commits_refused")
        if not self._refused_times:
            log.error("the store refuses", reason=reason, waiting=len(self._pile))
        delay = min(self._limits.retry_s * 2 ** min(self._refused_times, 16), self._limits.retry_s_max)
        self._refused_times += 1
        self._retry_gen += 1
        self._pressure.set("store", f"the store refuses: {reason}")
        self._runtime.send_after(delay, self._me, Retry(self._retry_gen))

    def _drop(self, group: list[Message]) -> None:
        """The store has another owner: whoever waits is told that nobody here will answer, then this process ends."""
        for message in [*group, *self._pile]:
            if isinstance(message, Append | Begin):
                message.done(None)

    def _takes_again(self) -> None:
        """The store has answered, if only to reject a stage: flushes are heeded again."""
        if self._refused_times:
            log.info("the store takes again", after=self._refused_times)
            self._refused_times = 0
            self._pressure.set("store", None)

    def _resolve_doubt(self) -> bool:
        """Ask what became of the batch whose outcome is unknown; True when it is there.

        What turns out not to be there was refused, if in other words: a quota or a broken disk says so again and
        again, and must neither be asked in a tight loop nor leave the doors open.
        """
        assert self._in_doubt is not None
        turn, batch, group, reason = self._in_doubt
        try:
            committed = self._store.commit_no()
        except (Refused, Unknown) as error:
            self._back_off(f"an outcome is unknown: {error}")
            return False
        if committed not in (batch.commit_no, batch.commit_no - 1):
            raise Fenced(f"commit {committed} is in the store, we wrote {batch.commit_no}")
        self._in_doubt = None
        if committed != batch.commit_no:
            self._refused(reason, group)
            return False
        self._committed(turn, batch)
        return True

    def _committed(self, turn: Turn, batch: Batch) -> None:
        """The only moment at which entries become visible; then the acks, the answers and the cells' news."""
        self._takes_again()
        self._count.count("duplicates", turn.duplicates)
        self._count.count("ids_reused", turn.reused)
        if not turn.empty():
            turn.settle(batch)
            self._publish(batch)
            self._count_commit(turn, batch)
            self._commits_since_house += 1
        for append, results in turn.appends:
            append.done(results)
        for stage in batch.stages:
            self._stage_committed(stage)
        for begin in turn.begins:
            self._begun(begin)
        if self._commits_since_house >= self._limits.house_commits:
            self._keep_house(self._clock.now_ms())

    def _publish(self, batch: Batch) -> None:
        self.near.fired(batch.fired)
        if any(row.bulk for row in batch.fired):
            self._bulk.fired(self._clock.now_ms())
        for stage in batch.stages:
            if stage.timer_ops:
                self.near.apply(stage.segment, stage.domain, stage.timer_ops)
        for page in batch.pages:
            self._tails[page.segment].publish(page.entries)
            count_loud(page.entries, self._count)
        for segment, head in batch.heads_after.items():
            if head.offset - self._woken.get(segment, 0) > self._limits.behind_entries:
                self._woken[segment] = head.offset
                self._tails[segment].wake_all()

    def _count_commit(self, turn: Turn, batch: Batch) -> None:
        self._count.count("commits")
        self._count.count("entries_appended", sum([len(page.entries) for page in batch.pages]))
        self._count.count("timers_fired", len(batch.fired))
        self._count.count("transfers", len(batch.inbound))
        self._count.observe("group_items", len(turn.appends) + len(batch.stages))

    def _stage_committed(self, stage: Stage) -> None:
        key = (stage.segment, stage.domain)
        if stage.parked and any(row.subject == "*" for row in stage.parked):
            self._parked_domains.add(key)
        if stage.unparked and any(subject == "*" for subject, _ in stage.unparked):
            self._parked_domains.discard(key)
        for id_hash, body in stage.replies:
            self.waiters.answer(id_hash, stage.domain, body)
        if stage.done is not None:
            stage.done(Committed(stage.incarnation, stage.upto))

    def _begun(self, begin: Begin) -> None:
        begin.done(Begun(begin.incarnation, self.ledger.checkpoints[begin.segment, begin.domain]))

    def _real_watermark(self, now: int) -> int:
        return self._watermark if self._has_broker else now

    def _effective_watermark(self, now: int) -> int:
        """Absence timers wait for the watermark, but not longer than the hold."""
        return max(self._real_watermark(now), now - self._limits.absence_hold_s_max * 1000)

    def _schedule_tick(self, seconds: float) -> None:
        self._tick_gen += 1
        self._runtime.send_after(seconds, self._me, Tick(self._tick_gen))

    def _tick(self) -> None:
        clock = self._runtime.clock
        self.last_tick_s = clock.monotonic_s()
        now = self._clock.now_ms()
        if not self._refused_times:
            self._serve_timers(now)
        if self.last_tick_s - self._behind_at >= self._limits.behind_s:
            self._behind_at = self.last_tick_s
            self._look_around(now)
        elif not self._pile and not self._refused_times:
            self._keep_house(now)
        self._schedule_tick(self._next_tick_s(now))

    def _serve_timers(self, now: int) -> None:
        try:
            self.near.refill(now)
        except Refused as refused:
            self._back_off(str(refused))
            return
        if self.near.due(now, self._effective_watermark(now), 1, self._bulk.quota(now, not self._pile, 1)):
            self._turn()

    def _next_tick_s(self, now: int) -> float:
        """Until the soonest near timer, within bounds."""
        plain, bulk = self.near.next_due(), self.near.next_due(bulk=True)
        due = [plain] if plain is not None else []
        due += [max(bulk, self._bulk.opens_at(now))] if bulk is not None else []
        if not due or self._refused_times:
            return self._limits.tick_s
        return max(self._limits.fire_s_min, min(self._limits.tick_s, (min(due) - now) / 1000))

    def _look_around(self, now: int) -> None:
        """Every few seconds: wake who is behind, judge lag and disk, count the clock's leaps."""
        if not self._parked_known:
            self._look_for_parked()
        behind: dict[str, int] = {}
        for (segment, domain), upto in self.ledger.checkpoints.items():
            lag = self.lag(segment, upto)
            if lag:
                self._tails[segment].wake_all()
            if (segment, domain) not in self._parked_domains:
                behind[domain] = max(behind.get(domain, 0), lag)
        for domain, lag in behind.items():
            self._count.gauge("lag_entries", lag, domain=domain)
        worst = max((behind.get(domain, 0) for domain in self._money), default=0)
        limit = self._limits.lag_entries_max
        self._pressure.set("lag", f"a money domain is {worst} entries behind, limit {limit}" if worst > limit else None)
        self._count.gauge("clock_jumps", self._clock.jumps)
        self._count.gauge("near_timers", len(self.near))
        self._count.gauge("watermark_age_ms", now - max(self._real_watermark(now), self._began_at))
        self._count.gauge("store_bytes", self._store.size_bytes())
        self._count.gauge("ids_dropped_early", self._store.ids_dropped_early)
        if self._free_bytes is not None:
            free = self._free_bytes()
            self._pressure.set(
                "disk",
                f"{free} bytes left on the disk, limit {self._limits.disk_free_min}"
                if free < self._limits.disk_free_min
                else None,
            )

    def lag(self, segment: int, upto: int) -> int:
        head = self.ledger.heads.get(segment)
        return head.offset - upto if head else 0

    def _keep_house(self, now: int) -> None:
        """In idle turns: trim one segment's log and records a little, and let the store do a slice of its own."""
        self._commits_since_house = 0
        segments = sorted(self._tails)
        segment = segments[self._trim_next % len(segments)]
        self._trim_next += 1
        limits = self._limits
        try:
            self._bases[segment] = self._store.trim(
                segment,
                self._done_with(segment),
                now - limits.log_retention_s * 1000,
                limits.log_bytes_max // len(segments),
                limits.trim_rows_max,
            )
            for domain in self._forgetful:
                self._forget(segment, domain, now)
            self._store.idle(now)
        except Refused as refused:
            log.warning("housekeeping refused", reason=str(refused))

    def _forget(self, segment: int, domain: Domain[Any], now: int) -> None:
        since = now - domain.records_kept_ms
        self._store.forget_lines(
            segment, domain.name, lambda body: domain.written_at(body) < since, self._limits.forget_rows_max
        )

    def _done_with(self, segment: int) -> int:
        """The lowest checkpoint: nobody needs the log below it."""
        return min((upto for (s, _), upto in self.ledger.checkpoints.items() if s == segment), default=0)


def _ordinary(append: Append) -> bool:
    """It came in by a door, and somebody may wait for what comes of it."""
    return append.via is None and any(not item.bulk for item in append.items)
