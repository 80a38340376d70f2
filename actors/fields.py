"""Checks of single fields that every message shares: identifiers, labels, whole numbers, times.

Each returns the refusal's code or None, and never raises: what is refused is a value. Limits are counted in bytes of
UTF-8, since bytes are what stores, keys and headers are made of; a limit in characters would let four times as much
through.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
FIRST_MS = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
LAST_MS = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MILLISECOND

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def text_code(value: str, bytes_max: int) -> str | None:
    """`empty`, `too_long` or `control_characters`; None when `value` is 1 to `bytes_max` bytes of plain text."""
    if not value:
        return "empty"
    if len(value) > bytes_max or (not value.isascii() and len(value.encode()) > bytes_max):
        return "too_long"
    # isprintable is ten times faster than the pattern but refuses joiners that emoji and some scripts need.
    if not value.isprintable() and _CONTROL.search(value):
        return "control_characters"
    return None


def rfc3339_ms(text: str) -> int | None:
    """Milliseconds since 1970 UTC (rounded down) of an RFC 3339 time, None when `text` is none.

    A leap second counts as the first moment of the next minute. Years are 1 to 9999, in UTC too: a time that its zone
    carries out of them could never be written down again.

    >>> rfc3339_ms("2025-09-20T14:30:00+08:00")
    1758349800000
    >>> rfc3339_ms("2025-09-20T14:30:00") is None
    True
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    day, minute, second, fraction, zone = match.groups()
    leap = second == "60"
    seconds = "59" if leap else second + (fraction or "")
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:{seconds}{'Z' if zone in 'Zz' else zone}")
    except ValueError:
        return None
    ms = (moment - EPOCH) // MILLISECOND + (1000 if leap else 0)
    return ms if FIRST_MS <= ms <= LAST_MS else None
