"""What HTTP answered to a command about points, as the log and a model say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

ENVELOPE = frozenset({"type", "title", "status", "detail", "code", "message", "errors", "entry"})
"""Of a problem document; what else it has are the numbers behind the refusal."""


class AsTold(NamedTuple):
    """`numbers` are those of the domain's result, whether it is done or refused."""

    segment: int
    offset: int
    ok: bool
    code: str
    numbers: dict[str, Any]


def as_told(status: int, document: Mapping[str, Any]) -> AsTold:
    """An answer that is the domain's own word: done, or refused. Fails for any other."""
    assert status in (200, 404, 409) and "entry" in document, (status, document)
    entry = document["entry"]
    if status == 200:
        return AsTold(entry["segment"], entry["offset"], True, "", document["result"])
    numbers = {name: value for name, value in document.items() if name not in ENVELOPE}
    return AsTold(entry["segment"], entry["offset"], False, document["code"], numbers)
