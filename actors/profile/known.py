"""The facts that rules lean on: where a user's day begins, when his birthday is, which language he reads.

Whoever asks later (a birthday bonus, a text, a streak) must never meet a value that it cannot use, so these three are
checked where they come in and hold what they say. Every other fact is somebody else's and kept as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from zoneinfo import available_timezones

import msgspec
from babel import Locale, UnknownLocaleError

ZONE = "zone"
BIRTHDAY = "birthday"
LOCALE = "locale"

LOCALE_BYTES_MAX = 35
"""RFC 5646 §4.4.1: what holds every tag without private parts."""

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_DAY = re.compile(r"([0-9]{4}-)?[0-9]{2}-[0-9]{2}")
_LEAP_YEAR = "2000-"
_NOT_A_ZONE = frozenset({"localtime", "Factory"})
"""Names in the data base that say nothing of a place: the machine's own zone, and none."""


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_A_ZONE


def is_zone(text: str) -> bool:
    """Whether `text` is a name of the IANA time zone database, written as there.

    >>> is_zone("Asia/Shanghai"), is_zone("asia/shanghai"), is_zone("UTC+8")
    (True, False, False)
    """
    return text == "UTC" or text in _zones()


def birthday_md(text: str) -> str | None:
    """`MM-DD` of a birthday `YYYY-MM-DD` or `MM-DD`; None when there is no such day. 29 February is one.

    >>> birthday_md("1988-02-29"), birthday_md("02-29"), birthday_md("1989-02-29"), birthday_md("2-9")
    ('02-29', '02-29', None, None)
    """
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        date.fromisoformat(text if match[1] else _LEAP_YEAR + text)
    except ValueError:
        return None
    return text[-5:]


@lru_cache(maxsize=1_024)
def is_locale(text: str) -> bool:
    """Whether `text` is a language tag (BCP 47) of a language that texts can be formatted in.

    >>> is_locale("zh-Hans-CN"), is_locale("en"), is_locale("zh_CN"), is_locale("tlh")
    (True, True, False, False)
    """
    if len(text) > LOCALE_BYTES_MAX or not _TAG.fullmatch(text):
        return False
    try:
        Locale.parse(text, sep="-")
    except (ValueError, UnknownLocaleError):
        return False
    return True


class Known(msgspec.Struct, frozen=True):
    """`code` refuses what `fits` does not take, `rule` says what it takes."""

    fits: Callable[[str], bool]
    code: str
    rule: str


KNOWN: Mapping[str, Known] = {
    ZONE: Known(is_zone, "unknown_zone", "null or a name of the IANA time zone database such as Asia/Shanghai"),
    BIRTHDAY: Known(
        lambda text: birthday_md(text) is not None, "no_such_day", "null or a day, YYYY-MM-DD or MM-DD; 02-29 is one"
    ),
    LOCALE: Known(
        is_locale,
        "unknown_locale",
        f"null or a language tag (BCP 47) such as zh-Hans-CN, at most {LOCALE_BYTES_MAX} bytes, of a language we know",
    ),
}
"""By name."""
