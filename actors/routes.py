"""The routing key of an effect: its kind, and the reason in a form that a topic exchange can match.

Only the key is sanitised; the body says the reason as it was sent. A dot in a reason would otherwise add a word to the
key, and a `#` would be somebody's wildcard.
"""

from __future__ import annotations

import re
from functools import lru_cache

REASON_CHARS_MAX = 64
"""Of the reason in the key; with the kind in front it stays far below AMQP's 255 bytes."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@lru_cache(maxsize=1024)
def effect_route(kind: str, reason: str) -> str:
    """`kind.reason`, the reason's characters outside `[A-Za-z0-9_-]` replaced by `_`, 64 of them at most.

    >>> effect_route("points.earned", "purchase.order #7")
    'points.earned.purchase_order__7'
    """
    return f"{kind}.{_UNSAFE.sub('_', reason)[:REASON_CHARS_MAX]}"
