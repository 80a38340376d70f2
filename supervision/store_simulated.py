"""The simulated store: the same contract as the real one, in memory, with the disk's bad days at the seed's command.

`Disk` is what survives a process: the image that was synced, and at most one batch that was written but not known to
be synced. A crash keeps that batch whole, loses it, or tears it; a torn one is recognised by its missing end and
dropped, as a WAL frame with a wrong checksum is. `faults(batch)` says what happens to each commit; a slow disk is one
whose `faults` moves the virtual clock. Readers see committed state only, and fail when `load_faults()` says so.

Entries are kept beside their encodings and compared when they are first read: a cell that encodes something else than
what it emits would be found here and nowhere else before production.
"""

# sortedcontainers comes without types.
# pyright: reportMissingTypeStubs=false, reportInvalidTypeArguments=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from heapq import merge
from itertools import islice, takewhile
from random import Random
from typing import Literal

import msgspec

from supervision.entry import Corrupt, Entry, decode_draft, place
from supervision.inspection import NO_SPOT, After, ChainedRow, Cut, Kept, Since, Spot
from supervision.messages import ParkedRow, RecordRow, Stage, TimerRow
from supervision.near_timers import position
from supervision.sorted_table import SortedTable
from supervision.store import (
    Batch,
    CheckpointRow,
    Fenced,
    FsyncFailed,
    Head,
    IdRow,
    Loaded,
    Recovery,
    Refused,
    StageRejected,
    Unknown,
)
from supervision.witness import MemoryWitness

Fault = Literal["ok", "refused", "rejected", "unknown_committed", "unknown_lost", "fsync", "fenced"]
MEANT = "a constraint, so the seed says"
"""Why a stage was rejected that nothing is wrong with."""
KEEP_MS = (24 * 3_600_000, 7 * 24 * 3_600_000)
"""How long a short and a long id are known."""

Due = tuple[int, int, str, str, str]
"""A timer's place in the order of firing: due, segment, domain, subject, key."""


class Checkpoint(msgspec.Struct):
    upto: int


class Earlier:
    """What the stages before this one in the same batch will have done."""

    def __init__(self) -> None:
        self.moved: dict[tuple[int, str], int] = {}
        self.used: dict[tuple[int, str, bytes], bytes] = {}
        self.lines: set[tuple[int, str, str, int, int]] = set()


class Image:
    """Everything durable, as plain tables. States are keyed by the subject's UTF-8, so that they are in byte order."""

    def __init__(self, segments: int) -> None:
        self.segments = segments
        self.epoch = 0
        self.commit_no = 0
        self.clean = True
        self.heads = {segment: Head() for segment in range(segments)}
        self.bases = dict.fromkeys(range(segments), 1)
        self.log_bytes = dict.fromkeys(range(segments), 0)
        self.logs: dict[int, dict[int, tuple[Entry, bytes]]] = {segment: {} for segment in range(segments)}
        self.compared: dict[int, dict[int, tuple[Entry, bytes]]] = {segment: {} for segment in range(segments)}
        """Lines of the logs that have been read back and found to say the same; they never change."""
        self.ids: dict[int, IdRow] = {}
        self.ends: list[tuple[int, int]] = []
        """(when it is forgotten, id hash), sorted."""
        self.checkpoints: dict[tuple[int, str], Checkpoint] = {}
        self.states: dict[tuple[int, str], SortedTable[bytes, bytes]] = {}
        self.records: dict[tuple[int, str, str], SortedTable[tuple[int, int], RecordRow]] = {}
        self.keys: dict[tuple[int, str, bytes], bytes] = {}
        self.timers: dict[tuple[int, str, str, str], TimerRow] = {}
        self.due: SortedTable[Due, TimerRow] = SortedTable()
        self.parked: SortedTable[tuple[int, str, str, int], ParkedRow] = SortedTable()
        self.replies: dict[int, dict[str, bytes]] = {}
        self.inbound: dict[tuple[int, int], int] = {}
        self.outbound: dict[tuple[int, int], int] = {}

    def refuse(self, batch: Batch) -> None:
        """Raise what the store would: `Fenced`, or `StageRejected` for the first stage that does not fit."""
        if (batch.epoch, batch.commit_no - 1) != (self.epoch, self.commit_no):
            raise Fenced(f"epoch {self.epoch}, commit {self.commit_no} are stored")
        for segment, head in batch.heads_before.items():
            if self.heads[segment] != head:
                raise Fenced(f"segment {segment} ends at {self.heads[segment]}")
        earlier = Earlier()
        for stage in batch.stages:
            self._refuse_stage(stage, earlier)

    def _refuse_stage(self, stage: Stage, earlier: Earlier) -> None:
        at = (stage.segment, stage.domain)
        stored = self.checkpoints.get(at)
        upto = earlier.moved.get(at, stored.upto if stored else 0)
        if stage.prev != upto or stage.upto < stage.prev:
            raise StageRejected(stage, f"checkpoint is {upto}, the stage expects {stage.prev}")
        earlier.moved[at] = stage.upto
        for key, value in stage.keys:
            name = (*at, key)
            if earlier.used.setdefault(name, self.keys.get(name, value)) != value:
                raise StageRejected(stage, f"business key {key.hex()} is used up by another value")
        earlier.used.update(((*at, key), value) for key, value in stage.rewritten)
        for record in stage.records:
            line, stands = (*at, record.subject, record.offset, record.n), self.records.get((*at, record.subject))
            if line in earlier.lines or (stands is not None and (record.offset, record.n) in stands):
                raise StageRejected(stage, f"a record of {stage.domain} at offset {record.offset} stands already")
            earlier.lines.add(line)

    def apply(self, batch: Batch) -> None:
        """All of a batch that `refuse` let pass."""
        self.commit_no = batch.commit_no
        for page in batch.pages:
            log = self.logs[page.segment]
            for entry, encoded in zip(page.entries, page.encoded, strict=True):
                log[entry.offset] = (entry, encoded)
                self.log_bytes[page.segment] += len(encoded)
        self.heads.update(batch.heads_after)
        for row in batch.ids:
            self._learn(row)
        for row in batch.fired:
            self._mark_fired(row)
        for stage in batch.stages:
            self._apply_stage(stage)
        self.inbound.update(batch.inbound)
        self.outbound.update(batch.outbound)

    def _learn(self, row: IdRow) -> None:
        self.ids[row.id_hash] = row
        self.replies.pop(row.id_hash, None)  # an id that expired and comes again has not been answered yet
        insort(self.ends, (row.at + KEEP_MS[row.keep_long], row.id_hash))

    def forget_ids(self, now_ms: int) -> None:
        """Drop the expired ones with their replies."""
        while self.ends and self.ends[0][0] <= now_ms:
            end, id_hash = self.ends.pop(0)
            row = self.ids.get(id_hash)
            if row is not None and row.at + KEEP_MS[row.keep_long] == end:
                del self.ids[id_hash]
                self.replies.pop(id_hash, None)

    def _mark_fired(self, fired: TimerRow) -> None:
        at = (fired.segment, fired.domain, fired.subject, fired.key)
        row = self.timers.get(at)
        if row is not None and row.gen == fired.gen:
            self.due.pop(position(row))
            self.timers[at] = msgspec.structs.replace(row, fired=True)

    def _apply_stage(self, stage: Stage) -> None:
        at = (stage.segment, stage.domain)
        if at not in self.checkpoints:
            self.checkpoints[at], self.states[at] = Checkpoint(0), SortedTable()
        self.checkpoints[at].upto = stage.upto
        states = self.states[at]
        for subject, state in stage.states:
            states[subject.encode()] = state
        for op in stage.timer_ops:
            self._put_timer((*at, op.subject, op.key), op.row)
        for record in stage.records:
            lines = (*at, record.subject)
            if lines not in self.records:
                self.records[lines] = SortedTable()
            self.records[lines][record.offset, record.n] = record
        for key, value in (*stage.keys, *stage.rewritten):
            self.keys[(*at, key)] = value
        for subject, offset in stage.unparked:
            self.parked.pop((*at, subject, offset))
        for parked in stage.parked:
            self.parked[(*at, parked.subject, parked.offset)] = parked
        for id_hash, body in stage.replies:
            if id_hash in self.ids:
                self.replies.setdefault(id_hash, {})[stage.domain] = body

    def _put_timer(self, at: tuple[int, str, str, str], row: TimerRow | None) -> None:
        old = self.timers.pop(at, None)
        if old is not None:
            self.due.pop(position(old))
        if row is not None:
            armed = msgspec.structs.replace(row, fired=False) if row.fired else row
            self.timers[at] = self.due[position(armed)] = armed

    def check(self) -> None:
        """Raise AssertionError when the tables disagree. O(everything)."""
        for segment, log in self.logs.items():
            head = self.heads[segment]
            assert list(log) == list(range(self.bases[segment], head.offset + 1)), f"segment {segment}: a hole"
            outward = [entry.seq for entry, _ in log.values() if entry.seq]
            assert outward == list(range(head.seq - len(outward) + 1, head.seq + 1)), f"segment {segment}: seq"
            assert self.log_bytes[segment] == sum(len(encoded) for _, encoded in log.values())
        waiting = {position(row): row for row in self.timers.values() if not row.fired}
        assert waiting == dict(self.due.items()), "the order of firing and the timers differ"
        assert self.replies.keys() <= self.ids.keys(), "a reply without its input"
        for table in (self.due, self.parked, *self.states.values(), *self.records.values()):
            table.check()


class Disk:
    """What outlives a process. `crash` is the power cut."""

    def __init__(self, segments: int) -> None:
        self.image = Image(segments)
        self.witness = MemoryWitness()
        self.unsynced: Batch | None = None
        self.on_commit: Callable[[Batch], None] | None = None
        """Called with each batch once it is durable, whoever lives to hear of it."""

    def sync(self) -> None:
        if self.unsynced is not None:
            batch, self.unsynced = self.unsynced, None
            self.image.apply(batch)
            if self.on_commit is not None:
                self.on_commit(batch)

    def crash(self, rng: Random) -> Literal["kept", "lost", "torn", "nothing"]:
        """The un-synced suffix survives, is lost, or is torn and found so by its checksum (which is: lost)."""
        if self.unsynced is None:
            return "nothing"
        fate = rng.choice(("kept", "lost", "torn"))
        if fate == "kept":
            self.sync()
        self.unsynced = None
        return fate

    def copy(self) -> Disk:
        """The disk as it is, for checkers that want to try something; nobody hears of what happens on it."""
        twin = Disk(self.image.segments)
        twin.image = deepcopy(self.image)
        return twin


def rejectable(batch: Batch) -> Stage | None:
    """The stage that the fault "rejected" turns down: the first that somebody waits for."""
    return next((stage for stage in batch.stages if stage.done is not None), None)


def _no_fault(_: Batch) -> Fault:
    return "ok"


def _no_load_fault() -> bool:
    return False


class SimulatedStore:
    """The writer over a `Disk`. A second one on the same disk fences the first, as a second process would."""

    def __init__(
        self,
        disk: Disk,
        faults: Callable[[Batch], Fault] = _no_fault,
        load_faults: Callable[[], bool] = _no_load_fault,
    ) -> None:
        self.disk = disk
        self.segments = disk.image.segments
        self.witness = disk.witness
        self._faults = faults
        self.load_faults = load_faults

    @property
    def image(self) -> Image:
        return self.disk.image

    def recover(self, now_ms: int) -> Recovery:
        assert self.disk.unsynced is None, "somebody goes on after a failed fsync"
        image = self.image
        image.epoch = max(image.epoch + 1, now_ms // 1000)
        rows = [CheckpointRow(*at, checkpoint.upto) for at, checkpoint in sorted(image.checkpoints.items())]
        clean, image.clean = image.clean, False
        return Recovery(
            image.epoch, image.commit_no, clean, dict(image.heads), dict(image.bases), rows,
            dict(image.inbound), dict(image.outbound),
        )  # fmt: skip

    def commit(self, batch: Batch) -> None:
        assert self.disk.unsynced is None, "somebody goes on after a failed fsync"
        fault = self._faults(batch)
        if fault == "refused":
            raise Refused("the disk is full today")
        if fault == "fenced":
            self.image.epoch += 1
        self.image.refuse(batch)
        if fault == "rejected" and (stage := rejectable(batch)):
            raise StageRejected(stage, MEANT)
        if fault == "unknown_lost":
            raise Unknown("no answer")
        self.disk.unsynced = batch
        if fault == "fsync":
            raise FsyncFailed("fsync failed")
        self.disk.sync()
        if fault == "unknown_committed":
            raise Unknown("no answer")

    def commit_no(self) -> int:
        if self.load_faults():
            raise Refused("the disk does not answer")
        return self.image.commit_no

    def known_ids(self, id_hashes: Sequence[int], now_ms: int) -> Mapping[int, IdRow]:
        ids = self.image.ids
        rows = [ids[id_hash] for id_hash in id_hashes if id_hash in ids]
        return {row.id_hash: row for row in rows if row.at + KEEP_MS[row.keep_long] > now_ms}

    def timers_due(self, after: Due, until_ms: int, limit: int) -> Sequence[TimerRow]:
        found: list[TimerRow] = []
        for at, row in self.image.due.after(after):
            if at[0] > until_ms or len(found) == limit:
                break
            found.append(row)
        return found

    def trim(self, segment: int, below: int, older_than_ms: int, bytes_max: int, rows_max: int) -> int:
        image = self.image
        log, base = image.logs[segment], image.bases[segment]
        below = min(below, image.heads[segment].offset + 1)
        while base < below and rows_max > 0:
            if log[base][0].at >= older_than_ms and image.log_bytes[segment] <= bytes_max:
                break
            image.log_bytes[segment] -= len(log.pop(base)[1])
            image.compared[segment].pop(base, None)
            base, rows_max = base + 1, rows_max - 1
        image.bases[segment] = base
        return base

    def forget_lines(self, segment: int, domain: str, old: Callable[[bytes], bool], rows_max: int) -> int:
        records = self.image.records
        tables = {at[2]: table for at, table in records.items() if at[:2] == (segment, domain)}
        oldest_first = merge(*(_rows(subject, table) for subject, table in tables.items()))
        forgotten = list(takewhile(lambda row: old(row[3]), islice(oldest_first, rows_max)))
        for offset, n, subject, _ in forgotten:
            tables[subject].pop((offset, n))
        return len(forgotten)

    def idle(self, now_ms: int) -> None:
        self.image.forget_ids(now_ms)

    def size_bytes(self) -> int:
        return sum(self.image.log_bytes.values())

    @property
    def ids_dropped_early(self) -> int:
        return 0

    def free_bytes(self) -> int:
        return 1 << 40

    def reader(self) -> SimulatedReader:
        return SimulatedReader(self)

    def check(self) -> None:
        """Raise AssertionError when the tables disagree. O(everything)."""
        self.image.check()

    def close(self, clean: bool) -> None:
        if clean:
            self.image.clean = True


class SimulatedReader:
    """Every call may fail (`Refused`), as the store's `load_faults` decides."""

    def __init__(self, store: SimulatedStore) -> None:
        self._store = store

    @property
    def _image(self) -> Image:
        if self._store.load_faults():
            raise Refused("the disk does not answer")
        return self._store.image

    def read_log(self, segment: int, after: int, upto: int, entries_max: int) -> Sequence[Entry]:
        image = self._image
        log, compared = image.logs[segment], image.compared[segment]
        found: list[Entry] = []
        for offset in range(after + 1, min(upto, after + entries_max) + 1):
            line = log.get(offset)
            if line is None:
                break
            if compared.get(offset) is not line:
                _compare(segment, offset, *line)
                compared[offset] = line
            found.append(line[0])
        return found

    def load(
        self,
        segment: int,
        domain: str,
        subjects: Sequence[str],
        timers: Sequence[tuple[str, str]],
        keys: Sequence[bytes],
    ) -> Loaded:
        image = self._image
        table = image.states.get((segment, domain))
        states = {subject: table.get(subject.encode()) for subject in subjects} if table is not None else {}
        rows = {at: image.timers.get((segment, domain, *at)) for at in timers}
        values = {key: image.keys.get((segment, domain, key)) for key in keys}
        return Loaded(
            {subject: state for subject, state in states.items() if state is not None},
            {at: row for at, row in rows.items() if row is not None},
            {key: value for key, value in values.items() if value is not None},
        )

    def subjects_after(self, segment: int, domain: str, after: str, limit: int) -> Sequence[str]:
        found: list[str] = []
        table = self._image.states.get((segment, domain))
        for subject, _ in table.after(after.encode()) if table is not None else ():
            if len(found) == limit:
                break
            found.append(subject.decode())
        return found

    def snapshot(self, segment: int, domain: str, subject: str) -> tuple[bytes | None, int]:
        image = self._image
        table, checkpoint = image.states.get((segment, domain)), image.checkpoints.get((segment, domain))
        state = table.get(subject.encode()) if table is not None else None
        return state, checkpoint.upto if checkpoint else 0

    def records(
        self, segment: int, domain: str, subject: str, before: tuple[int, int] | None, limit: int
    ) -> Sequence[RecordRow]:
        table = self._image.records.get((segment, domain, subject))
        return list(islice(table.before(before), limit)) if table is not None else []

    def parked(
        self,
        segment: int | None = None,
        domain: str | None = None,
        subject: str | None = None,
        after: int = -1,
        limit: int = 256,
    ) -> Sequence[ParkedRow]:
        asked = (segment, domain, subject)
        return [
            row
            for at, row in self._image.parked.items()
            if at[3] > after and all(want is None or want == got for want, got in zip(asked, at, strict=False))
        ][:limit]

    def parked_subjects(self, segment: int, domain: str) -> Sequence[str]:
        return sorted({at[2] for at in self._image.parked if at[:2] == (segment, domain)})

    def parked_at(self, segment: int, domain: str, limit: int) -> Sequence[int]:
        rows = [row for at, row in self._image.parked.items() if at[:2] == (segment, domain) and row.attempts]
        return sorted((row.at for row in rows), reverse=True)[:limit]

    def reply(self, id_hash: int, domain: str) -> bytes | None:
        return self._image.replies.get(id_hash, {}).get(domain)

    def cut(self, domain: str, courier: str) -> Cut:
        image = self._image
        upto = {at: checkpoint.upto for at, checkpoint in image.checkpoints.items()}
        return Cut(
            {segment: offset for (segment, name), offset in upto.items() if name == domain},
            {segment: offset for (segment, name), offset in upto.items() if name == courier},
            {segment: head.offset for segment, head in image.heads.items()},
            dict(image.inbound),
            dict(image.outbound),
            [row for at, row in image.parked.items() if at[1] == domain],
        )

    def lines_after(self, segment: int, domain: str, after: After, upto: int, limit: int) -> Sequence[ChainedRow]:
        found: list[ChainedRow] = []
        for at, table in self._image.records.items():
            if at[:2] == (segment, domain):
                found += [row for row in _chained(at[2], table) if row[:3] > after and row[0] <= upto]
        return sorted(found, key=lambda row: row[:3])[:limit]

    def kept_after(
        self, segment: int, domain: str, after: str, limit: int, since: Since
    ) -> tuple[Sequence[Kept], str | None]:
        image, at = self._image, (segment, domain)
        found: list[Kept] = []
        timers: dict[str, list[TimerRow]] = {}
        for row in image.timers.values():
            if (row.segment, row.domain) == at:
                timers.setdefault(row.subject, []).append(row)
        states = image.states.get(at) or SortedTable[bytes, bytes]()
        held = {subject.decode() for subject in states} | {whose[2] for whose in image.records if whose[:2] == at}
        rows = sorted((s for s in held if s.encode() > after.encode()), key=str.encode)[:limit]
        last = rows[-1] if len(rows) == limit else None
        alone = [
            subject
            for subject in timers
            if subject not in held
            and after.encode() < subject.encode()
            and (last is None or subject.encode() <= last.encode())
        ]
        for subject in (*rows, *alone):
            if (spot := since(subject)) is not None:
                lines = _chained(subject, image.records.get((*at, subject)))[::-1]
                known = next((i for i, row in enumerate(lines) if row[:2] == spot), len(lines))
                newest = lines[0][:2] if lines else NO_SPOT
                state, armed = states.get(subject.encode()), timers.get(subject, ())
                found.append(Kept(subject, state, newest, armed, lines[:known]))
        return found, last

    def close(self) -> None:
        """Nothing is held."""


def _compare(segment: int, offset: int, entry: Entry, encoded: bytes) -> None:
    """What was written reads back as what it was written for."""
    again = place(decode_draft(encoded), segment, entry.epoch, offset, entry.at, entry.seq)
    if again != entry:
        raise Corrupt(f"{entry.place} reads back as something else")


def _chained(subject: str, table: SortedTable[Spot, RecordRow] | None) -> list[ChainedRow]:
    """A subject's lines, oldest first, each with the spot of the one before."""
    found: list[ChainedRow] = []
    before = NO_SPOT
    for spot, row in table.items() if table is not None else ():
        found.append((*spot, subject, *before, row.body))
        before = spot
    return found


def _rows(subject: str, table: SortedTable[Spot, RecordRow]) -> Iterator[tuple[int, int, str, bytes]]:
    """A subject's lines, oldest first."""
    return ((*spot, subject, row.body) for spot, row in table.items())
