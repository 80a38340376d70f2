"""Those who have coupon jobs in the shop: who sends the batches, badly as all senders do (publishers.py), and the
operators who pause, continue and cancel a job while its users are on their way. Processes die between its pages, too.

A batch comes again under another id, or when the job is over. Once the world heals, whatever is paused is continued, so
that at rest only what was cancelled may have left anybody out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

import msgspec

from actors.registry import FOR_OPERATORS
from simulation.askers import Askers
from simulation.draw import Draw
from simulation.faults import Faults
from simulation.job_model import JobModel, answered
from simulation.jobs_drawn import Job, jobs
from simulation.publishers import Publishers
from supervision.messages import Item
from topology.wire import Door, MadeUp

AGAIN_SHARE = 0.35
"""Of batches that somebody sends again under another id."""
WORD_S = 0.2
"""Between what operators say about one job, at most."""
KILLED_SHARE = 0.75
KILL_SHARE = 0.25
KILL_S = 0.05
"""Of worlds whose process is killed after pages, of pages after which it is, and how soon."""


class Office(Protocol):
    """What they need of their world."""

    faults: Faults

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...
    def crash(self) -> None: ...


class JobMakers:
    """All of a world's; outlive processes. `model` says when a page has gone out, and what is paused."""

    def __init__(
        self, seed: str, draw: Draw, world: Office, publishers: Publishers, askers: Askers, model: JobModel,
        templates: Sequence[str],
    ) -> None:  # fmt: skip
        self._rng = rng = Random(seed)
        self._draw, self._world, self._publishers, self._askers, self._model = draw, world, publishers, askers, model
        self._jobs: list[Job] = jobs(rng, draw.jobs, draw.users, templates) if draw.jobs else []
        self._door = Door(FOR_OPERATORS, draw.segments)
        self._killed = rng.random() < KILLED_SHARE
        self._words: dict[str, list[str]] = {}
        """What is to be said of each that has begun."""
        self._said = 0
        model.on_page = self._page_out

    def plan_round(self, left: int) -> None:
        """Begin some of the jobs; so many rounds are left, this one included."""
        begun = [job for job in self._jobs if self._rng.random() < 1 / left]
        self._jobs = [job for job in self._jobs if job not in begun]
        for job in begun:
            self._begin(job)

    def _begin(self, job: Job) -> None:
        rng, window_s = self._rng, self._draw.window_s
        begin_s = rng.uniform(0, window_s)
        for batch in job.batches:
            body = msgspec.json.encode(batch)
            for _ in range(1 + (rng.random() < AGAIN_SHARE)):
                self._publishers.plan(begin_s + rng.uniform(0, window_s), body)
        self._words[job.id] = list(job.words)

    def _page_out(self, job: str) -> None:
        """Somebody sees it: says what he has to say of the job, and trips over a cable."""
        rng, seconds = self._rng, 0.0
        for word in self._words.pop(job, []):
            seconds += rng.choice((0.0, rng.uniform(0, WORD_S)))
            self._world.at(seconds, lambda word=word: self._say(word, job))
        if self._killed and rng.random() < KILL_SHARE:
            self._world.at(rng.uniform(0, KILL_S), self._kill)

    def _kill(self) -> None:
        if self._world.faults.on:
            self._world.crash()

    def _say(self, word: str, job: str) -> None:
        self._said += 1
        body = msgspec.json.encode({"event_type": f"coupon_job_{word}", "job_id": job})
        item = self._door.decode(body, "http", f"w{self._said}", MadeUp(""), asked=True)
        assert isinstance(item, Item), item
        self._askers.ask_for(item, self._model.domain, answered)

    def see_to_everything(self) -> None:
        """Whatever is paused goes on."""
        for job in self._model.paused():
            self._say("continue", job)
