"""API keys: who may do what at the HTTP door. Values and rules only; files, clocks and chance are elsewhere.

A key is `gk_` and 40 letters and digits, 200 random bits, shown once when it is made. What is kept is its SHA-256. A
slow hash is for secrets that people think up, which can be guessed one after another; among 2**200 nothing can be found
by guessing however fast one guesses, so a slow hash would only cost each request its time.

A key is looked up by the first bytes of its hash and then compared in full and in constant time. How long the look-up
takes tells nobody anything: who could choose what SHA-256 begins with would not need a key.

Keys are revoked, never removed: the books then still say whose id stands in the audit log, and an engine that has ever
had a key never falls back to letting everybody in.
"""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256
from hmac import compare_digest
from typing import Literal, get_args

import msgspec

from actors.fields import text_code

Scope = Literal[
    "events:write", "events:read", "points:read", "points:write", "points:adjust", "coupons:read", "coupons:issue",
    "coupons:redeem", "coupons:manage", "campaigns:read", "campaigns:manage", "operations", "admin",
]  # fmt: skip
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""None of them includes another."""

PREFIX = "gk_"
SECRET_BITS = 200
ID_BITS = 40
KEYS_MAX = 1_000
"""Revoked ones included."""
NAME_BYTES_MAX = 100
RATE_PER_MINUTE_MAX = 1_000_000
FORMAT = 1

_SECRET = re.compile(r"gk_[a-z2-7]{40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"key_[a-z2-7]{8}")


class BadKeys(Exception):
    """The text says what is wrong, and nothing of a key."""


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One key as the file holds it. Times are RFC 3339; `revoked` is empty while it holds.

    `rate_per_minute` 0: no limit.

    `staging`: may only look and try out, whatever its scopes.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created: str
    sha256: str
    revoked: str = ""
    rate_per_minute: int = 0
    staging: bool = False


class KeyBook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All keys there ever were, oldest first."""

    keys: tuple[Key, ...] = ()
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"keys of format {self.format}, this program knows {FORMAT}")
        if len(self.keys) > KEYS_MAX:
            raise ValueError(f"{len(self.keys)} keys, the limit is {KEYS_MAX}")
        for number, key in enumerate(self.keys, 1):
            if problem := _problem(key):
                raise ValueError(f"key number {number}: {problem}")
        for field in ("id", "sha256"):
            if len({getattr(key, field) for key in self.keys}) < len(self.keys):
                raise ValueError(f"two keys have the same {field}")


class KeyIndex:
    """Finds who a secret belongs to. O(1); immutable, any thread."""

    def __init__(self, book: KeyBook) -> None:
        self.book = book
        self._by_first: dict[str, list[Key]] = {}
        for key in book.keys:
            if not key.revoked:
                self._by_first.setdefault(key.sha256[:16], []).append(key)

    @property
    def needed(self) -> bool:
        """Whether requests must show a key: as soon as there was ever one."""
        return bool(self.book.keys)

    def holder(self, secret: str) -> Key | None:
        """The key that `secret` is, None when it is none or was revoked."""
        digest = digest_of(secret)
        found: Key | None = None
        for key in self._by_first.get(digest[:16], ()):
            if compare_digest(key.sha256, digest):
                found = key
        return found


def digest_of(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def secret_of(bits: int) -> str:
    """The secret made of SECRET_BITS random bits."""
    return PREFIX + _letters(bits, SECRET_BITS)


def id_of(bits: int) -> str:
    """The id made of ID_BITS random bits: it stands in books and logs, and opens nothing."""
    return "key_" + _letters(bits, ID_BITS)


def looks_like_a_secret(text: str) -> bool:
    return _SECRET.fullmatch(text) is not None


def scopes_of(text: str) -> tuple[Scope, ...]:
    """`a,b` as scopes, each once and in the order of SCOPES; raises BadKeys.

    >>> scopes_of("points:write, points:read")
    ('points:read', 'points:write')
    """
    named = {one.strip() for one in text.split(",")}
    if strangers := sorted(named - set(SCOPES)):
        raise BadKeys(f"no scope is called {strangers[0]!a}; known: {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in named)


def with_key(book: KeyBook, key: Key) -> KeyBook:
    """`book` and a new key; raises BadKeys."""
    try:
        return KeyBook((*book.keys, key))
    except ValueError as error:
        raise BadKeys(str(error)) from None


def revoked(book: KeyBook, id: str, at: str) -> tuple[KeyBook, Key, Key]:
    """(`book` with the key `id` revoked, the key before, the key after); raises BadKeys when none holds."""
    old = next((key for key in book.keys if key.id == id), None)
    if old is None:
        raise BadKeys(f"no key has the id {id!a}; `keys list` shows them")
    if old.revoked:
        raise BadKeys(f"the key {id} was revoked at {old.revoked} already")
    new = msgspec.structs.replace(old, revoked=at)
    return KeyBook(tuple(new if key is old else key for key in book.keys)), old, new


def parse(data: bytes) -> KeyBook:
    """The keys that a file holds; raises BadKeys."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadKeys(str(error)) from None


def render(book: KeyBook) -> bytes:
    """What `parse` reads, one key a line."""
    return msgspec.json.format(msgspec.json.encode(book), indent=1) + b"\n"


def shown(key: Key) -> dict[str, object]:
    """What may be said of a key to anybody who may see the books: everything but its hash."""
    return {name: value for name, value in msgspec.structs.asdict(key).items() if name != "sha256"}


def _problem(key: Key) -> str | None:
    if not _ID.fullmatch(key.id):
        return "an id is key_ and 8 letters"
    if not _DIGEST.fullmatch(key.sha256):
        return "sha256 must be 64 hexadecimal digits"
    if code := text_code(key.name, NAME_BYTES_MAX):
        return f"name must be 1 to {NAME_BYTES_MAX} bytes without control characters, it is {code}"
    if not key.scopes or len(set(key.scopes)) < len(key.scopes):
        return "scopes must be at least one, each once"
    if not 0 <= key.rate_per_minute <= RATE_PER_MINUTE_MAX:
        return f"rate_per_minute must be 0 (no limit) to {RATE_PER_MINUTE_MAX}"
    return None


def _letters(bits: int, count: int) -> str:
    if not 0 <= bits < 1 << count:
        raise ValueError(f"{count} bits are needed")
    return b32encode(bits.to_bytes(count // 8, "big")).decode().lower()


_decode = msgspec.json.Decoder(KeyBook).decode
