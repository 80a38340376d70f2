"""Commands over HTTP, below HTTP: what a request says in, the domain's own word about it out, once both are durable.

A command is a message like those of `/v1/events`, only that its type and its user stand in the path and its name in the
Idempotency-Key. So it is put together as such a message, in the sender's own text, read by the same specs, and goes the
same way into the log. What differs is that somebody waits for the answer.

Who asks again under the same key gets the first answer again. Nothing is kept for that but what the store keeps anyway:
the input's id, which is a hash over API key, method, path and Idempotency-Key, and the reply, which was committed with
what it reports. So a repeat is told apart from a new request by the log alone, also after a kill: it is appended as a
duplicate, and then its answer is in the store or yet to come. A request without a key is appended under a made-up name
that is not remembered.

The journal is told who waits before it is told what to append, so that no answer is missed; whoever gives up waiting
says so (`forget`), since the journal would else keep him for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from actors.commands import Answer
from gateway.ingest import SPACES, Decode, key_problem
from gateway.problems import Declined, FieldError, Problem
from gateway.readers import ReaderPool
from supervision.counters import Counters
from supervision.entry import encode_draft
from supervision.messages import Append, Appended, AppendResult, Item, Reused
from supervision.outputs import business_key
from supervision.runtime import Address
from topology.unreadable import NOT_JSON
from topology.wire import BadMessage, MadeUp, id_hash, parse

SOURCE = "http.command"
"""Of the ids: apart from `http`, so that no event_id can ever be taken for a key."""
REPLAYED = {"idempotent-replayed": "true"}
"""Header of an answer that was given before."""

Forget = Callable[[], None]
Told = Callable[[bytes | None], None]


class Answers(Protocol):
    """Where domains' replies are heard: the journal, seen from a door."""

    def ask(self, id_hash: int, domain: str, done: Told) -> Forget:
        """`done` gets the reply of `domain` to the input `id_hash`, once it is durable, at most once and in the
        journal's thread, until the returned function is called. Each who asks is told, however many ask the same; None
        when too many wait for anything, and then nobody will tell this one.
        """
        ...


class Call(msgspec.Struct, frozen=True):
    """One request. `fields` are those of the message that stand in the path; `caller` is the API key's id, or empty."""

    event_type: str
    fields: Mapping[str, str]
    body: bytes
    key: str | None
    caller: str
    method: str
    path: str


class EntryAt(msgspec.Struct, frozen=True):
    """Where the command stands in the log."""

    segment: int
    offset: int


class Done(msgspec.Struct, frozen=True):
    """The answer to a command that was carried out."""

    entry: EntryAt
    result: msgspec.Raw


class Placed(msgspec.Struct, frozen=True):
    """The command is durable there; `repeat`: it was so before this request."""

    at: EntryAt
    repeat: bool


class Handed(msgspec.Struct, frozen=True):
    """A command on its way into the log: what it is known by, whom it is about, and how to stop waiting for it."""

    known_by: int
    segment: int
    subject: str
    forget: Forget


class Commands:
    """Any thread may call. `closed()` is why no input is taken now (Ingest.not_taking); `domain` is who answers."""

    def __init__(
        self,
        decode: Decode,
        journal: Address,
        answers: Answers,
        readers: ReaderPool,
        parked_domains: Callable[[], Collection[tuple[int, str]]],
        closed: Callable[[], Problem | None],
        made_up_id: Callable[[], str],
        counters: Counters,
        domain: str = "points",
    ) -> None:
        self._decode = decode
        self._journal = journal
        self._answers = answers
        self._readers = readers
        self._parked_domains = parked_domains
        self.closed = closed
        self._made_up_id = made_up_id
        self._counters = counters
        self._domain = domain

    def hand_in(self, call: Call, placed: Callable[[Placed | Problem], None], replied: Told) -> Handed:
        """Append the command. O(bytes). Raises Problem when it is none, and then nobody is called.

        `placed` is called once, in the journal's thread; `replied` at most once, before or after it, until `forget`.
        """
        if problem := self.closed() or key_problem(call.key):
            raise problem
        item, known_by = self._item(call)
        forget = self._answers.ask(known_by, self._domain, replied)
        self._journal.tell(Append((item,), lambda results: placed(_placed(results)), len(item.encoded)))
        return Handed(known_by, item.segment, item.draft.subject, forget)

    def stored(self, handed: Handed) -> bytes | None:
        """The reply that was given already. Blocks for as long as the store takes, and raises its `Refused`."""
        with self._readers.one() as reader:
            return reader.reply(handed.known_by, self._domain)

    def parked(self, handed: Handed, offset: int) -> Problem | None:
        """Why the command at `offset` is not answered, when an operator must decide first. Blocks as `stored` does."""
        if (handed.segment, self._domain) in self._parked_domains():
            return Problem("parked", f"the domain {self._domain} of segment {handed.segment} is parked; {_TAKEN}")
        with self._readers.one() as reader:
            rows = reader.parked(handed.segment, self._domain, handed.subject, -1, 1)
        if not rows or rows[0].offset > offset:
            return None
        first = f"offset {rows[0].offset} of segment {handed.segment}"
        return Problem("parked", f"what was sent for this user from {first} on is parked; {_TAKEN}")

    def _item(self, call: Call) -> tuple[Item, int]:
        """What to append, and what its reply will be known by."""
        named = call.key is not None
        name = business_key(call.caller, call.method, call.path, call.key).hex() if call.key is not None else ""
        name = name or self._made_up_id()
        item = self._decode(message(call), SOURCE, name, MadeUp(name))
        if isinstance(item, BadMessage):
            self._counters.count("refused_at_door", door=SOURCE, code=item.code)
            raise _refused(item)
        known_by = id_hash(item.draft.id, item.draft.subject)
        draft = msgspec.structs.replace(item.draft, asked=True)
        item = msgspec.structs.replace(
            item, draft=draft, encoded=encode_draft(draft), id_hash=known_by if named else None, keep_long=named
        )
        return item, known_by


_TAKEN = "the command stands in the log: ask for its answer again under the same Idempotency-Key"


def message(call: Call) -> bytes:
    """The command as one message: its type, the path's fields, then the body's own text. Raises Problem.

    >>> message(Call("points_redeem", {"user_id": "u"}, b'{"points": 5.00}', None, "", "POST", "/"))
    b'{"event_type":"points_redeem","user_id":"u","points": 5.00}'
    """
    body = parse(call.body)
    if isinstance(body, BadMessage):
        raise _refused(body)
    said = {"event_type": call.event_type, **call.fields}
    for name, value in said.items():
        if name in body and body[name] != value:
            text = f"{name} is {value!a} by the path: leave it out of the body, or say the same"
            raise Problem("bad_field", text, (FieldError(name, "contradicts_path", text),))
    inner = call.body.strip(SPACES)[1:-1]
    return msgspec.json.encode(said)[:-1] + (b"," + inner if inner.strip(SPACES) else b"") + b"}"


def outcome(placed: Placed, reply: bytes) -> Done | Declined:
    """What `reply` means to who asked."""
    answer = msgspec.json.decode(reply, type=Answer)
    if answer.ok:
        return Done(placed.at, answer.result)
    numbers = msgspec.json.decode(answer.result, type=dict[str, msgspec.Raw])
    return Declined(answer.code, answer.detail, numbers, REPLAYED if placed.repeat else None)


def _placed(results: Sequence[AppendResult] | None) -> Placed | Problem:
    if results is None:
        return Problem("segment_lost", "this process no longer owns the segment; nothing is promised, send it again")
    (result,) = results
    if isinstance(result, Appended):
        return Placed(EntryAt(result.segment, result.offset), result.duplicate)
    assert isinstance(result, Reused), result
    at = f"segment {result.segment}, offset {result.offset}"
    text = f"this Idempotency-Key was used here with another body, which stands at {at}"
    return Problem("idempotency_key_reused", text, (FieldError("Idempotency-Key", "idempotency_key_reused", text),))


def _refused(bad: BadMessage) -> Problem:
    """A refusal of the reading as the document that HTTP has for it."""
    errors = (FieldError(bad.field, bad.code, bad.message),) if bad.field else ()
    if bad.code in NOT_JSON:
        return Problem("not_json", bad.message, errors)
    if not bad.field and bad.code in ("too_large", "not_an_object"):
        return Problem("too_large" if bad.code == "too_large" else "wrong_kind", bad.message, errors)
    return Problem("bad_field", bad.message, errors)
