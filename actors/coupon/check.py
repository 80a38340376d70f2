"""Two check characters that no single typo and no swap of two characters gets past. Arithmetic only, no look-up.

A code is read as a polynomial over F, the field of 23² = 529 elements, which are written (a, b) for a + b·x with a and
b modulo 23 and x² = x + 4. Each character stands for an element of its own: the 23 of the alphabet for (0, 0) to
(22, 0), the 13 others that a prefix may hold for (0, 1) to (12, 1). The character i places from the end weighs xⁱ, and
the two last are chosen so that the sum over all is zero; being the coefficients of 1 and of x they can always be, in
one way only. x is primitive: its powers x⁰ … x⁵²⁷ are all different.

    one character wrong      the sum changes by (c − c')·xⁱ. Neither factor is zero, and in a field neither is the
                             product.
    two swapped, any two     by (c − d)·(xⁱ − xʲ), i ≠ j. The same; neighbours are the case j = i + 1.
    doubles mistaken, 44→55  by (c − d)·xⁱ·(1 + x). The same.
    two wrong in the random  by k·xⁱ + m·xʲ with k and m modulo 23. Zero only if xʲ⁻ⁱ were an element of the smaller
    part                     field, which it is for multiples of 24 alone: the random part is 24 characters at most.

All this holds across the border of prefix and random part and for the check characters themselves, which have no
rights of their own. What else people do (a character lost, a line of two codes mixed) gets past one time in 529 here,
and then stands before the permutation (permutation.py), which lets one in 2³⁹ past.

The sum does not begin at zero but at one, so that 2, which stands for zero, cannot be put in front unseen.
"""

from __future__ import annotations

from string import ascii_uppercase, digits

from actors.coupon.alphabet import ALPHABET, BASE

CHECK_CHARS = 2

Sum = tuple[int, int]
"""(a, b) for a + b·x; b is below 23, a only congruent."""

START: Sum = (1, 0)
_OTHERS = "".join(sorted(set(digits + ascii_uppercase) - set(ALPHABET)))
_ELEMENT = {c: (n, 0) for n, c in enumerate(ALPHABET)} | {c: (n, 1) for n, c in enumerate(_OTHERS)}


def added(before: Sum, text: str) -> Sum:
    """The sum after `text`, which is of A–Z and 0–9. O(characters)."""
    a, b = before
    for c in text:
        one, x = _ELEMENT[c]
        a, b = one + 4 * b, (a + b + x) % BASE
    return a, b


def check_characters(before: Sum) -> str:
    """The two that make the sum zero."""
    a, b = before
    for _ in range(CHECK_CHARS):  # times x: as if two zeroes followed
        a, b = 4 * b, a + b
    return ALPHABET[-b % BASE] + ALPHABET[-a % BASE]


def fits(text: str) -> bool:
    """Whether `text` ends with its check characters. False for one that is not of A–Z and 0–9."""
    if not (text.isascii() and text.isalnum() and (text.isupper() or text.isdigit())):
        return False
    a, b = added(START, text)
    return a % BASE == 0 and b == 0
