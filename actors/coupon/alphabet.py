"""The 23 characters that generated codes are written in: none looks like another, and they make no words.

Of each group of characters that people confuse at most one is here, of those where print is bad none: not 0 O D Q
but D; not 1 I L; of 2 Z, 5 S, 8 B and 6 G the digit; of U V the V. Without A, E, I, O and U no code spells anything
that a shop would have to apologise for.

23 is a prime, and that is no accident: check.py reckons in the field of 23 elements, where every difference can be
divided by. 31 characters would be a prime as well and save a symbol or two, at the price of 2 beside Z and 5 beside S.
"""

from __future__ import annotations

from math import log2

ALPHABET = "23456789CDFHJKMNPRTVWXY"
BASE = len(ALPHABET)

_PAIRS = tuple(high + low for high in ALPHABET for low in ALPHABET)
_DIGITS = str.maketrans(ALPHABET, "0123456789abcdefghijklm")
"""To what `int` calls the digits of base 23."""


def bits(symbols: int) -> float:
    """What `symbols` characters hold."""
    return symbols * log2(BASE)


def spelled(number: int, symbols: int) -> str:
    """`number` < BASE ** symbols in the alphabet, most significant first. O(symbols).

    >>> spelled(23, 3)
    '232'
    """
    parts: list[str] = []
    for _ in range(symbols // 2):
        number, pair = divmod(number, BASE * BASE)
        parts.append(_PAIRS[pair])
    if symbols % 2:
        parts.append(ALPHABET[number])
    parts.reverse()
    return "".join(parts)


def number_of(text: str) -> int:
    """What `spelled` made `text` of, which is in the alphabet. O(symbols)."""
    return int(text.translate(_DIGITS), BASE)
