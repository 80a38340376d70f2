"""What a template's codes look like: `XMAS-####-####-####-####-####`, each # a character that nobody can foresee.

Of the random part three characters are not random: one says by which key the code was made, two are check characters.
The rest is what a stranger has to guess.

    24 #   21 characters, 95.0 bits. By default: whatever a shop issues, one of 2³¹ codes is still 64 bits away.
    20 #   17 characters, 76.9 bits. For print and telephone; one of a million codes is 57 bits away.

No other lengths: fewer would fall below RANDOM_BITS_MIN, more would let two mistakes in one code get past the check
characters.
"""

from __future__ import annotations

import re

import msgspec

from actors.commands import Refusal
from actors.coupon.alphabet import bits
from actors.coupon.check import CHECK_CHARS
from actors.coupon.spelling import GENERATED_CHARS_MAX

LENGTHS = (20, 24)
"""Of the random part, in characters."""
HEADER_CHARS = 1
OVERHEAD_CHARS = HEADER_CHARS + CHECK_CHARS
PREFIX_CHARS_MAX = GENERATED_CHARS_MAX - LENGTHS[-1]
RANDOM_BITS_MIN = 64
PATTERN_CHARS_MAX = 60
FIELD = "code_pattern"

_FORM = re.compile(r"(?:([A-Z0-9]+)-)?(#+(?:-#+)*)")


class CodePattern(msgspec.Struct, frozen=True):
    """Made by `code_pattern`. `groups`: how many # stand between dashes."""

    prefix: str
    groups: tuple[int, ...]
    length: int
    """Their sum, one of LENGTHS."""

    def dressed(self, body: str) -> str:
        """`body`, `length` characters, as people get to see it."""
        parts = [self.prefix] if self.prefix else []
        begin = 0
        for size in self.groups:
            parts.append(body[begin : begin + size])
            begin += size
        return "-".join(parts)


def code_pattern(text: str) -> CodePattern | Refusal:
    """The pattern that `text`, in any case, describes.

    >>> code_pattern("xmas-#####-#####-#####-#####")
    CodePattern(prefix='XMAS', groups=(5, 5, 5, 5), length=20)
    """
    found = _FORM.fullmatch(text.upper()) if len(text) <= PATTERN_CHARS_MAX else None
    if found is None:
        return _refused("pattern", "groups of # with dashes between, after a prefix and a dash if any")
    prefix, groups = found[1] or "", found[2]
    if len(prefix) > PREFIX_CHARS_MAX:
        return _refused("prefix_too_long", f"its prefix has {len(prefix)}, at most {PREFIX_CHARS_MAX} characters")
    length = groups.count("#")
    if length in LENGTHS:
        return CodePattern(prefix, tuple(map(len, groups.split("-"))), length)
    held = max(0.0, bits(length - OVERHEAD_CHARS))
    if held < RANDOM_BITS_MIN:
        said = f"{length} # are {held:.0f} bits to guess, at least {RANDOM_BITS_MIN}"
        return _refused("random_part_too_short", said)
    return _refused("random_part_length", f"it has {length} #")


def _refused(code: str, why: str) -> Refusal:
    allowed = " or ".join(map(str, LENGTHS))
    return Refusal(code, FIELD, f"{FIELD} must be like XMAS-####-####-####-####-####, with {allowed} #: {why}")


DEFAULT = CodePattern("", (4, 4, 4, 4, 4, 4), 24)
