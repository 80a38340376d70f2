"""The actor of the jobs domain: a job takes batches of users and sends them, page by page, to the shelves of its
template (actors/coupon/lists.py), which issue what they have and say what became of it.

A page goes out when a timer of the bulk lane fires, so that ordinary traffic goes first (supervision/bulk.py), and when
there is room for it (job.py). A page is sent by the stage that counts it as sent, and reaches each segment exactly
once; so a crash repeats none and loses none. A batch that comes again is known and adds nothing.

A job is done when all its batches have come and all their users are decided. Where nobody said how many batches there
are, or some are missing, it is done when nothing has come for QUIET_MS; a batch that comes later makes it go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET

from actors.commands import declined, done
from actors.coupon.directory import Directory, enter
from actors.coupon.listing import listed_of, subject_of, template_of
from actors.coupon.lists import DONE, LIST, IssueList, ListDone
from actors.coupon_jobs import inputs, job
from actors.coupon_jobs.job import BATCHES_MAX, Job
from actors.coupon_jobs.pages import Pages
from actors.coupon_jobs.shown import JobRefused
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from supervision.domain import Domain, Event, TimerDue
from supervision.entry import Chain, part_subject
from supervision.outputs import Arm, Claim, Emit, Output, Reply

SOURCE = "activity"
STEP = "step"
QUIET = "quiet"
QUIET_MS = 30_000
"""After which a job waits for no more batches."""
PROGRESS_MS = 1_000
"""At least between two words of progress."""

Words = inputs.PauseJob | inputs.ContinueJob | inputs.CancelJob


class CouponJobsActor(Domain[Job]):
    """For a store of `segments` segments; its users go out in `pages`."""

    name: ClassVar[str] = "coupon_jobs"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        inputs.BATCH: inputs.IssueBatch,
        inputs.PAUSE: inputs.PauseJob,
        inputs.CONTINUE: inputs.ContinueJob,
        inputs.CANCEL: inputs.CancelJob,
        DONE: ListDone,
        ACTIVATED: ProgrammeActivated,
    }
    state_type = Job
    format = 1
    shared_type = Directory
    shared_format = 1
    parks = "subject"

    def __init__(self, segments: int, pages: Pages | None = None) -> None:
        self._segments = segments
        self._pages = pages or Pages()

    def fresh(self, subject: str) -> Job:
        return Job()

    def fresh_shared(self) -> Directory:
        return Directory()

    def check(self, state: Any) -> None:
        job.check(state, self._pages)

    def keys(self, event: Event) -> Sequence[bytes]:
        body = event.body
        return [job.seen_key(body.job, _name(body))] if isinstance(body, inputs.IssueBatch) else ()

    def later_keys(self, state: Any, event: Event) -> Sequence[bytes]:
        if not (isinstance(event.body, TimerDue) and event.body.key == STEP):
            return ()
        return [job.users_key(_id(event), place) for place in job.places(state)]

    def react(self, state: Any, event: Event) -> Iterable[Output]:
        body = event.body
        if isinstance(body, ProgrammeActivated):
            return _heard(state, body)
        return self._for_job(state, event) if isinstance(state, Job) else ()

    def _for_job(self, here: Job, event: Event) -> Iterator[Output]:
        match event.body:
            case inputs.IssueBatch():
                yield from _batch(here, event, event.body, self._segments)
            case ListDone():
                job.sum_up(here, event.body)
            case TimerDue(key=key) if key == STEP:
                here.armed = False
                yield from self._step(here, event)
            case TimerDue():
                here.quiet = False
            case _:
                yield Reply(_word(here, event, event.body))
        if here.status is not None:
            yield from _go_on(here, event, self._pages)

    def _step(self, here: Job, event: Event) -> Iterator[Output]:
        """Send the next page; of a cancelled job, forget it."""
        before = job.places(here)
        if here.status == "cancelled":
            job.drop(here)
        elif here.status == "running":
            room = self._pages.room(here.under_way, event.body.held)
            page = job.next_page(here, _id(event), self._segments, event.claimed, room)
            for segment, lists in page.items():
                for users in lists:
                    here.lists += 1
                    yield _sent(here, event, segment, users)
        for key in job.emptied(_id(event), before, here.first):
            yield Claim(key, b"", replaces=True)


def _id(event: Event) -> str:
    return event.subject.partition(":")[2]


def _name(body: inputs.IssueBatch) -> str:
    """What the batch is known by."""
    if body.batch_no is not None:
        return str(body.batch_no)
    return blake2b(msgspec.json.encode(body.user_batch), digest_size=16).hexdigest()


def _heard(directory: Directory, told: ProgrammeActivated) -> Iterable[Output]:
    """The segment hears of a version of a template."""
    template = template_of(told.name)
    known = directory.templates.get(template)
    if template and (known is None or known.number < told.number):
        enter(directory, template, listed_of(told.number, told.body))
    return ()


def _batch(here: Job, event: Event, body: inputs.IssueBatch, segments: int) -> Iterator[Output]:
    seen = job.seen_key(body.job, _name(body))
    if seen in event.claimed:
        return
    directory: Directory = event.shared
    template = body.template or directory.activities.get(body.activity_id or "", "")
    if why := unfit(here, directory, template):
        refused = JobRefused(body.job, *why, len(body.user_batch), body.batch_no)
        yield Emit("coupon.job_refused", refused, route="coupon.job.refused")
        return
    here.template = template
    here.activity_id = body.activity_id or here.activity_id
    here.total_batches = body.total_batches or here.total_batches
    if here.status in (None, "done"):
        here.status, here.ended, here.told_at, here.told = "running", False, event.at, here.decided
    here.touched_at = event.at
    place, users = job.take_in(here, body.batch_no, body.user_batch, segments)
    yield Claim(seen, b"%d" % place)
    yield Claim(job.users_key(body.job, place), users)


def unfit(here: Job, directory: Directory, template: str) -> tuple[str, str] | None:
    """(code, sentence): why nothing of a batch of the template can be taken. Doors ask it too."""
    listed = directory.templates.get(template)
    if listed is None or listed.status == "draft":
        return "unknown_template", f"there is no active template {template or 'that carries this activity'}"
    if here.status == "cancelled":
        return "job_cancelled", "the job was cancelled"
    if here.template and here.template != template:
        return "another_template", f"the job is about the template {here.template}"
    if here.batches >= BATCHES_MAX:
        return "too_many_batches", f"a job has at most {BATCHES_MAX} batches"
    return None


def _sent(here: Job, event: Event, segment: int, users: Sequence[str]) -> Emit:
    """A list to a shelf. All lists of a job are as deep as its step."""
    said = IssueList(_id(event), here.lists, SOURCE, tuple(users), here.activity_id or UNSET)
    chain = Chain(f"job|{_id(event)}", event.subject, event.entry.depth, False, event.at)
    return Emit(LIST, said, part_subject(segment, subject_of(here.template)), same_depth=True, chain=chain)


def _word(here: Job, event: Event, body: Words) -> msgspec.Struct:
    """An operator's word, answered."""
    if here.status is None:
        return declined("unknown_job", "there is no such job", {})
    wanted, only_from = _MAY[type(body)]
    if here.status != wanted:
        if here.status not in only_from:
            return declined("job_over", f"the job is {here.status}", {"status": here.status})
        if here.status == "paused":
            here.told_at, here.told = event.at, here.decided
        here.status = wanted
    return done(job.shown(here, _id(event)))


_MAY: Mapping[type[Words], tuple[Any, tuple[str, ...]]] = {
    inputs.PauseJob: ("paused", ("running",)),
    inputs.ContinueJob: ("running", ("paused",)),
    inputs.CancelJob: ("cancelled", ("running", "paused")),
}
"""What each word makes of a job that is what."""


def _go_on(here: Job, event: Event, pages: Pages) -> Iterator[Output]:
    """What is to come next, and what there is to tell."""
    at = event.at
    over = job.over(here)
    if not here.armed and (job.may_step(here, pages) or (here.status == "cancelled" and here.first < here.next)):
        here.armed = True
        yield Arm(STEP, at, lane="bulk")
    if over and not here.ended and _finished(here, at):
        here.status = "done" if here.status == "running" else here.status
        here.ended = True
        job.reckon(here, at)
        yield Emit("coupon.job_done", job.shown(here, _id(event)), route="coupon.job.done", same_depth=True)
        return
    if over and here.status == "running" and not here.quiet:
        here.quiet = True
        yield Arm(QUIET, here.touched_at + QUIET_MS)
    if here.decided > here.told and at >= here.told_at + PROGRESS_MS:
        job.reckon(here, at)
        yield Emit("coupon.job_progress", job.shown(here, _id(event)), route="coupon.job.progress", same_depth=True)


def _finished(here: Job, at: int) -> bool:
    """Of a job that is over: nothing more is waited for."""
    if here.status == "running":
        return here.complete or at >= here.touched_at + QUIET_MS
    return here.status == "cancelled"
