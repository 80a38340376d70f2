"""Customers who look at their points while everything goes on: the production queries against the reference model.

They look right after a commit, at what any process could read then, so what they are shown must be the model's to the
last point: the balance as of the checkpoint that the answer names, and the lines of the ledger, page by page (what they
add up to is for ledger_proof.py); where there are profiles, the export of all that is held; and where what they did is
remembered, all of it. They use readers of their own that never fail: to be refused is not to be shown something wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from actors.points.actor import PointsLedgerActor
from gateway.balances import Balance
from gateway.behaviour_queries import BehaviourQueries
from gateway.export import EXPORT_RECORDS_MAX, Exports, NotificationSection, PointsSection, ProfileSection, exports
from gateway.problems import Problem
from gateway.queries import PointsQueries
from gateway.readers import ReaderPool
from simulation.browsing_model import BrowsingModel
from simulation.model import NotificationModel, ProfileModel
from simulation.points_book import Book
from simulation.points_model import PointsModel
from simulation.violation import Violation
from supervision.clock import Clock
from supervision.store_simulated import Disk, SimulatedStore

LOOK_COMMITS = 30
LOOKS_AT_REST = 5
"""Of users, at most: each is looked at through two queries, page by page."""
PAGE_LINES = 7
"""Few, so that there are many pages."""


class Customers:
    """All of a world's; outlive processes."""

    def __init__(
        self,
        rng: Random,
        disk: Disk,
        clock: Clock,
        model: PointsModel,
        profiles: ProfileModel,
        notified: NotificationModel,
        browsing: BrowsingModel,
        stands: Mapping[tuple[int, str], int],
        points: PointsLedgerActor,
    ):
        self._rng = rng
        self._clock = clock
        self._model = model
        self._stands = stands
        self._profiles = profiles
        self._notified = notified
        readers, segments = ReaderPool(SimulatedStore(disk).reader), disk.image.segments
        self._queries = PointsQueries(readers, segments, clock, points)
        self._browsing, self._behaviours = browsing, BehaviourQueries(readers, segments)
        self._exports: Exports = exports(self._queries, readers, segments)
        self._commits = 0

    def committed(self) -> None:
        """Now and then one of them looks."""
        self._commits += 1
        if self._commits % LOOK_COMMITS == 0 and self._model.books:
            self._look(self._rng.choice(list(self._model.books)))
            if self._profiles.facts:
                self._export(self._rng.choice(list(self._profiles.facts)))
            if self._browsing.lines:
                self._look_back(self._rng.choice(list(self._browsing.lines)))

    def at_rest(self) -> None:
        """A few look once more."""
        for subject in self._some(self._model.books):
            self._look(subject)
        for subject in self._some(self._profiles.facts):
            self._export(subject)
        for subject in self._some(self._browsing.lines):
            self._look_back(subject)

    def _some(self, known: Mapping[str, object]) -> list[str]:
        return self._rng.sample(list(known), min(LOOKS_AT_REST, len(known)))

    def _look(self, subject: str) -> None:
        user, book = subject.removeprefix("user:"), self._model.books[subject]
        try:
            balance = self._queries.balance(user)
        except Problem as problem:
            if problem.code != "unknown_user" or book.lines:
                raise Violation(f"queries: {user} is told {problem.code} after {book.lines} lines") from None
            return
        self._judge(user, subject, balance)
        self._count(user, book)

    def _judge(self, user: str, subject: str, balance: Balance) -> None:
        available = self._model.available(subject, balance.as_of.segment, self._clock.now_ms())
        lots = balance.lots or []
        shown = sum(lot.points for lot in lots)
        if balance.available != available or (len(lots) < 100 and shown != available):
            raise Violation(
                f"queries: {user} is shown {balance.available} in lots of {shown}, the model has {available}"
            )
        stands = self._stands.get((balance.as_of.segment, "points"), 0)
        if balance.as_of.offset != stands:
            raise Violation(f"queries: {user} is shown the state as of {balance.as_of.offset}, committed is {stands}")

    def _count(self, user: str, book: Book) -> None:
        lines = 0
        cursor: str | None = None
        while True:
            page = self._queries.records(user, PAGE_LINES, cursor)
            lines += len(page.data)
            cursor = page.next_cursor
            if cursor is None:
                break
        if lines != book.lines:
            raise Violation(f"queries: {user} is shown {lines} lines, the model has {book.lines}")

    def _look_back(self, subject: str) -> None:
        """On all that he did, newest first."""
        user, found, cursor = subject.removeprefix("user:"), list[str](), None
        while True:
            page = self._behaviours.events(user, PAGE_LINES, cursor)
            found += [line.entry for line in page.data]
            cursor = page.next_cursor
            if cursor is None:
                break
        if found[::-1] != (mine := [line[0] for _, line in sorted(self._browsing.lines[subject].items())]):
            raise Violation(f"queries: {user} did {found[::-1]}, the model has {mine}")

    def _zone(self, subject: str, given: str) -> None:
        zone = self._notified.zones.get(subject, "")
        if given != zone:
            raise Violation(f"export: messages of {subject} go by {given!r}, the model's by {zone!r}")

    def _export(self, subject: str) -> None:
        """What a user is given of himself is what the models know of him, by section."""
        user, facts = subject.removeprefix("user:"), self._profiles.facts[subject]
        book = self._model.books.get(subject, Book())
        try:
            sections = self._exports.export(user).sections
        except Problem as problem:
            if problem.code != "unknown_user" or facts or book.lines:
                raise Violation(f"export: {user} is told {problem.code}") from None
            return
        given: dict[str, tuple[str, str]] = {}
        lines = 0
        for section in sections:
            if isinstance(section, PointsSection):
                domain, lines = "points", len(section.records)
            elif isinstance(section, NotificationSection):
                domain = "notification"
                self._zone(subject, section.zone)
            else:
                assert isinstance(section, ProfileSection), section
                domain = "profile"
                given = {name: (fact.cause, bytes(fact.value).decode()) for name, fact in section.facts.items()}
            stands = self._stands.get((section.as_of.segment, domain), 0)
            if section.as_of.offset != stands:
                raise Violation(f"export: {user} is given {domain} as of {section.as_of.offset}, committed is {stands}")
        if given != facts or lines != min(book.lines, EXPORT_RECORDS_MAX):
            raise Violation(f"export: {user} is given {given} and {lines} lines, the models have {facts}, {book.lines}")
