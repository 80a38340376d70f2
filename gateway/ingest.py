"""Input over HTTP, below HTTP: bytes and an Idempotency-Key in, one answer out once everything taken is durable.

Each element of a list stands alone: a bad one is rejected with its field and reason, its neighbours go to the journal
in one append. The sender's bytes of each element are kept as they came, so a list is cut and not re-encoded; where the
decoder cannot cut it, because something in it is no JSON, it is cut in another way (cut.py) and each element is judged
by itself. What has no elements, or none that anything can be said of, is refused as a whole.

The journal answers in its own thread, to a callback that only passes the word on; the caller makes the answer of it.
An answer that never comes (the process is stopped, the segment was lost) is not success: the caller may say so, and a
resend under the same id is harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from gateway.cut import cut
from gateway.problems import FieldError, Problem, invalid_parameter
from supervision.counters import Counters
from supervision.messages import Append, Appended, AppendResult, Item, Reused
from supervision.runtime import Address
from topology.unreadable import NOT_JSON, words
from topology.wire import BadMessage, ByKey, Fallback, MadeUp, says_event_id, text_problem

SOURCE = "http"
LIST_ITEMS_MAX = 2_500
BODY_BYTES_MAX = 512 * 1024
KEY_BYTES_MAX = 240
"""Of an Idempotency-Key: with `/2499` behind it, it is still an id."""

SPACES = b" \t\r\n"
"""What JSON takes for white space."""

Decode = Callable[[bytes, str, str | None, Fallback], Item | BadMessage]
"""topology.wire.Door.decode."""


class Accepted(msgspec.Struct, frozen=True):
    """Element `index` is durable at (segment, offset); `duplicate`: it was so before this request."""

    index: int
    id: str
    segment: int
    offset: int
    duplicate: bool


class Rejected(msgspec.Struct, frozen=True):
    """Element `index` was not taken. `field` is dotted, empty when it is about the whole element."""

    index: int
    code: str
    field: str
    message: str


class Taken(msgspec.Struct, frozen=True):
    """The answer to `POST /v1/events`; every element is in exactly one of the two, both in order of index."""

    accepted: list[Accepted]
    rejected: list[Rejected]


Outcome = Callable[[], Taken | Problem]
"""Makes the answer."""


class Ingest:
    """Any thread may call."""

    def __init__(
        self,
        decode: Decode,
        journal: Address,
        taking: Callable[[], tuple[str, ...]],
        made_up_id: Callable[[], str],
        counters: Counters,
    ) -> None:
        self._decode = decode
        self._journal = journal
        self._taking = taking
        self._made_up_id = made_up_id
        self._counters = counters

    def not_taking(self) -> Problem | None:
        """Why nothing is taken at the moment; asked before a body is read, and again before it is worked on."""
        reasons = self._taking()
        if not reasons:
            return None
        self._counters.count("not_taking")
        return Problem("not_taking", "input is not taken: " + "; ".join(reasons))

    def submit(self, body: bytes, key: str | None, answer: Callable[[Taken | Problem], None]) -> None:
        """`hand_in` for those who may make the answer where it arrives: in this thread or in the journal's."""
        self.hand_in(body, key, lambda outcome: answer(outcome()))

    def hand_in(self, body: bytes, key: str | None, later: Callable[[Outcome], None]) -> None:
        """Read `body` and append what is good. O(bytes), about 15 microseconds per element.

        `later` is called exactly once, perhaps before this returns, perhaps in the journal's thread, with what makes
        the answer: to be called where there is time for it.
        """
        problem = self.not_taking() or key_problem(key)
        elements = problem or split(body)
        if isinstance(elements, Problem):
            refused = elements
            later(lambda: refused)
            return
        single = _first(body) == b"{"
        pending = self._read(elements, key, single)
        rejected = pending.rejected
        for bad in rejected:
            self._counters.count("refused_at_door", door=SOURCE, code=bad.code)
        if not pending.items and _not_json_at_all(rejected, single):
            later(lambda: _as_problem(rejected[0]))
        elif not pending.items:
            later(lambda: Taken([], rejected))
        else:
            nbytes = sum(len(item.encoded) for item in pending.items)
            self._journal.tell(Append(pending.items, lambda results: later(lambda: pending.taken(results)), nbytes))

    def _read(self, elements: Sequence[bytes], key: str | None, single: bool) -> _Pending:
        pending = _Pending([], [], [], self._counters)
        for index, raw in enumerate(elements):
            if key is None:
                fallback: Fallback = MadeUp(self._made_up_id())
            else:
                fallback = ByKey(key if single else f"{key}/{index}")
            item = self._decode(raw, SOURCE, None, fallback)
            if isinstance(item, BadMessage):
                pending.rejected.append(Rejected(index, item.code, item.field, item.message))
            else:
                pending.items.append(item)
                pending.indexes.append(index)
        return pending


class _Pending:
    """A request whose good elements are on their way into the log; `indexes` says which element each item is."""

    def __init__(self, items: list[Item], indexes: list[int], rejected: list[Rejected], counters: Counters) -> None:
        self.items = items
        self.indexes = indexes
        self.rejected = rejected
        self._counters = counters

    def taken(self, results: Sequence[AppendResult] | None) -> Taken | Problem:
        """The answer, from what the journal said. O(elements): not for the journal's thread."""
        if results is None:
            return Problem(
                "segment_lost", "this process no longer owns the segment; nothing is promised, send it again"
            )
        accepted: list[Accepted] = []
        rejected = list(self.rejected)
        for index, item, result in zip(self.indexes, self.items, results, strict=True):
            name = item.draft.id.partition("|")[2]
            if isinstance(result, Appended):
                accepted.append(Accepted(index, name, result.segment, result.offset, result.duplicate))
            else:
                rejected.append(_reused(index, name, item, result))
                self._counters.count("refused_at_door", door=SOURCE, code="id_reused")
        return Taken(accepted, sorted(rejected, key=lambda bad: bad.index))


def split(body: bytes) -> Sequence[bytes] | Problem:
    """The elements of `body` as they came: one message, or the 1 to 2,500 of a list.

    Elements are not looked into beyond what it takes to find their ends.
    """
    first = _first(body)
    if first == b"[":
        return _split_list(body)
    if first == b"{":
        return [body.strip(SPACES)]
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _not_json(body, error)
    return Problem("wrong_kind", "the body must be one message (an object) or a list of messages")


def _split_list(body: bytes) -> Sequence[bytes] | Problem:
    elements: Sequence[bytes | msgspec.Raw]
    try:
        elements = _raws.decode(body)
    except (RecursionError, msgspec.DecodeError, UnicodeDecodeError) as error:
        found = cut(body)
        if found is None:
            return _not_json(body, error)
        elements = found
    if not 1 <= len(elements) <= LIST_ITEMS_MAX:
        return Problem("list_size", f"the list has {len(elements)} messages, it must have 1 to {LIST_ITEMS_MAX}")
    return [bytes(element) for element in elements]


def _first(body: bytes) -> bytes:
    return body.lstrip(SPACES)[:1]


def _not_json(body: bytes, error: Exception) -> Problem:
    if isinstance(error, RecursionError):
        return Problem("not_json", "the body is not JSON: brackets or commas do not match")
    return Problem("not_json", f"the body {words(body, error)}")


def _not_json_at_all(rejected: Sequence[Rejected], single: bool) -> bool:
    """A message that is no JSON, or a list in which nothing is and nothing more can be said of any element."""
    codes = {bad.code for bad in rejected}
    return codes == {"not_json"} or (single and codes <= NOT_JSON)


def _as_problem(bad: Rejected) -> Problem:
    errors = (FieldError(bad.field, bad.code, bad.message),) if bad.field else ()
    return Problem("not_json", bad.message, errors)


def key_problem(key: str | None) -> Problem | None:
    """Why `key` cannot be an Idempotency-Key, None when it can or there is none."""
    if key is None or text_problem(key, KEY_BYTES_MAX) is None:
        return None
    message = f"Idempotency-Key must be 1 to {KEY_BYTES_MAX} bytes of UTF-8 without control characters"
    return invalid_parameter("Idempotency-Key", message)


def _reused(index: int, name: str, item: Item, result: AppendResult) -> Rejected:
    assert isinstance(result, Reused), result
    field = "event_id" if says_event_id(item.draft.body) else "Idempotency-Key"
    at = f"it stands at segment {result.segment}, offset {result.offset}"
    return Rejected(index, "id_reused", field, f"the id {name!a} is known with another message; {at}")


_raws: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
