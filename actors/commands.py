"""What a door must know of a message before it may take it, without knowing what the message means.

A door (AMQP or HTTP) reads JSON, looks up the spec by `event_type` and asks it once. The spec answers with a
`Command`, the few facts the door needs to make an entry of the message, or with a `Refusal`, which names the field and
says the limit. There is no third answer: `decode` raises for no input that is JSON, because a sender's mistake is not
our bug.

The message itself is not rewritten. The log keeps the sender's bytes, so that unknown fields survive and a rule learnt
later can still read them; the actor decodes the same bytes with the same type that the spec checked them against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """Why a message is not taken. `field` is dotted (`metadata.referrer_id`), `message` says the limit in words."""

    code: str
    field: str
    message: str


class Command(msgspec.Struct, frozen=True, gc=False):
    """What the door makes an entry of. `occurred_at` is ms since 1970 UTC as the sender said, 0 when unsaid."""

    kind: str
    subject: str
    occurred_at: int = 0
    keep_long: bool = False
    """Worth money and without a business key: its id must be known for 7 days instead of 24 hours."""
    bulk: bool = False
    """Nobody waits for what comes of it: no ordinary traffic (supervision/bulk.py)."""


Decode = Callable[[bytes, Mapping[str, Any]], Command | Refusal]
"""(the message's bytes, the same as a decoded JSON object) -> what to do with it. Pure."""


class CommandSpec(msgspec.Struct, frozen=True):
    """One kind of message that other programs may send us."""

    event_type: str
    kind: str
    """Of the entry it becomes, which is what domains react to."""
    exchange: str
    """The front door it arrives at over AMQP."""
    routing_keys: tuple[str, ...]
    """What its publishers use, as documented. The body decides, never the key."""
    decode: Decode
    mark: str = ""
    """A field that no other message has: one that has it and no `event_type` is this. Empty: `event_type` alone."""


def refusal(rules: Mapping[str, str], code: str, field: str) -> Refusal:
    """`field must be …`, the rest of the sentence from a door's table of rules."""
    return Refusal(code, field, f"{field} must be {rules[field]}")


def must_be(code: str, field: str, wanted: str) -> Refusal:
    """`field must be …`, with the rest of the sentence."""
    return Refusal(code, field, f"{field} must be {wanted}")


NOT_JSON = Refusal("not_json", "", "the message must be JSON in UTF-8, of whole characters")


class Answer(msgspec.Struct, frozen=True):
    """What a domain says to whoever waits for its word: the body of a `Reply`.

    `ok`: it was done, and `result` says what came of it. Else nothing was done: `code` for programs, `detail` for
    people, and in `result` the numbers behind it, such as what was missing. `result` is a JSON object either way.
    """

    ok: bool
    code: str = ""
    detail: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")


def done(result: msgspec.Struct) -> Answer:
    """The answer to a command that was carried out."""
    return Answer(True, result=msgspec.Raw(msgspec.json.encode(result)))


def declined(code: str, detail: str, numbers: Mapping[str, Any] | msgspec.Struct) -> Answer:
    """The answer to a command that was not; the same command under a new name may be tried again."""
    return Answer(False, code, detail, msgspec.Raw(msgspec.json.encode(numbers)))
