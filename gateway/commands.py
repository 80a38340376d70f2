"""Commands over HTTP, below HTTP: what a request says in, the domain's own word about it out, once both are durable.

A command is a message like those of `/v1/events`, only that its type and its user stand in the path and its name in the
Idempotency-Key. So it is put together as such a message, in the sender's own text, read by the same specs, and goes the
same way into the log. What differs is that somebody waits for the answer.

Who asks again under the same key gets the first answer again. Nothing is kept for that but what the store keeps anyway:
the input's id, which is a hash over API key, method, path and Idempotency-Key, and the reply, which was committed with
what it reports. So a repeat is told apart from a new request by the log alone, also after a kill: it is appended as a
duplicate, and then its answer is in the store or yet to come. A request without a key is appended under a made-up name
that is not remembered.

How the answer is waited for stands in asking.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec

from actors.commands import Answer
from gateway.asking import Forget, ask
from gateway.ingest import SPACES, key_problem
from gateway.problems import Declined, FieldError, Problem
from gateway.readers import ReaderPool
from supervision.counters import Counters
from supervision.messages import Appended, AppendResult, Item, Reused, Told
from supervision.outputs import business_key
from supervision.runtime import Address
from topology.unreadable import NOT_JSON
from topology.wire import BadMessage, ByKey, Door, MadeUp, parse, reply_key

SOURCE = "http.command"
"""Of the ids: apart from `http`, so that no event_id can ever be taken for a key."""
REPLAYED = {"idempotent-replayed": "true"}
"""Header of an answer that was given before."""


class Call(msgspec.Struct, frozen=True):
    """One request. `fields` are those of the message that stand in the path; `caller` is the API key's id, or empty;
    `domain` is who answers.
    """

    event_type: str
    fields: Mapping[str, str]
    body: bytes
    key: str | None
    caller: str
    method: str
    path: str
    domain: str = "points"


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
    """A command on its way into the log: what it is known by, whom it is about, who answers, and how to stop waiting
    for it.
    """

    known_by: int
    segment: int
    subject: str
    domain: str
    forget: Forget


class Commands:
    """Any thread may call. `closed()` is why no input is taken now (Ingest.not_taking)."""

    def __init__(
        self,
        door: Door,
        journal: Address,
        readers: ReaderPool,
        parked_domains: Callable[[], Collection[tuple[int, str]]],
        closed: Callable[[], Problem | None],
        made_up_id: Callable[[], str],
        counters: Counters,
    ) -> None:
        self._door = door
        self._journal = journal
        self._readers = readers
        self._parked_domains = parked_domains
        self.closed = closed
        self._made_up_id = made_up_id
        self._counters = counters

    def hand_in(self, call: Call, placed: Callable[[Placed | Problem], None], replied: Told) -> Handed:
        """Append the command. O(bytes). Raises Problem when it is none, and then nobody is called.

        `placed` is called once, in the journal's thread; `replied` at most once, before or after it, until `forget`.
        """
        if problem := self.closed() or key_problem(call.key):
            raise problem
        item = self._item(call)
        forget = ask(self._journal, item, call.domain, lambda result: placed(_placed(result)), replied)
        return Handed(reply_key(item), item.segment, item.draft.subject, call.domain, forget)

    def stored(self, handed: Handed) -> bytes | None:
        """The reply that was given already. Blocks for as long as the store takes, and raises its `Refused`."""
        with self._readers.one() as reader:
            return reader.reply(handed.known_by, handed.domain)

    def parked(self, handed: Handed, offset: int) -> Problem | None:
        """Why the command at `offset` is not answered, when an operator must decide first. Blocks as `stored` does."""
        if (handed.segment, handed.domain) in self._parked_domains():
            return Problem("parked", f"the domain {handed.domain} of segment {handed.segment} is parked; {_TAKEN}")
        with self._readers.one() as reader:
            rows = reader.parked(handed.segment, handed.domain, handed.subject, -1, 1)
        if not rows or rows[0].offset > offset:
            return None
        first = f"offset {rows[0].offset} of segment {handed.segment}"
        return Problem("parked", f"what was sent for this user from {first} on is parked; {_TAKEN}")

    def _item(self, call: Call) -> Item:
        """What to append. A message's own `event_id` counts for nothing here: the key alone names a request."""
        if call.key is None:
            name = self._made_up_id()
            item = self._door.decode(message(call), SOURCE, name, MadeUp(name), asked=True)
        else:
            name = business_key(call.caller, call.method, call.path, call.key).hex()
            item = self._door.decode(message(call), SOURCE, name, ByKey(name), asked=True)
        if isinstance(item, BadMessage):
            self._counters.count("refused_at_door", door=SOURCE, code=item.code)
            raise refused(item)
        return msgspec.structs.replace(item, keep_long=True)


_TAKEN = "the command stands in the log: ask for its answer again under the same Idempotency-Key"


def message(call: Call) -> bytes:
    """The command as one message: its type, the path's fields, then the body's own text. Raises Problem.

    >>> message(Call("points_redeem", {"user_id": "u"}, b'{"points": 5.00}', None, "", "POST", "/"))
    b'{"event_type":"points_redeem","user_id":"u","points": 5.00}'
    """
    body = parse(call.body)
    if isinstance(body, BadMessage):
        raise refused(body)
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
    place = msgspec.Raw(msgspec.json.encode(placed.at))
    return Declined(answer.code, answer.detail, {**numbers, "entry": place}, REPLAYED if placed.repeat else None)


def _placed(result: AppendResult | None) -> Placed | Problem:
    if result is None:
        return Problem("segment_lost", "this process no longer owns the segment; nothing is promised, send it again")
    if isinstance(result, Appended):
        return Placed(EntryAt(result.segment, result.offset), result.duplicate)
    assert isinstance(result, Reused), result
    at = f"segment {result.segment}, offset {result.offset}"
    text = f"this Idempotency-Key was used here with another body, which stands at {at}"
    return Problem("idempotency_key_reused", text, (FieldError("Idempotency-Key", "idempotency_key_reused", text),))


def refused(bad: BadMessage) -> Problem:
    """A refusal of the reading as the document that HTTP has for it."""
    errors = (FieldError(bad.field, bad.code, bad.message),) if bad.field else ()
    if bad.code in NOT_JSON:
        return Problem("not_json", bad.message, errors)
    if not bad.field and bad.code in ("too_large", "not_an_object"):
        return Problem("too_large" if bad.code == "too_large" else "wrong_kind", bad.message, errors)
    return Problem("bad_field", bad.message, errors)
