"""One normal form of every code, and the two kinds told apart by their length.

People type codes in small letters, in full-width letters from a Chinese keyboard, with dashes or without, with a space
that came along when they copied. All of these are the same code: letters and digits of any script (双11 is a code), in
capitals, in Unicode's compatibility form, everything between them dropped.

A generated code (codes.py) has at least 20 characters, a public or imported one at most 19, and nothing else decides:
a mistyped generated code can then be called mistyped at once, and DOUBLE11 is never taken for a broken one. Of public
codes there are as many as templates, and every segment knows them (directory.py). An imported one is a subject of its
own, `code:AB12345`, and lives in the segment of its subject like any user (imported.py); so no kind needs an index.
"""

from __future__ import annotations

from unicodedata import normalize

from actors.commands import Refusal, refusal

TEXT_CHARS_MAX = 100
"""As typed."""
PUBLIC_CHARS_MIN = 3
PUBLIC_CHARS_MAX = 19
"""In normal form. One more is a generated code."""
GENERATED_CHARS_MAX = 36
"""In normal form: a prefix of 12 and a random part of 24."""
SUBJECT = "code:"
IMPORTED = "*"
"""Stands for the public code of a template whose codes the shop brings: no code is written so."""

FIELD = "code"
_RULES = {
    FIELD: f"{PUBLIC_CHARS_MIN} to {PUBLIC_CHARS_MAX} letters and digits, or a generated code of at most"
    f" {GENERATED_CHARS_MAX}, both not counting spaces, dashes and underscores; as typed at most {TEXT_CHARS_MAX}"
    " characters"
}
_BETWEEN = dict.fromkeys(map(ord, "-_\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u3161"))


def normal(text: str) -> str | Refusal:
    """The form in which codes are compared. Applied again it changes nothing.

    >>> normal(" double－11 ")
    'DOUBLE11'
    """
    if len(text) > TEXT_CHARS_MAX:
        return refusal(_RULES, "too_long", FIELD)
    plain = normalize("NFKC", normalize("NFKC", text).upper())
    code = "".join(plain.translate(_BETWEEN).split())
    if len(code) < PUBLIC_CHARS_MIN:
        return refusal(_RULES, "too_short", FIELD)
    if len(code) > GENERATED_CHARS_MAX:
        return refusal(_RULES, "too_long", FIELD)
    return code if code.isalnum() else refusal(_RULES, "characters", FIELD)


def masked(code: str) -> str:
    """As much of an imported code, in normal form, as names it to who knows it.

    >>> masked("AB12345")
    '…45'
    """
    return "\u2026" + code[-(len(code) // 3) :]


def is_generated(code: str) -> bool:
    """Whether `code`, in normal form, is one that we made or a mistyping of one; else it is public or imported."""
    return len(code) > PUBLIC_CHARS_MAX


def imported_subject(text: str) -> str | Refusal:
    """Whose state an imported code's is; a Refusal too for a text that only a generated code may look like."""
    code = normal(text)
    if isinstance(code, Refusal):
        return code
    return refusal(_RULES, "too_long", FIELD) if is_generated(code) else SUBJECT + code
