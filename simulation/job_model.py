"""The reference model of coupon jobs: which batches count, which users go out with which page, when a job is done.

It folds what the shadow tells it was folded, as all models do (coupon_model.py). What becomes of the users on their way
it hears twice: from the sums that shelves send to a job, and from the model of coupons, user by user. How fast a job
gets on is nobody's business: words of progress are not foretold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from simulation.coupon_lists import Lists
from simulation.job_book import JobBook, stored_like, told
from simulation.model import Said
from supervision.entry import Entry, segment_of
from supervision.messages import Emission
from topology.wire import id_hash

QUIET_MS = 30_000
"""Without a batch for so long a job is done where nobody said how many there are: stated in docs/semantics.md."""
WORDS = {
    "coupon_job.pause": ("paused", ("running",)),
    "coupon_job.continue": ("running", ("paused",)),
    "coupon_job.cancel": ("cancelled", ("running", "paused")),
}
"""What an operator's word makes of a job, and of which."""
TOLD = ("coupon.list", "coupon.job_done", "coupon.job_refused")
Listed = tuple[int, str, str]
"""A template's (number, status, activity)."""


class Sizes(msgspec.Struct, frozen=True):
    """How many users a job has under way at most, on a page, and on a page amid other traffic."""

    under_way: int
    page: int
    held: int


class JobModel:
    """Books by job. `lists` are those of the model of coupons."""

    domain = "coupon_jobs"
    kinds = frozenset({*WORDS, "coupon_job.batch", "coupon.list_done", "programme.activated", "timer.coupon_jobs"})
    parks_subject = True
    timer_key = "step"

    def __init__(self, segments: int, sizes: Sizes, lists: Lists, lame: set[str], marks: Counter[str]) -> None:
        """`lame`: templates somebody may wait for in vain."""
        self._segments, self._sizes, self._lists, self._lame, self._marks = segments, sizes, lists, lame, marks
        lists.on_decided = self._decided
        self.on_page: Callable[[str], None] = lambda job: None
        """Told of each job a page of which has gone out."""
        self.books: dict[str, JobBook] = {}
        self._directories: dict[int, dict[str, Listed]] = {}
        self.answers: dict[int, tuple[Any, ...]] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        body = msgspec.json.decode(entry.body)
        if entry.kind == "programme.activated":
            self._hear(entry.segment, body)
            return []
        job = job_at(entry.subject)
        book, said = self.books.setdefault(job, JobBook()), list[Said]()
        match entry.kind:
            case "coupon_job.batch":
                said += self._batch(book, entry, body, at)
            case "coupon.list_done":
                book.became += Counter({"issued": body["issued"], "already": body["already"], **body["refused"]})
            case "timer.coupon_jobs" if body["key"] == "step":
                if book.step is None or book.step[1] != body["gen"]:
                    return []
                book.step = None
                said += self._step(book, job, body["held"])
            case "timer.coupon_jobs":
                if book.quiet is None or book.quiet[1] != body["gen"]:
                    return []
                book.quiet = None
            case _:
                self._obey(book, entry)
        return said + (self._go_on(book, entry, at) if book.status else [])

    def _hear(self, segment: int, body: dict[str, Any]) -> None:
        """The segment of a job hears of a version of a template."""
        kind, _, template = body["name"].partition(":")
        known = self._directories.setdefault(segment, {})
        if kind == "template" and known.get(template, (0, "", ""))[0] < body["number"]:
            listing = msgspec.json.decode(body["body"])
            known[template] = (body["number"], listing["status"], listing["template"].get("activity_id", ""))

    def _batch(self, book: JobBook, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        name = str(body.get("batch_no") or body["user_batch"])
        if name in book.names:
            self._marks["job_batch_again"] += 1
            return []
        known = self._directories.get(entry.segment, {})
        by_activity = (name for name, listed in known.items() if listed[2] and listed[2] == body.get("activity_id"))
        template = body.get("template") or next(by_activity, "")
        if wrong := _unfit(book, known.get(template), template):
            return [("coupon.job_refused", entry.subject, wrong, len(body["user_batch"]), body.get("batch_no"))]
        book.template, book.activity = template, body.get("activity_id") or book.activity
        book.total = body.get("total_batches") or book.total
        if book.status in ("", "done"):
            book.status, book.ended = "running", False
        book.touched = at
        book.take(body, name, self._home)
        return []

    def _home(self, user: str) -> int:
        return segment_of(f"user:{user}", self._segments)

    def _step(self, book: JobBook, job: str, held: bool) -> list[Said]:
        if book.status == "cancelled":
            self._marks["job_cancelled"] += book.waiting > 0
            book.batches.clear()
        if book.status != "running":
            return []
        room = min(self._sizes.held if held else self._sizes.page, self._sizes.under_way - book.under_way)
        self._marks["job_pages"] += book.sent > 0 and book.waiting > 0
        lists: dict[int, list[str]] = {}
        for user in book.page(room):
            lists.setdefault(self._home(user), []).append(user)
        if lists:
            self.on_page(job)
        said: list[Said] = []
        for segment, users in lists.items():
            book.lists += 1
            shelf = f"segment:{segment:02}/template:{book.template}"
            said.append(("coupon.list", shelf, job, book.lists, "activity", users, book.activity))
        return said

    def _obey(self, book: JobBook, entry: Entry) -> None:
        """An operator's word is answered."""
        wanted, only_from = WORDS[entry.kind]
        answer: tuple[Any, ...] = (False, "job_over" if book.status else "unknown_job")
        if book.status == wanted or book.status in only_from:
            self._marks["job_continued"] += book.status == "paused" and wanted == "running" and book.waiting > 0
            book.status = wanted
            answer = (True, *book.shown())
        if entry.asked:
            self.answers[id_hash(entry.root, entry.asked_of or entry.subject)] = answer

    def _go_on(self, book: JobBook, entry: Entry, at: int) -> list[Said]:
        room = min(self._sizes.page, self._sizes.under_way - book.under_way)
        more = book.status == "running" and room >= min(book.waiting, self._sizes.page)
        if book.batches and (more or book.status == "cancelled") and book.step is None and not book.halted:
            book.step = (at, entry.offset)
        if not book.over or book.ended:
            return []
        if book.status == "cancelled" or (
            book.status == "running" and (book.complete or at >= book.touched + QUIET_MS)
        ):
            book.status = "done" if book.status == "running" else book.status
            book.ended = True
            return [("coupon.job_done", entry.subject, *book.shown())]
        if book.status == "running" and book.quiet is None:
            book.quiet = (book.touched + QUIET_MS, entry.offset)
        return []

    # What the shadow asks.

    def discarded(self, entry: Entry) -> list[Said]:
        """An operator threw it away: a batch has not come, a word was not said; but who waits for a sum or a firing
        waits for ever.
        """
        job, body = job_at(entry.subject), msgspec.json.decode(entry.body)
        if entry.kind == "coupon.list_done":
            self._lists.lost.add(job)
        elif entry.kind == "timer.coupon_jobs":
            book = self.books[job]
            if body["key"] == "step" and book.step is not None and book.step[1] == body["gen"]:
                book.step, book.halted = None, True
            self._lists.lost.add(job)
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        book = self.books.get(job_at(subject))
        return book.step if book else None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when the store has what the model has."""
        if not subject.startswith("job:"):
            segment = int(subject.removeprefix("segment:"))
            stored = {name: (each[0], each[1], each[3]) for name, each in msgspec.msgpack.decode(data)[1].items()}
            mine = self._directories.get(segment, {})
            return "" if stored == mine else f"the store knows of {stored}, the model of {mine}"
        return stored_like(self.books[job_at(subject)], data)

    def heard(self, emission: Emission) -> Said | None:
        kind, subject = emission.draft.kind, emission.draft.subject
        if kind not in TOLD:
            return None
        body = msgspec.json.decode(emission.draft.body)
        match kind:
            case "coupon.list":
                of_job = (body["job"], body["no"], body["source"], body["users"], body.get("activity_id", ""))
                return (kind, subject, *of_job)
            case "coupon.job_done":
                return (kind, subject, *told(body))
            case _:
                return (kind, subject, body["code"], body["users"], body["batch_no"])

    def at_rest(self) -> str:
        """Empty when every job that can be is done, and has done what it was given."""
        for job, book in sorted(self.books.items()):
            if book.status and not self._is_lame(job, book) and (wrong := book.unlike()):
                return f"of the job {job}: {wrong}"
        return ""

    def log_fits(self, logs: Mapping[int, Sequence[Entry]]) -> str:
        """Empty when each user who got a job's coupon got one, and the log has no other."""
        said: dict[str, Counter[str]] = {}
        for entry in (entry for log in logs.values() for entry in log if entry.kind == "coupon.issued"):
            body = msgspec.json.decode(entry.body)
            if job := body.get("job_id"):
                said.setdefault(job, Counter())[body["user_id"]] += 1
        for job, book in self.books.items():
            mine = Counter({user: 1 for user, became in book.of_users.items() if became["issued"]})
            if said.get(job, Counter()) != mine:
                return f"the job {job} gave coupons to {mine}, the log has {said.get(job)}"
        return ""

    def paused(self) -> list[str]:
        """Jobs that wait for an operator's word."""
        return [job for job, book in self.books.items() if book.status == "paused"]

    def _is_lame(self, job: str, book: JobBook) -> bool:
        return job in self._lists.lost or book.template in self._lame

    def _decided(self, job: str, user: str, what: str) -> None:
        """What the model of coupons says of one user."""
        self.books[job].of_users.setdefault(user, Counter())[what] += 1


def _unfit(book: JobBook, listed: Listed | None, template: str) -> str:
    """Why nothing of a batch is taken."""
    if listed is None or listed[1] == "draft":
        return "unknown_template"
    if book.status == "cancelled":
        return "job_cancelled"
    return "another_template" if book.template and book.template != template else ""


def job_at(subject: str) -> str:
    return subject.partition(":")[2]


def answered(body: bytes) -> tuple[Any, ...]:
    """An answer in the model's words."""
    answer = msgspec.json.decode(body)
    return (True, *told(answer["result"])) if answer["ok"] else (False, answer["code"])
