"""Jobs over HTTP against the real program: files that break off and come again, and the program killed meanwhile.

The template has no limit for a user: only the job keeps a batch or a page that comes again from giving its users a
second coupon. It must do so by its own books, so nobody may be counted as one who `already` had it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from tests.crash.program import QUIETLY, Program
from tests.crash.templates import open_template, usage_of

TEMPLATE, JOB = "T1", "spring"
BAD_EVERY = 1_000
"""Each so many lines one is no user."""
WORK_S_MAX = 120.0
HTTP_S_MAX = 60.0
BLOW_S_MAX = 0.05
"""From the progress that a blow waited for to the blow."""
UPLOADS, UPLOAD_SHARE = 8, 0.1
"""Uploads that break off, each with so much more of the file than the one before."""
KILLS_MAX = 20
PAUSE_SHARE = 0.3


class Office:
    """An engine with a template, and a file of `users` users for one job. Close it."""

    def __init__(self, folder: Path, users: int) -> None:
        self.users, self.bad = users, users // BAD_EVERY
        lines = [f'{{"user_id":"user{n}"}}' if n % BAD_EVERY else f'{{"customer":{n}}}' for n in range(users)]
        self.file = "\n".join(lines).encode()
        self.program = Program(folder, *QUIETLY)
        try:
            self.begin()
            open_template(self.program.url, TEMPLATE)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.program.close()

    def begin(self) -> None:
        self.program.start()
        self.program.ready()

    def job(self) -> dict[str, Any]:
        """Nothing while nobody has heard of it."""
        answer = httpx.get(f"{self.program.url}/v1/coupon-jobs/{JOB}", timeout=HTTP_S_MAX)
        return answer.json() if answer.status_code == 200 else {}

    def say(self, word: str) -> dict[str, Any]:
        answer = httpx.post(f"{self.program.url}/v1/coupon-jobs/{JOB}/{word}", timeout=HTTP_S_MAX)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def begun(self, share: float) -> HTTPConnection:
        """An upload that has come so far, and whose first batches are durable. Whoever made it closes it."""
        batches = self.job().get("batches", 0)
        connection = HTTPConnection(urlsplit(self.program.url).netloc, timeout=HTTP_S_MAX)
        connection.putrequest("POST", f"/v1/coupon-jobs?{urlencode({'job_id': JOB, 'template': TEMPLATE})}")
        connection.putheader("content-type", "application/x-ndjson")
        connection.putheader("content-length", str(len(self.file)))
        connection.endheaders(self.file[: round(len(self.file) * share)])
        self.until(lambda: self.job().get("batches", 0) > batches, "nothing of the file is taken")
        return connection

    def hand_in(self) -> dict[str, Any]:
        """The whole file."""
        answer = httpx.post(
            f"{self.program.url}/v1/coupon-jobs", params={"job_id": JOB, "template": TEMPLATE}, content=self.file,
            headers={"content-type": "application/x-ndjson"}, timeout=HTTP_S_MAX,
        )  # fmt: skip
        assert answer.status_code == 202, answer.text
        return answer.json()

    def until(self, holds: Any, what: str) -> None:
        self.program.until(holds, WORK_S_MAX, lambda: f"{what}: {self.job()}")

    def killed(self) -> None:
        """Killed, and started again."""
        self.program.kill()
        self.begin()

    def reckon(self) -> None:
        """Each user has one coupon, each line that is none is refused, and nothing is left to do."""
        self.until(lambda: self.job()["status"] == "done", "the job is not done")
        job, good = self.job(), self.users - self.bad
        shown = (job["users"], job["issued"], job["already"], job["refused"], job["queued"], job["missing"])
        assert shown == (self.users, good, 0, {"bad_user_id": self.bad}, 0, []), job
        assert usage_of(self.program.url, TEMPLATE)["issued"] == good
        for n in (1, self.users // 2 + 1, self.users - 1):
            coupons = httpx.get(f"{self.program.url}/v1/users/user{n}/coupons", timeout=HTTP_S_MAX).json()["data"]
            assert len(coupons) == 1, coupons


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with closing(Office(tmp_path, users=12_000)) as one:
        yield one


def test_a_file_that_breaks_off_is_sent_again_and_a_job_that_is_paused_stays_so_whatever_is_killed(
    office: Office,
) -> None:
    office.begun(0.3).close()
    assert office.say("pause")["status"] == "paused"
    upload = office.begun(0.7)
    office.killed()
    upload.close()
    before = office.job()
    assert before["status"] == "paused" and 0 < before["batches"] < office.users // 1_000
    assert office.hand_in() == {"job_id": JOB, "users": office.users, "batches": office.users // 1_000}
    paused = office.job()
    assert paused["status"] == "paused" and paused["batches"] == office.users // 1_000
    assert paused["queued"] > 0, "all were sent before it was paused"
    assert office.say("continue")["status"] == "running"
    office.until(lambda: office.job()["issued"] > paused["issued"], "it does not go on")
    office.killed()
    office.reckon()


@pytest.mark.long
@pytest.mark.parametrize("seed", [61, 62])
def test_a_job_over_http_outlives_kills_at_any_moment(tmp_path: Path, seed: int) -> None:
    rng, midway = Random(seed), 0
    with closing(Office(tmp_path, users=100_000)) as office:
        for life in range(1, UPLOADS + 1):
            issued = office.job().get("issued", 0)
            with closing(office.begun(UPLOAD_SHARE * (life + rng.random() / 2))):
                if rng.random() < PAUSE_SHARE:
                    office.say("pause")
                    office.killed()
                    office.say("continue")
                midway += _struck(office, rng, issued)
        office.hand_in()
        while not _over(office) and office.program.lives <= KILLS_MAX:
            midway += _struck(office, rng, office.job()["issued"])
        office.hand_in()
        office.reckon()
        assert midway >= UPLOADS, f"only {midway} blows fell on the job at work"


def _struck(office: Office, rng: Random, issued: int) -> bool:
    """Killed soon after more than `issued` are. -> was it at work?"""
    office.until(lambda: office.job()["issued"] > issued or _over(office), "it does not go on")
    time.sleep(rng.uniform(0, BLOW_S_MAX))
    working = not _over(office)
    office.killed()
    return working


def _over(office: Office) -> bool:
    return office.job()["status"] == "done"
