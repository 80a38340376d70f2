"""What a reaction yields. Plain values: a reaction says what should be so, the host and the journal make it durable.

All outputs of one batch of reactions become durable in one transaction with the checkpoint that says they happened,
or none do. There is no output for "send this now": whatever leaves the engine is an entry first.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from supervision.entry import Chain


class Emit(msgspec.Struct, frozen=True):
    """Append an entry about `subject` (the reacted entry's own when None).

    `kind` is dotted (`points.earned`); the effect's `event_type` is its first two words joined by `_`. With a `route`
    it is outward and published with that routing key. The host adds `event_type`, `schema_version`, `user_id`, `at`,
    `occurred_at`, `cause` and `source_id` to the body's fields, so `body` holds only what the domain knows.
    """

    kind: str
    body: msgspec.Struct
    subject: str | None = None
    route: str = ""
    same_depth: bool = False
    """An answer to a command, or a continuation of a fan-out: not one step deeper into a chain of rules."""
    chain: Chain | None = None
    """The chain that it goes on with where that is not the reacted entry's: of a command that had to wait."""


class Arm(msgspec.Struct, frozen=True):
    """Fire at `due` (milliseconds since 1970 UTC), once, late rather than never. Arming the same key again replaces it.

    `absence`: the timer means "nothing happened since" and waits for the input watermark.
    `valid_for_ms`: a firing later than this after `due` says `expired`; 0 = always valid.
    `lane`: a timer of the bulk lane (bulk.py) lets ordinary traffic go first. It is a continuation of what armed it, as
    deep and no deeper.
    """

    key: str
    due: int
    body: bytes = b""
    absence: bool = False
    valid_for_ms: int = 0
    lane: Literal["", "bulk"] = ""


class Cancel(msgspec.Struct, frozen=True):
    """End the timer `key` of the reacted entry's subject, fired or not; nothing when there is none."""

    key: str


class Record(msgspec.Struct, frozen=True):
    """Append a line to the subject's history in this domain. Kept for ever, or as long as `Domain.records_kept_ms`."""

    body: msgspec.Struct


class Claim(msgspec.Struct, frozen=True):
    """Use up a business key named by the domain's `keys(event)`; later events that ask for it see `value`.

    A key is used up once: claiming it with another value than it has is a bug. With `replaces` it gets a new value, if
    the reaction was told the present one (or has claimed it itself): who has not seen what stands may not undo it.
    """

    key: bytes
    value: bytes
    replaces: bool = False


class Reply(msgspec.Struct, frozen=True):
    """Answer the input that began this chain, where somebody asked; kept as long as its id."""

    body: msgspec.Struct


Output = Emit | Arm | Cancel | Record | Claim | Reply


def business_key(*parts: str) -> bytes:
    """16 bytes that name a business key. Parts are length-prefixed, so ("a","bc") and ("ab","c") differ."""
    data = b""
    for part in parts:
        encoded = part.encode()
        data += len(encoded).to_bytes(4, "big") + encoded
    return hashlib.blake2b(data, digest_size=16).digest()
