"""Which of the languages that a text is written in is nearest to the one that its reader wants.

From what he wants one thing after the other is left out: `zh-Hant-HK`, `zh-Hant`, `zh`. Where he names no script the
one that is likely there is put in first: who wants `zh-TW` reads `zh-Hant`. If nothing of that is there, another text
of the same language is, since a script or a region that is not one's own is understood better than a foreign tongue:
`zh-Hant-HK` gets `zh-Hans`, `en-GB` gets `en-US`. Only then comes the template's default.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache

from babel import Locale
from babel.core import get_global

from actors.profile.known import is_locale

TAGS_KEPT = 1_024


def normal(tag: str) -> str:
    """The tag as it is usually written; empty for none, and for a language that no text can be formatted in.

    >>> normal("ZH-hans-cn"), normal("en"), normal("klingon")
    ('zh-Hans-CN', 'en', '')
    """
    if not is_locale(tag):
        return ""
    language, *rest = tag.split("-")
    return "-".join((language.lower(), *map(_usual, rest)))


@lru_cache(TAGS_KEPT)
def chain(tag: str) -> tuple[str, ...]:
    """What is looked for, in this order, for a reader of `tag`, which is in normal form.

    >>> chain("zh-Hant-HK"), chain("zh-TW"), chain("zh")
    (('zh-Hant-HK', 'zh-Hant', 'zh'), ('zh-TW', 'zh-Hant-TW', 'zh-Hant', 'zh'), ('zh', 'zh-Hans'))
    """
    language, *rest = tag.split("-")
    if any(len(part) == 4 for part in rest):
        return tuple(_shorter(tag))
    region = rest[0] if rest and len(rest[0]) == 2 else ""
    likely = get_global("likely_subtags")
    full = likely.get(f"{language}_{region}") or likely.get(language) or language
    script = next((part for part in full.split("_") if len(part) == 4), "")
    if not script:
        return tuple(_shorter(tag))
    with_script = _shorter("-".join((language, script, *rest)))
    return tuple(dict.fromkeys((tag, *(one for one in with_script if one != language), *_shorter(tag))))


def nearest(wanted: str, there: Collection[str], default: str) -> str:
    """The one of `there` that is nearest to `wanted`, else `default`.

    >>> nearest("zh-Hant-HK", ("en", "zh-Hans"), "en"), nearest("fr", ("en", "zh-Hans"), "en")
    ('zh-Hans', 'en')
    """
    for tag in chain(wanted) if wanted else ():
        if tag in there:
            return tag
    language = wanted.partition("-")[0]
    return min((tag for tag in there if tag.partition("-")[0] == language), default=default)


@lru_cache(TAGS_KEPT)
def formats_of(tag: str) -> Locale:
    """How money and dates are written in it."""
    return Locale.parse(tag, sep="-")


def _usual(part: str) -> str:
    match len(part):
        case 2:
            return part.upper()
        case 4 if part.isalpha():
            return part.title()
        case _:
            return part.lower()


def _shorter(tag: str) -> Iterator[str]:
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
