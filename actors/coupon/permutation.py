"""A keyed permutation of the numbers that so many symbols of the alphabet can write: where a code's secrecy comes from.

What is enciphered is a place (which segment, which coupon of it): 56 bits in a number of 95, or of 77 where the code is
short. The rest of the number is zero, and that is the code's signature: a text that somebody made up deciphers to
anything, and what it deciphers to is a place only if all those zeroes come out (encode-then-encipher, Bellare and
Rogaway 2000). A signature beside the place would do the same with more characters, for a forger could then keep the
place and guess the signature alone, 2³⁹ tries for a coupon that he chooses; here no part of a code can be kept while
another is tried, and who wants one certain coupon guesses all 95 bits.

A Feistel network over two halves of the symbols, each round adding a hash of one half to the other modulo the number
of its values, like FF1 of NIST SP 800-38G, the hash being keyed BLAKE2b. Four rounds suffice for a strong permutation
while fewer than the square root of a half's values have been seen, 2²² of them (Luby and Rackoff 1988), and a shop
issues more; six suffice until about as many have been seen as a half has values (Patarin 2004), 2⁴⁵, or 2³⁶ short
codes. FF1's ten are for halves of ten bits. A hash of 128 bits modulo a half of 50 prefers no value by more than 2⁻⁷⁸.

`tweak` makes another permutation of the same key: a code's prefix and length are in it, so that XMAS-… under another
prefix is nobody's.
"""

from __future__ import annotations

from hashlib import blake2b

from actors.coupon.alphabet import BASE

ROUNDS = 6
SYMBOLS_MAX = 24
"""A half and the number of a round must fit in 8 bytes."""
SECRET_BYTES = 32
_PURPOSE = b"coupon code"
_TURNS = tuple((turn << 56, turn + 1 << 56) for turn in range(0, ROUNDS, 2))
"""The rounds' numbers, two and two, where the halves' bits end."""


class Permutation:
    """Of the numbers below BASE ** symbols. Immutable; of any thread. ROUNDS short hashes each way."""

    def __init__(self, secret: bytes, tweak: bytes, symbols: int) -> None:
        assert len(secret) == SECRET_BYTES, len(secret)
        assert 2 <= symbols <= SYMBOLS_MAX, symbols
        key = blake2b(tweak, digest_size=32, key=secret, person=_PURPOSE).digest()
        self._keyed = blake2b(digest_size=16, key=key)
        self._left = BASE ** (symbols // 2)
        self._right = BASE ** (symbols - symbols // 2)

    def enciphered(self, number: int) -> int:
        left, right = divmod(number, self._right)
        assert left < self._left, "more than the symbols hold"
        for turn, next_turn in _TURNS:
            left = (left + _hash(self._keyed, turn | right)) % self._left
            right = (right + _hash(self._keyed, next_turn | left)) % self._right
        return left * self._right + right

    def deciphered(self, number: int) -> int:
        left, right = divmod(number, self._right)
        assert left < self._left, "more than the symbols hold"
        for turn, next_turn in reversed(_TURNS):
            right = (right - _hash(self._keyed, next_turn | left)) % self._right
            left = (left - _hash(self._keyed, turn | right)) % self._left
        return left * self._right + right


def _hash(keyed: blake2b, turn_and_half: int) -> int:
    """`keyed` has the key in it and stays as it is: copied, it need not be made ready for every round."""
    copy = keyed.copy()
    copy.update(turn_and_half.to_bytes(8))
    return int.from_bytes(copy.digest())
