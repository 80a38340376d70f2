"""Generated codes: a place in the house, enciphered. `XMAS-7KD4-…` alone leads to segment and coupon, by no index.

A code is a pure function of key, pattern, segment and serial: the same issue gives the same code when it is replayed,
and two coupons never have the same one, because what makes the codes is a permutation: there is nothing to collide.

    prefix   as the template says; enciphered with, and covered by the check characters
    cipher   21 characters (17 in a short code): the place, segment · 2⁴⁰ + serial, under the key (permutation.py)
    header   1: the id of the key, and whether the code is a short one
    check    2: every typo and every swap, without a key (check.py)

In figures, for the default code of 24 characters in six groups. 21 characters are 95.0 bits, of which a stranger knows
none. A text that he makes up, header and check characters right, is one certain coupon's with probability 2⁻⁹⁵, one of
a million issued coupons' with 2⁻⁷⁵; it reads as a place in a store of 16 segments with 2⁻⁵¹, and then that segment
says that it has no such coupon. Short codes: 2⁻⁷⁷, 2⁻⁵⁷, 2⁻³³.

The trade. A place and a separate signature of 64 bits would be 27 characters before header and check, 30 in all, and no
harder to guess for somebody who wants any of the coupons. Without a place, 64 random bits would be 15, 18 in all, and
an index over everything. 24 is what a person can still read out, as he does with the 25 of a Windows licence.

Where a serial is used again, so is the code: a store put back from yesterday's backup counts anew from yesterday. It
needs a new key, whose codes are others.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from actors.commands import Refusal
from actors.coupon.alphabet import ALPHABET, number_of, spelled
from actors.coupon.check import CHECK_CHARS, START, Sum, added, check_characters, fits
from actors.coupon.code_keys import KEYS_MAX, CodeKey, CodeKeys
from actors.coupon.code_pattern import DEFAULT, LENGTHS, OVERHEAD_CHARS, CodePattern
from actors.coupon.permutation import Permutation
from actors.coupon.spelling import FIELD, normal

SERIAL_BITS = 40
SEGMENTS_MAX = 1 << 16
_KEPT_MAX = 256
"""Permutations made ready: one for each key, prefix and length in use."""

MISTYPED = Refusal("bad_check_character", FIELD, "code is mistyped: its last two characters do not fit the others")
UNKNOWN = Refusal("unknown_code", FIELD, "code is none of ours")


class Located(msgspec.Struct, frozen=True):
    """Where the coupon of a code is, if it was ever issued: only the segment knows that."""

    segment: int
    serial: int
    key_id: int


def code_of(key: CodeKey, pattern: CodePattern, segment: int, serial: int) -> str:
    """The code of coupon `serial` of `segment`, with dashes. Pure."""
    if not (0 <= segment < SEGMENTS_MAX and 0 <= serial < 1 << SERIAL_BITS):
        raise ValueError(f"segment {segment} and serial {serial}: at most {SEGMENTS_MAX} and 2**{SERIAL_BITS} of them")
    length = pattern.length
    permutation, prefix_sum = _ready(key.secret, pattern.prefix, length)
    cipher = spelled(permutation.enciphered(segment << SERIAL_BITS | serial), length - OVERHEAD_CHARS)
    body = cipher + _header(key.id, length)
    return pattern.dressed(body + check_characters(added(prefix_sum, body)))


def locate(text: str, keys: CodeKeys, segments: int) -> Located | Refusal:
    """Where the coupon of `text`, however it was typed, would be in a store of so many segments.

    MISTYPED: no code at all, or with a mistake in it. UNKNOWN: well written, but no key of ours made it.
    """
    code = normal(text)
    if isinstance(code, Refusal) or not fits(code):
        return MISTYPED
    header = ALPHABET.find(code[-OVERHEAD_CHARS])
    key_id, length = header // len(LENGTHS), LENGTHS[header % len(LENGTHS)]
    prefix, cipher = code[:-length], code[-length:-OVERHEAD_CHARS]
    if header < 0 or key_id >= KEYS_MAX or len(code) < length or not set(cipher) <= _SYMBOLS:
        return MISTYPED
    key = keys.of(key_id)
    if key is None:
        return UNKNOWN
    permutation, _ = _ready(key.secret, prefix, length)
    segment, serial = divmod(permutation.deciphered(number_of(cipher)), 1 << SERIAL_BITS)
    return Located(segment, serial, key_id) if segment < segments else UNKNOWN


def dressed(code: str) -> str:
    """A generated code that was read, as its owner got to see it."""
    plain = normal(code)
    assert isinstance(plain, str), plain
    pattern = msgspec.structs.replace(DEFAULT, prefix=plain[: -DEFAULT.length])
    return pattern.dressed(plain[-DEFAULT.length :])


def _header(key_id: int, length: int) -> str:
    return ALPHABET[key_id * len(LENGTHS) + LENGTHS.index(length)]


@lru_cache(_KEPT_MAX)
def _ready(secret: bytes, prefix: str, length: int) -> tuple[Permutation, Sum]:
    """(what enciphers such codes, the sum after their prefix)."""
    tweak = f"{length} {prefix}".encode()
    return Permutation(secret, tweak, length - OVERHEAD_CHARS), added(START, prefix)


_SYMBOLS = frozenset(ALPHABET)
assert KEYS_MAX * len(LENGTHS) <= len(ALPHABET) and min(LENGTHS) > CHECK_CHARS
