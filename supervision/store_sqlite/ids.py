"""The ids of inputs already taken, in buckets of time.

An id must be known for a day, or a week where it moves value and nothing else tells a resend. Keyed by time of
arrival, inserts touch the newest pages only and forgetting is dropping a range; keyed by the hash alone both would
touch every page (18k/s instead of 91k/s at four million rows). The price, that one does not know in which bucket to
look, is paid by a filter in memory (id_filter.py). After a start the filter is empty and built in idle slices: a
bucket that is not in it yet is always looked up.

Short and long ids have buckets of their own length, so that each class ends about when it should: `bucket` is the
time divided by the class's bucket length, times two, plus one for the long ones. An id that is found is forgotten by
its exact age all the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from supervision.store import IdRow
from supervision.store_sqlite.chunks import chunks, holes
from supervision.store_sqlite.id_filter import SLOTS, IdFilter
from supervision.store_sqlite.many import write_many

HOUR_MS = 3_600_000
KEEP_MS = (24 * HOUR_MS, 7 * 24 * HOUR_MS)
"""How long a short and a long id are known."""
BUCKET_MS = (HOUR_MS, 6 * HOUR_MS)
IDS_MAX = 20_000_000
"""Known ids; above it the oldest bucket is dropped before its time. About 60 bytes of disk each."""

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
"""Of a signed hash."""

BUILD_IDS_MAX = 4_000
DROP_IDS_MAX = 2_000
SWEEP_SLOTS_MAX = 1 << 16
"""Bounds of one idle slice: a few milliseconds each."""

_SELECT = "SELECT id_hash, command_hash, segment, epoch, place, at, keep_long FROM ids WHERE bucket = ? AND id_hash IN "
_Row = tuple[int, int, int, int, int, int, int]


class Bucket:
    """What memory knows of one bucket. `column` is its place in the filter; `built`: all its ids are in there."""

    __slots__ = ("built", "column", "cursor", "n")

    def __init__(self, n: int, column: int | None, built: bool) -> None:
        self.n = n
        self.column = column
        self.built = built
        self.cursor = LOWEST
        """The (signed) hash that the building looks at next."""


def bucket_of(at: int, keep_long: bool) -> int:
    """The bucket for an id taken at `at` (ms)."""
    return at // BUCKET_MS[keep_long] * 2 + keep_long


def expires_at(bucket: int) -> int:
    """When (ms) the youngest id that `bucket` can hold is forgotten."""
    return (bucket // 2 + 1) * BUCKET_MS[bucket & 1] + KEEP_MS[bucket & 1]


def signed(unsigned: int) -> int:
    """A 64-bit hash as SQLite holds it."""
    return unsigned - (1 << 64) if unsigned >> 63 else unsigned


def unsigned(number: int) -> int:
    return number & (1 << 64) - 1


class IdBook:
    """The writer's view of the ids. All methods run in the journal's thread, `insert` inside its transaction."""

    def __init__(self, db: sqlite3.Connection, ids_max: int = IDS_MAX, slots: int = SLOTS) -> None:
        self._db = db
        self._ids_max = ids_max
        self._filter = IdFilter(slots)
        self._buckets: dict[int, Bucket] = {}
        self._columns: dict[int, int] = {}
        """Column -> bucket, of built buckets."""
        self._built = 0
        """The built columns as a bit mask."""
        self._always: list[int] = []
        """Buckets that are looked up whatever the filter says, newest first."""
        self.dropped_early = 0
        """Ids forgotten before their time, since `ids_max` was reached."""
        for bucket, n in db.execute("SELECT bucket, n FROM id_buckets ORDER BY bucket DESC"):
            self._buckets[bucket] = Bucket(n, self._filter.take_column(), built=False)
        self._sort_out()

    @property
    def total(self) -> int:
        return sum(bucket.n for bucket in self._buckets.values())

    @property
    def building(self) -> bool:
        """Some buckets are not in the filter yet: look-ups are slower than they will be."""
        return any(bucket.column is not None and not bucket.built for bucket in self._buckets.values())

    def _sort_out(self) -> None:
        built = [(b, bucket) for b, bucket in self._buckets.items() if bucket.built and bucket.column is not None]
        self._columns = {bucket.column: b for b, bucket in built if bucket.column is not None}
        self._built = sum(1 << column for column in self._columns)
        self._always = [b for b, bucket in self._buckets.items() if not bucket.built]
        self._always.sort(key=expires_at, reverse=True)

    def insert(self, rows: Sequence[IdRow]) -> dict[int, int]:
        """Write `rows`; -> how many per bucket, for `inserted` once they are committed. O(rows) and local."""
        added: dict[int, int] = {}
        params: list[tuple[int, ...]] = []
        for row in rows:
            bucket = row.at // BUCKET_MS[row.keep_long] * 2 + row.keep_long
            added[bucket] = added.get(bucket, 0) + 1
            id_hash, command_hash = signed(row.id_hash), signed(row.command_hash)
            params.append(
                (bucket, id_hash, command_hash, row.segment, row.epoch, row.offset, row.at, int(row.keep_long))
            )
        params.sort()
        write_many(self._db, "INSERT INTO ids VALUES", params)
        self._db.executemany(
            "INSERT INTO id_buckets VALUES (?, ?) ON CONFLICT (bucket) DO UPDATE SET n = n + excluded.n",
            list(added.items()),
        )
        self._note(rows, added)
        return added

    def _note(self, rows: Sequence[IdRow], added: Iterable[int]) -> None:
        # Before the commit: should it fail, or its outcome be unknown, the filter merely says "maybe" too often.
        new = [bucket for bucket in added if bucket not in self._buckets]
        for bucket in new:
            column = self._filter.take_column()
            self._buckets[bucket] = Bucket(0, column, built=column is not None)
        if new:
            self._sort_out()
        columns = {bucket: self._buckets[bucket].column for bucket in added}
        add = self._filter.add
        for row in rows:
            column = columns[row.at // BUCKET_MS[row.keep_long] * 2 + row.keep_long]
            if column is not None:
                add(row.id_hash, column)

    def inserted(self, added: Mapping[int, int]) -> None:
        """What `insert` wrote is committed."""
        for bucket, n in added.items():
            self._buckets[bucket].n += n

    def recount(self) -> None:
        """Read the counts anew: whether the last `insert` was committed is not known."""
        for number, n in self._db.execute("SELECT bucket, n FROM id_buckets"):
            self._buckets[number].n = n

    def find(self, id_hashes: Sequence[int]) -> dict[int, tuple[int, IdRow]]:
        """id_hash -> (bucket, row) of those that stand somewhere, the newest of each; expired ones included."""
        asked: dict[int, list[int]] = {bucket: list(id_hashes) for bucket in self._always}
        candidates, built = self._filter.candidates, self._built
        for id_hash in id_hashes:
            mask = candidates(id_hash) & built
            while mask:
                bit = mask & -mask
                mask ^= bit
                asked.setdefault(self._columns[bit.bit_length() - 1], []).append(id_hash)
        found: dict[int, tuple[int, IdRow]] = {}
        for bucket, hashes in asked.items():
            for row in self._look_up(bucket, hashes):
                if row.id_hash not in found or found[row.id_hash][1].at < row.at:
                    found[row.id_hash] = bucket, row
        return found

    def _look_up(self, bucket: int, id_hashes: Sequence[int]) -> Iterable[IdRow]:
        for chunk in chunks([signed(id_hash) for id_hash in id_hashes]):
            for row in self._db.execute(_SELECT + holes(len(chunk)), (bucket, *chunk)).fetchall():
                yield _id_row(row)

    def known(self, id_hashes: Sequence[int], now_ms: int) -> dict[int, IdRow]:
        """Those of the ids that are known and not expired."""
        return {
            id_hash: row
            for id_hash, (_, row) in self.find(id_hashes).items()
            if row.at + KEEP_MS[row.keep_long] > now_ms
        }

    def build_slice(self) -> None:
        """Bring `BUILD_IDS_MAX` more ids of the newest bucket that is not in the filter yet into it."""
        for number in self._always:
            bucket = self._buckets[number]
            if bucket.column is None:
                bucket.column = self._filter.take_column()
            if bucket.column is None:
                continue
            self._build(number, bucket, bucket.column)
            return

    def _build(self, number: int, bucket: Bucket, column: int) -> None:
        sql = "SELECT id_hash FROM ids WHERE bucket = ? AND id_hash >= ? ORDER BY id_hash LIMIT ?"
        rows = self._db.execute(sql, (number, bucket.cursor, BUILD_IDS_MAX)).fetchall()
        for (id_hash,) in rows:
            self._filter.add(unsigned(id_hash), column)
        if len(rows) == BUILD_IDS_MAX and rows[-1][0] < HIGHEST:
            bucket.cursor = rows[-1][0] + 1
        else:
            bucket.built = True
            self._sort_out()

    def sweep_slice(self) -> None:
        """Clear what dropped buckets left in the filter from the next slots."""
        self._filter.sweep(SWEEP_SLOTS_MAX)

    @property
    def sweeping(self) -> bool:
        """Dropped buckets have left something in the filter."""
        return self._filter.dirty

    def doomed(self, now_ms: int) -> int | None:
        """The bucket to drop from next: one that has expired, else the oldest while there are too many ids.

        A bucket that still grows is never dropped: forgetting what came a minute ago would be worse than a larger file.
        """
        oldest = min(self._buckets, key=expires_at, default=None)
        if oldest is None:
            return None
        full = expires_at(oldest) - KEEP_MS[oldest & 1] <= now_ms
        if expires_at(oldest) <= now_ms or (full and self.total > self._ids_max):
            return oldest
        return None

    def drop_slice(self, bucket: int) -> int:
        """Delete `DROP_IDS_MAX` ids of `bucket` with their replies, in the caller's transaction; -> for `dropped`."""
        edge = self._db.execute(
            "SELECT id_hash FROM ids WHERE bucket = ? ORDER BY id_hash LIMIT 1 OFFSET ?", (bucket, DROP_IDS_MAX - 1)
        ).fetchone()
        upto = edge[0] if edge else HIGHEST
        gone = self._db.execute("DELETE FROM ids WHERE bucket = ? AND id_hash <= ?", (bucket, upto)).rowcount
        self._db.execute("DELETE FROM replies WHERE bucket = ? AND id_hash <= ?", (bucket, upto))
        if edge:
            self._db.execute("UPDATE id_buckets SET n = n - ? WHERE bucket = ?", (gone, bucket))
        else:
            self._db.execute("DELETE FROM id_buckets WHERE bucket = ?", (bucket,))
        return gone if edge else -1

    def dropped(self, number: int, gone: int, now_ms: int) -> None:
        """What `drop_slice` deleted is committed; `gone` is -1 when the bucket is empty now."""
        bucket = self._buckets[number]
        if expires_at(number) > now_ms:
            self.dropped_early += gone if gone >= 0 else bucket.n
        if gone >= 0:
            bucket.n -= gone
            return
        del self._buckets[number]
        if bucket.column is not None:
            self._filter.give_back(bucket.column)
        self._sort_out()

    def check(self) -> None:
        """Raise AssertionError when counts are off or the filter denies an id that stands. O(ids)."""
        stored = dict(self._db.execute("SELECT bucket, n FROM id_buckets"))
        counted = dict(self._db.execute("SELECT bucket, count(*) FROM ids GROUP BY bucket"))
        assert {b: n for b, n in stored.items() if n} == counted, (stored, counted)
        assert all(stored.get(b, 0) == bucket.n for b, bucket in self._buckets.items()), stored
        assert stored.keys() <= self._buckets.keys()
        for number, id_hash in self._db.execute("SELECT bucket, id_hash FROM ids"):
            bucket = self._buckets[number]
            if bucket.built and bucket.column is not None:
                assert self._filter.candidates(unsigned(id_hash)) >> bucket.column & 1, (number, id_hash)


def _id_row(row: _Row) -> IdRow:
    id_hash, command_hash, segment, epoch, offset, at, keep_long = row
    return IdRow(unsigned(id_hash), unsigned(command_hash), segment, epoch, offset, at, bool(keep_long))
