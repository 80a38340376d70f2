"""What the SQLite store costs per event: `python -m bench.store [--events N] [--users N] [--group N] [--folder DIR]`.

An event here is what a points event leaves behind: 3 log entries (the input, `points.earned`, `notify.sms`), 1 id
looked up and written, 1 state, 1 record, 1 business key. Batches are made before the clock starts, so the numbers are
the store's alone: look-up of ids, commit with fsync, and its housekeeping (checkpoints of the WAL included). Users
are drawn at random from `--users`, all of whom have a state beforehand: this is the worst case for a B-tree, a live
shop has its regulars.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import zlib
from pathlib import Path
from random import Random

from bench.report import Number, report
from supervision.clock import SystemClock
from supervision.entry import Draft, Entry, Origin, encode_draft, place
from supervision.messages import Page, RecordRow, Stage
from supervision.store import Batch, Head, IdRow
from supervision.store_sqlite import SqliteStore, open_sqlite

SEGMENTS = 16
STATE_BYTES, RECORD_BYTES = 200, 150
LOAD_GROUP = 20_000
START_MS = 1_790_000_000_000


class Load:
    """Makes the batches that a journal would."""

    def __init__(self, store: SqliteStore, users: int, seed: int) -> None:
        recovery = store.recover(START_MS)
        self._epoch, self._commit_no = recovery.epoch, recovery.commit_no
        self._heads = dict(recovery.heads)
        self._checkpoints = dict.fromkeys(range(SEGMENTS), 0)
        self._rng = Random(seed)
        self._users = users
        self._now = START_MS

    def people(self) -> list[Batch]:
        """Batches that give every user a state."""
        batches: list[Batch] = []
        for start in range(0, self._users, LOAD_GROUP):
            states: dict[int, list[tuple[str, bytes]]] = {}
            for i in range(start, min(self._users, start + LOAD_GROUP)):
                subject = f"user:{i}"
                states.setdefault(_home(subject), []).append((subject, self._rng.randbytes(STATE_BYTES)))
            self._commit_no += 1
            stages = [self._stage(segment, 0, states=rows) for segment, rows in states.items()]
            batches.append(Batch(self._commit_no, self._epoch, stages=stages))
        return batches

    def events(self, n: int) -> Batch:
        """One group of `n` events, all in one batch: as if reactions took no time."""
        per_segment: dict[int, list[str]] = {}
        for _ in range(n):
            subject = f"user:{self._rng.randrange(self._users)}"
            per_segment.setdefault(_home(subject), []).append(subject)
        self._now += 20
        self._commit_no += 1
        before = {segment: self._heads[segment] for segment in per_segment}
        pages, ids, stages = [], [], []
        for segment, subjects in per_segment.items():
            entries = self._entries(segment, subjects)
            pages.append(Page(segment, [e for e, _ in entries], [data for _, data in entries]))
            inputs = [entry for entry, _ in entries[::3]]
            ids += [self._id(entry) for entry in inputs]
            stages.append(self._reactions(segment, inputs))
        return Batch(
            self._commit_no, self._epoch, before, {s: self._heads[s] for s in per_segment}, pages, ids, stages=stages
        )

    def _entries(self, segment: int, subjects: list[str]) -> list[tuple[Entry, bytes]]:
        head = self._heads[segment]
        offset, seq = head.offset, head.seq
        found: list[tuple[Entry, bytes]] = []
        for subject in subjects:
            for draft in self._drafts(subject, f"{segment}.{self._epoch}.{offset + 1}"):
                offset, seq = offset + 1, seq + bool(draft.route)
                entry = place(draft, segment, self._epoch, offset, self._now, seq if draft.route else 0)
                found.append((entry, encode_draft(draft)))
        self._heads[segment] = Head(offset, seq, self._now)
        return found

    def _drafts(self, subject: str, cause: str) -> list[Draft]:
        number = f"shop|{self._rng.getrandbits(64):016x}"
        user = subject[5:]
        body = (
            f'{{"event_type":"points_change","user_id":"{user}","change_type":"increase","points":100,'
            f'"reason":"purchase_order","order_id":"{number[5:]}","timestamp":"2026-11-11T00:00:00Z","metadata":{{}}}}'
        ).encode()
        earned = body[:-1] + f',"balance":4200,"cause":"{cause}","source_id":"{number[5:]}"}}'.encode()
        sms = (
            body[:-1] + f',"template":"points_earned","locale":"zh","text":"您获得100积分","cause":"{cause}"}}'.encode()
        )
        route = "points.earned.purchase_order"
        return [
            Draft("points.change", subject, body, id=number, root=number),
            Draft(
                "points.earned", subject, earned, root=number, cause=cause, depth=1, origin=Origin.DOMAIN, route=route
            ),
            Draft(
                "notify.sms", subject, sms, root=number, cause=cause, depth=2, origin=Origin.DOMAIN, route="notify.sms"
            ),
        ]

    def _id(self, entry: Entry) -> IdRow:
        rng = self._rng
        return IdRow(rng.getrandbits(64), rng.getrandbits(64), entry.segment, entry.epoch, entry.offset, entry.at)

    def _reactions(self, segment: int, inputs: list[Entry]) -> Stage:
        rng = self._rng
        return self._stage(
            segment,
            self._heads[segment].offset,
            states=[(entry.subject, rng.randbytes(STATE_BYTES)) for entry in inputs],
            records=[RecordRow(entry.subject, entry.offset, 0, rng.randbytes(RECORD_BYTES)) for entry in inputs],
            keys=[(rng.randbytes(16), b"1") for _ in inputs],
        )

    def _stage(self, segment: int, upto: int, **parts: object) -> Stage:
        prev, self._checkpoints[segment] = self._checkpoints[segment], upto
        return Stage(segment, "points", 1, prev, upto, **parts)  # pyright: ignore[reportArgumentType]


def _home(subject: str) -> int:
    return zlib.crc32(subject.encode()) % SEGMENTS


def speed() -> float:
    """Seconds for ten million steps of a Python loop: about 0.5 on a quiet machine, so that numbers can be compared."""
    start, total = time.process_time(), 0
    for i in range(10_000_000):
        total += i
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="microseconds per points-like event in the SQLite store")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--group", type=int, default=333, help="events per commit; 333 make about 1,000 log entries")
    parser.add_argument("--folder", type=Path, default=None, help="where to put the store (a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        run(Path(folder), args.events, args.users, args.group)


def run(folder: Path, events: int, users: int, group: int) -> None:
    store = open_sqlite(folder, SEGMENTS, {"points": 1}, "bench", SystemClock())
    load = Load(store, users, seed=1)
    for batch in load.people():
        store.commit(batch)
        store.idle(START_MS)
    size_before = store.size_bytes()
    cpu = 0.0
    times: list[float] = []
    for _ in range(events // group):
        batch = load.events(group)
        start, start_cpu = time.perf_counter(), time.process_time()
        store.known_ids([row.id_hash for row in batch.ids], START_MS)
        store.commit(batch)
        store.idle(START_MS)
        cpu += time.process_time() - start_cpu
        times.append(time.perf_counter() - start)
    done, wall = len(times) * group, sum(times)
    times.sort()
    size = store.size_bytes() - size_before
    store.close(clean=True)
    numbers = [
        Number("events", done / wall, "/s", ">= 25,000"),
        Number("per event, processor", cpu / done * 1e6, "us"),
        Number("a group, half of them within", times[len(times) // 2] * 1e3, "ms"),
        Number("a group, 99 of 100 within", times[len(times) * 99 // 100] * 1e3, "ms"),
        Number("disk per million events", size / done, "MB"),
        Number("opened and recovered", opening_ms(folder), "ms", "< 1,000"),
        Number("ten million steps of a Python loop", speed(), "s of CPU"),
    ]
    settings = {"events": done, "users": users, "group": group}
    report("store", numbers, settings, "What limits it is pages: an event at random dirties about three of 4 KiB.")


def opening_ms(folder: Path) -> float:
    """Of the store that was just closed."""
    start = time.perf_counter()
    store = open_sqlite(folder, SEGMENTS, {"points": 1}, "bench", SystemClock())
    store.recover(START_MS + 1000)
    elapsed = time.perf_counter() - start
    store.close(clean=True)
    return elapsed * 1e3


if __name__ == "__main__":
    main()
