"""Both doors' reading of a message: bytes become an item for the log, or a refusal that names the field and the limit.

The checks that any message must pass are here (size, JSON, nesting, its id); what its fields may hold is the matter of
the CommandSpec that its `event_type` names; a message that has none is known by a field that no other message has. The
sender's bytes go into the log as they came: unknown fields survive, and what is decoded here is thrown away again. The
body decides, never the routing key.

A message is known again by (source, id, subject). An id is the sender's when he gave one. When he gave none, a message
from the broker is named by a hash of its exchange, routing key and decoded content, since a broker may deliver it
twice and a random name would count it twice; a message over HTTP gets a made-up name and no promise. The hash of the
decoded content, keys sorted, also tells a resend (spaces and key order are nobody's intent) from another command under
the same id.

Of a key that occurs twice in an object the last one counts, for its value's checks, the hashes and the actors alike;
but each of them must be of the type that its field has, since the actor's decoder reads them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, cast

import msgspec

from actors.commands import CommandSpec, Refusal
from actors.fields import text_code
from supervision.entry import Draft, encode_draft, segment_of
from supervision.messages import Item
from topology.unreadable import refusal

MESSAGE_BYTES_MAX = 256 * 1024
JSON_DEPTH_MAX = 32
ID_BYTES_MAX = 256
SOURCE_BYTES_MAX = 256
SENDERS_KEPT = 256
"""Names of senders whose check is remembered."""

BadMessage = Refusal
"""Why a door takes no message: `code` for programs, `field` (dotted, empty for the whole), `message` for people."""


class ByContent(msgspec.Struct, frozen=True, gc=False):
    """No id: name it by exchange, routing key and content. For AMQP."""

    exchange: str
    key: str


class ByKey(msgspec.Struct, frozen=True, gc=False):
    """No id: name it by the caller's Idempotency-Key (`key`, or `key/i` for element i of a list)."""

    key: str


class MadeUp(msgspec.Struct, frozen=True, gc=False):
    """No id: this name was made for it, and is not remembered."""

    name: str


class _OwnId(msgspec.Struct, gc=False):
    event_id: str | None = None


Fallback = ByContent | ByKey | MadeUp

_json_of = msgspec.json.Decoder().decode
_own_id = msgspec.json.Decoder(_OwnId).decode
_sorted_json = msgspec.json.Encoder(order="deterministic").encode


class Door:
    """Reads messages for a store of `segments` segments. `commands` is by event_type. Stateless; any thread."""

    def __init__(self, commands: Mapping[str, CommandSpec], segments: int) -> None:
        self._commands = commands
        self._marks = {spec.mark: spec for spec in commands.values() if spec.mark}
        self.segments = segments

    def decode(
        self, raw: bytes, source: str, message_id: str | None, fallback: Fallback, asked: bool = False
    ) -> Item | BadMessage:
        """The item that `raw` becomes, or why it does not. Never raises, whatever the bytes. O(bytes), about 10 µs.

        `source` names the sender (AMQP: app_id, else the exchange). The id is `message_id` when given, else the body's
        `event_id`, else what `fallback` says. `asked`: the sender waits for a reply to `reply_key(item)`.
        """
        fields = parse(raw)
        if isinstance(fields, BadMessage):
            return fields
        spec = self._spec(fields)
        if isinstance(spec, BadMessage):
            return spec
        command = spec.decode(raw, fields)
        if isinstance(command, BadMessage):
            return command
        content = _sorted_json(fields)
        name = _name(fields, message_id, fallback, content)
        if isinstance(name, BadMessage):
            return name
        id = full_id(source, name)
        if isinstance(id, BadMessage):
            return id
        draft = Draft(command.kind, command.subject, raw, id, id, occurred_at=command.occurred_at, asked=asked)
        return Item(
            segment_of(command.subject, self.segments), draft, encode_draft(draft),
            None if isinstance(fallback, MadeUp) and name is fallback.name else id_hash(id, command.subject),
            hash64(content), command.keep_long, command.bulk,
        )  # fmt: skip

    def _spec(self, fields: dict[str, Any]) -> CommandSpec | BadMessage:
        event_type = fields.get("event_type")
        if event_type is None and (spec := self._marked(fields)):
            return spec
        if type(event_type) is not str:
            code = "wrong_type" if "event_type" in fields else "missing"
            return BadMessage(code, "event_type", "event_type must be a string")
        spec = self._commands.get(event_type)
        if spec is None:
            known = ", ".join(sorted(self._commands))
            detail = f"unknown event_type {clipped(event_type)}; known: {known}"
            return BadMessage("unknown_event_type", "event_type", detail)
        return spec

    def _marked(self, fields: dict[str, Any]) -> CommandSpec | None:
        """Of a message that does not say what it is."""
        return next((spec for mark, spec in self._marks.items() if mark in fields), None)


def parse(raw: bytes) -> dict[str, Any] | BadMessage:
    """The JSON object in `raw`, within the limits of size and depth."""
    if len(raw) > MESSAGE_BYTES_MAX:
        return BadMessage("too_large", "", f"the message has {len(raw)} bytes, the limit is {MESSAGE_BYTES_MAX}")
    try:
        fields = _json_of(raw)
    except RecursionError:
        return _too_deep()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unreadable(raw, error)
    if type(fields) is not dict:
        return BadMessage("not_an_object", "", f"the message must be a JSON object, it is {_json_name(fields)}")
    # Counting brackets costs a hundredth of walking the tree; only who has many of them is measured.
    if raw.count(b"{") + raw.count(b"[") > JSON_DEPTH_MAX and deeper_than(fields, JSON_DEPTH_MAX):
        return _too_deep()
    return fields  # pyright: ignore[reportUnknownVariableType]


def says_event_id(raw: bytes) -> bool:
    """Whether the good message `raw` names itself, by its own `event_id`."""
    return _own_id(raw).event_id is not None


def hash64(data: bytes) -> int:
    """First 8 bytes of blake2b, as an unsigned big-endian integer."""
    return int.from_bytes(blake2b(data, digest_size=8).digest())


def id_hash(id: str, subject: str) -> int:
    """What (source|id, subject) is remembered by. `id` holds no NUL, so that the two cannot run into each other."""
    return hash64(f"{id}\0{subject}".encode())


def reply_key(item: Item) -> int:
    """What a reply to `item` is waited for by. Also of one whose id was made up: that reply reaches who waits, and is
    not kept.
    """
    return id_hash(item.draft.root, item.draft.subject) if item.id_hash is None else item.id_hash


def text_problem(text: str, bytes_max: int) -> str | None:
    """`empty`, `too_long` or `control_characters`; None when `text` can be an id."""
    try:
        return text_code(text, bytes_max)
    except UnicodeEncodeError:
        return "control_characters"  # lone surrogates: no UTF-8 at all


def clipped(text: str, chars_max: int = 64) -> str:
    """`text` quoted, escaped and cut, fit for a message about it."""
    return ascii(text if len(text) <= chars_max else f"{text[:chars_max]}…")


def _name(fields: dict[str, Any], message_id: str | None, fallback: Fallback, content: bytes) -> str | BadMessage:
    """The message's own name; the returned object is `fallback.name` itself when that was used."""
    if message_id:
        problem = text_problem(message_id, ID_BYTES_MAX)
        return _bad(problem, "message_id", ID_BYTES_MAX) if problem else message_id
    event_id = fields.get("event_id")
    if event_id is not None:
        if type(event_id) is not str:
            return BadMessage("wrong_type", "event_id", f"event_id must be a string, it is {_json_name(event_id)}")
        problem = text_problem(event_id, ID_BYTES_MAX)
        return _bad(problem, "event_id", ID_BYTES_MAX) if problem else event_id
    match fallback:
        case MadeUp(name=name):
            return name
        case ByKey(key=key):
            problem = text_problem(key, ID_BYTES_MAX)
            return _bad(problem, "Idempotency-Key", ID_BYTES_MAX) if problem else key
        case ByContent(exchange=exchange, key=key):
            parts = f"{exchange}\0{key}\0".encode("utf-8", "surrogatepass") + content
            return blake2b(parts, digest_size=16).hexdigest()


def full_id(source: str, name: str) -> str | BadMessage:
    """The id in the log of what `source` named `name`."""
    problem, unbarred = _sender(source)
    return _bad(problem, "app_id", SOURCE_BYTES_MAX) if problem else f"{unbarred}|{name}"


@lru_cache(maxsize=SENDERS_KEPT)
def _sender(source: str) -> tuple[str | None, str]:
    """What is wrong with a sender's name, and the name as it stands in ids. Few send nearly everything."""
    return text_problem(source, SOURCE_BYTES_MAX), _unbarred(source)


def _unbarred(source: str) -> str:
    """`source` without `|`, which ends it in an id; reversible, so two sources never become one."""
    if "|" not in source and "%" not in source:
        return source
    return source.replace("%", "%25").replace("|", "%7C")


def _bad(problem: str, field: str, bytes_max: int) -> BadMessage:
    return BadMessage(problem, field, f"{field} must be 1 to {bytes_max} bytes of UTF-8 without control characters")


def _unreadable(raw: bytes, error: Exception) -> BadMessage:
    try:
        return refusal(raw, error)
    except RecursionError:
        return _too_deep()


def _too_deep() -> BadMessage:
    return BadMessage("too_deep", "", f"the message is nested deeper than {JSON_DEPTH_MAX} levels")


def deeper_than(value: Any, limit: int) -> bool:
    """Whether it is nested so. Level by level, so that the stack cannot be used up."""
    level: list[Any] = [value]
    for _ in range(limit):
        children: list[Any] = []
        for node in level:
            children.extend(cast(dict[str, Any], node).values() if isinstance(node, dict) else node)
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _json_name(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names[type(value)]  # pyright: ignore[reportUnknownArgumentType]
