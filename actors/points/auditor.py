"""The audit of a store: what audit.py proves of one user, for all of them, while the engine goes on or not.

First a cut is taken: how far the points domain is in each segment, and which gifts are on their way. Then, segment by
segment, the lines up to the cut are tallied in the order in which they lie, and after that each user's state and
timers are held against the tally and whatever lines came since, read in one transaction. So there is no moment that
all of it is of, and none is needed: each user is proven at a moment of his own, and the sums over all users are those
of the lines up to the cut, where sent - received must be what is on its way.

An audit is a chain of short steps, so that who runs it may do something else between them. It holds the tallies of at
most `users_max` users, some 400 bytes each: where a segment has more, their names are divided by their hash and the
segment's lines are read once for each part.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator, Sequence

import msgspec

from actors.points.audit import Finding, Tally, follow, prove, prove_reservations, reservation_keys, since, tally_of
from actors.points.in_transit import InTransit, Trimmed
from actors.points.moves import Totals
from actors.points.state import MAIN, Account
from supervision.courier import DOMAIN as COURIER
from supervision.entry import SEGMENT_SUBJECT, Corrupt
from supervision.inspection import FROM_THE_FIRST, NO_SPOT, ChainedRow, Cut, Kept, Spot
from supervision.store import Reader

DOMAIN = "points"
LINES_AT_ONCE = 5_000
USERS_AT_ONCE = 1_000
USERS_MAX = 250_000
"""Tallies held at one time."""
FINDINGS_MAX = 1_000
"""Kept one by one; more are counted."""
CUTS_MAX = 5
"""The log may be trimmed while it is read, and then a new cut is taken; so often in a row it is not."""


class Pace(msgspec.Struct, frozen=True):
    """How much one step does, and how much is held."""

    lines: int = LINES_AT_ONCE
    users: int = USERS_AT_ONCE
    users_max: int = USERS_MAX


QUICK = Pace()


class Audited(msgspec.Struct):
    """What came of a segment. `findings` are counted here."""

    records: int = 0
    users: int = 0
    findings: int = 0


class Share:
    """The tallies of those users of a segment whose hash leaves `rest` when it is divided by `parts`. Of the hash is
    taken what does not decide about the segment already, which is the same for all of them.
    """

    def __init__(self, segments: int, parts: int, rest: int, cut: dict[str, int]) -> None:
        self._segments = segments
        self.parts = parts
        self.rest = rest
        self.tallies: dict[str, Tally] = {}
        self._cut = cut
        """Users who are parked at the cut: a retry puts lines where they belong, so only their whole chain can tell."""

    def holds(self, subject: str) -> bool:
        if subject.startswith(SEGMENT_SUBJECT):
            return False
        return self.parts == 1 or zlib.crc32(subject.encode()) // self._segments % self.parts == self.rest

    def take(self, rows: Sequence[ChainedRow], findings: list[Finding]) -> None:
        tallies = self.tallies
        for row in rows:
            subject = row[2]
            tally = tallies.get(subject)
            if tally is None:
                if not self.holds(subject):
                    continue
                tally = tallies[subject] = Tally()
                if subject in self._cut:
                    tally.doubted = []
            tally.take(row, findings)

    def halve(self) -> Share:
        """Keep half of the users; -> the other half, empty."""
        other = Share(self._segments, self.parts * 2, self.rest + self.parts, self._cut)
        self.parts *= 2
        self.tallies = {subject: tally for subject, tally in self.tallies.items() if self.holds(subject)}
        return other

    def since(self, subject: str) -> Spot | None:
        return since(self.tallies.get(subject)) if self.holds(subject) else None


class Audit:
    """One audit. Make it, exhaust `steps`, then look at what it found. Raises what the reader does (`Refused`)."""

    def __init__(self, reader: Reader, segments: int, pace: Pace = QUICK) -> None:
        self._reader = reader
        self._pace = pace
        self._cut = Cut({}, {}, {}, {}, {}, ())
        self._parked: dict[int, dict[str, int]] = {}
        self._findings: dict[Finding, None] = {}
        self._read_entries = 0
        self.segments = {segment: Audited() for segment in range(segments)}
        self.totals: dict[str, Totals] = {MAIN: Totals()}
        """By wallet, at the cut."""
        self.in_transit = 0

    @property
    def findings(self) -> list[Finding]:
        """The first FINDINGS_MAX."""
        return list(self._findings)

    @property
    def found(self) -> int:
        """How many there are."""
        return sum(each.findings for each in self.segments.values())

    @property
    def records(self) -> int:
        return sum(each.records for each in self.segments.values())

    @property
    def users(self) -> int:
        return sum(each.users for each in self.segments.values())

    def everything(self) -> Totals:
        """All wallets together."""
        return Totals(*[sum(term) for term in zip(*self.totals.values(), strict=True)])

    def steps(self) -> Iterator[tuple[int, int]]:
        """Each step is one short look and what follows from it; yields (entries whose lines are proven, in all)."""
        transit = yield from self._take_a_cut()
        total = sum(self._cut.checkpoints.values())
        for segment in self.segments:
            for offset in self._segment(segment):
                yield self._read_entries + offset, total
            self._read_entries += self._cut.checkpoints.get(segment, 0)
        self.in_transit = transit.points
        self._note(0, transit.findings())
        self._note(0, self._gifts())
        yield total, total

    def _gifts(self) -> Iterator[Finding]:
        sums = self.everything()
        if (away := sums.sent - sums.received) != self.in_transit:
            yield Finding("gifts_differ", "all users", term="in transit", expected=away, found=self.in_transit)

    def _take_a_cut(self) -> Generator[tuple[int, int], None, InTransit]:
        """Until one was read before the log was trimmed; returns what is in transit."""
        for _ in range(CUTS_MAX):
            self._cut = self._reader.cut(DOMAIN, COURIER)
            transit = InTransit(self._cut)
            try:
                for _ in transit.read(self._reader):
                    yield 0, sum(self._cut.checkpoints.values())
            except Trimmed:
                continue
            self._note_parked()
            return transit
        raise Corrupt("entries that the courier or the points domain has yet to read are not in the log")

    def _note_parked(self) -> None:
        for row in self._cut.parked:
            first = self._parked.setdefault(row.segment, {})
            first[row.subject] = min(row.offset, first.get(row.subject, row.offset))

    def _segment(self, segment: int) -> Iterator[int]:
        shares = [Share(len(self.segments), 1, 0, self._parked.get(segment, {}))]
        while shares:
            share = shares.pop()
            yield from self._tally(segment, share, shares)
            yield from self._prove(segment, share)

    def _tally(self, segment: int, share: Share, shares: list[Share]) -> Iterator[int]:
        """The lines up to the cut; when there are too many users, the half of them, the other half put on `shares`."""
        after, upto, limit = FROM_THE_FIRST, self._cut.checkpoints.get(segment, 0), self._pace.lines
        while rows := self._reader.lines_after(segment, DOMAIN, after, upto, limit):
            findings: list[Finding] = []
            share.take(rows, findings)
            self._note(segment, findings)
            while len(share.tallies) > self._pace.users_max:
                shares.append(share.halve())
            after = rows[-1][:3]
            yield after[0]
            if len(rows) < limit:
                break

    def _prove(self, segment: int, share: Share) -> Iterator[int]:
        """Every user of the share against what is kept of him."""
        upto = self._cut.checkpoints.get(segment, 0)
        after: str | None = ""
        while after is not None:
            kept, after = self._reader.kept_after(segment, DOMAIN, after, self._pace.users, share.since)
            findings: list[Finding] = []
            holding = [account for each in kept if (account := self._user(segment, each, share, findings))]
            self._reservations(segment, holding, findings)
            self._note(segment, findings)
            yield upto
        self._note(segment, [Finding("state_missing", subject) for subject in share.tallies])
        for tally in share.tallies.values():
            self._count(segment, tally)
        share.tallies = {}

    def _user(
        self, segment: int, kept: Kept, share: Share, findings: list[Finding]
    ) -> tuple[str, Account] | None:  # fmt: skip
        """-> the account of one who holds something."""
        tally = share.tallies.pop(kept.subject, None)
        if tally is not None and kept.state is None and kept.newest == NO_SPOT:
            share.tallies[kept.subject] = tally  # a timer is all there is
            return None
        self._count(segment, self._at_cut(segment, kept, tally))
        account = prove(kept, follow(kept, tally, findings), findings)
        return (kept.subject, account) if account and account.reservations else None

    def _at_cut(self, segment: int, kept: Kept, tally: Tally | None) -> Tally:
        """What a user's lines up to the cut come to."""
        if tally is not None and tally.doubted is None:
            return tally
        upto = self._cut.checkpoints.get(segment, 0)
        parked = self._parked.get(segment, {}).get(kept.subject, upto + 1)
        return tally_of([row for row in kept.later if row[0] <= upto and row[0] < parked], [])

    def _count(self, segment: int, tally: Tally) -> None:
        self.segments[segment].records += tally.lines
        self.segments[segment].users += 1
        for name, sums in tally.sums().items():
            before = self.totals.get(name, Totals())
            self.totals[name] = Totals(*map(int.__add__, before, sums))

    def _reservations(
        self, segment: int, holding: Sequence[tuple[str, Account]], findings: list[Finding]
    ) -> None:  # fmt: skip
        """Who holds something is looked at once more, with the business keys; who has changed since is proven as he
        is now, as far as the keys were asked for."""
        if not holding:
            return
        asked = {subject: reservation_keys(subject, account) for subject, account in holding}
        loaded = self._reader.load(segment, DOMAIN, list(asked), (), [key for keys in asked.values() for key in keys])
        for subject in asked:
            prove_reservations(subject, loaded.states.get(subject, b""), asked[subject], loaded.keys, findings)

    def _note(self, segment: int, findings: Iterator[Finding] | Sequence[Finding]) -> None:
        for finding in findings:
            if finding not in self._findings:
                self.segments[segment].findings += 1
                if len(self._findings) < FINDINGS_MAX:
                    self._findings[finding] = None
