"""Jobs over HTTP, below HTTP: users in, batches into the log; and how far a job is, from the store.

A batch is the message that publishers send over AMQP, of a thousand users at most, under the name `job/batch_no`: who
sends a file again after a broken connection, under the same job, adds nothing. How many batches there are is known when
the last one is made, so one is held back until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from actors.coupon.directory import Directory
from actors.coupon_jobs import job
from actors.coupon_jobs.actor import CouponJobsActor, unfit
from actors.coupon_jobs.forms import BATCH_USERS_MAX
from actors.coupon_jobs.job import Job
from actors.coupon_jobs.shown import JobShown
from gateway.commands import refused
from gateway.ingest import Decode
from gateway.problems import FieldError, Problem
from gateway.readers import ReaderPool
from supervision.entry import segment_of, segment_subject
from supervision.messages import Append, Appended, AppendResult, Item, Reused
from supervision.outputs import business_key
from supervision.runtime import Address
from topology.wire import MESSAGE_BYTES_MAX, BadMessage, ByKey

SOURCE = "http.job"
"""Of the ids: apart from what is handed in by itself."""
BATCH_BYTES_MAX = MESSAGE_BYTES_MAX - 16 * 1024
"""Of a batch's users; the rest of the message is shorter than what is left."""
USER_CHARS_MAX = 200
"""What is longer is no id, and need not be carried whole to be refused."""

_state = msgspec.msgpack.Decoder(Job).decode
_directory = msgspec.msgpack.Decoder(Directory).decode
_encode = msgspec.json.Encoder().encode


class Wanted(msgspec.Struct, frozen=True):
    """What all batches of a job say."""

    job_id: str
    template: str | None = None
    activity_id: str | None = None


class Batches:
    """Cuts users into batches; each is given out when the next one has begun."""

    def __init__(self) -> None:
        self._users: list[bytes] = []
        self._nbytes = 0
        self._held: list[bytes] | None = None
        self.given = 0
        self.users = 0

    def add(self, users: Sequence[Any]) -> Iterator[list[bytes]]:
        """The batches that are whole and not the last, as JSON by user."""
        for user in users:
            encoded = _encode(_short(user))
            if len(self._users) == BATCH_USERS_MAX or self._nbytes + len(encoded) >= BATCH_BYTES_MAX:
                yield from self._whole()
            self._users.append(encoded)
            self._nbytes += len(encoded) + 1
            self.users += 1

    def last(self) -> Iterator[list[bytes]]:
        """What is left, the last one last."""
        if self._users:
            yield from self._whole()
        if self._held is not None:
            self.given += 1
            yield self._held

    def _whole(self) -> Iterator[list[bytes]]:
        if self._held is not None:
            self.given += 1
            yield self._held
        self._held, self._users, self._nbytes = self._users, [], 0


def _short(user: Any) -> Any:
    """An id as it is; of what is none, as much as names it."""
    if isinstance(user, str):
        return user[:USER_CHARS_MAX]
    return user if len(text := ascii(user)) <= USER_CHARS_MAX else {"line": text[:USER_CHARS_MAX]}


class CouponJobs:
    """Any thread may call. `closed()` is why no input is taken now (Ingest.not_taking)."""

    domain = CouponJobsActor.name

    def __init__(
        self, decode: Decode, journal: Address, readers: ReaderPool, segments: int, made_up_id: Callable[[], str],
        closed: Callable[[], Problem | None],
    ) -> None:  # fmt: skip
        self._decode = decode
        self._journal = journal
        self._readers = readers
        self._segments = segments
        self._made_up_id = made_up_id
        self.closed = closed

    def segment(self, job_id: str) -> int:
        return segment_of(_subject(job_id), self._segments)

    def name(self, caller: str, key: str | None) -> str:
        """Of a job for which the request names none: the same again for the same Idempotency-Key."""
        return self._made_up_id() if key is None else business_key("coupon-job", caller, key).hex()

    def shown(self, job_id: str) -> JobShown:
        """How far the job is. Blocks for as long as the store takes; raises Problem `unknown_job`."""
        with self._readers.one() as reader:
            data, _ = reader.snapshot(self.segment(job_id), self.domain, _subject(job_id))
        found = _state(data) if data is not None else Job()
        if found.status is None:
            raise Problem("unknown_job", f"there is no job {job_id!a}")
        return job.shown(found, job_id)

    def look(self, wanted: Wanted) -> Problem | None:
        """Why the job would take no batch, as things are. Blocks as `shown` does."""
        segment = self.segment(wanted.job_id)
        with self._readers.one() as reader:
            known, _ = reader.snapshot(segment, self.domain, segment_subject(segment))
            data, _ = reader.snapshot(segment, self.domain, _subject(wanted.job_id))
        directory = _directory(known) if known is not None else Directory()
        template = wanted.template or directory.activities.get(wanted.activity_id or "", "")
        why = unfit(_state(data) if data is not None else Job(), directory, template)
        if why is None:
            return None
        code, detail = why
        return Problem("unknown_template" if code == "unknown_template" else "refused_batch", detail)

    def item(self, wanted: Wanted, number: int, users: Sequence[bytes], total: int | None) -> Item:
        """The batch as what goes into the log; raises Problem when it is none."""
        fields = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
        said = {"event_type": "batch_coupon_issue", **fields, "batch_no": number}
        if total is not None:
            said["total_batches"] = total
        raw = _encode(said)[:-1] + b',"user_batch":[' + b",".join(users) + b"]}"
        name = business_key(wanted.job_id, str(number)).hex()
        item = self._decode(raw, SOURCE, name, ByKey(name))
        if isinstance(item, BadMessage):
            raise refused(item)
        return item

    def hand_in(self, item: Item, answer: Callable[[Appended | Problem], None]) -> None:
        """Append it; `answer` is called once, in the journal's thread."""

        def done(results: Sequence[AppendResult] | None) -> None:
            answer(_taken(results))

        self._journal.tell(Append((item,), done, len(item.encoded)))


def _subject(job_id: str) -> str:
    return f"job:{job_id}"


def _taken(results: Sequence[AppendResult] | None) -> Appended | Problem:
    if results is None:
        return Problem("segment_lost", "this process no longer owns the segment; nothing is promised, send it again")
    result = results[0]
    if isinstance(result, Appended):
        return result
    assert isinstance(result, Reused), result
    text = "the job has a batch of this number with other users: a job goes on with the same file, or under another id"
    return Problem("refused_batch", text, (FieldError("job_id", "id_reused", text),))
