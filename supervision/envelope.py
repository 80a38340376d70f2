"""The envelope of what the engine says: the fields every effect has, spliced around the domain's own.

The domain's body is encoded once and never decoded again here; the envelope is joined to it as bytes, because this
runs for every effect. `at` is the time of the entry reacted to and `cause` its place, so the same reaction always
yields the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from supervision.domain import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""Without its zone, which would be written out only to be cut off."""
_json = msgspec.json.Encoder()


@lru_cache(maxsize=4096)
def rfc3339(ms: int) -> str:
    """Milliseconds since 1970 UTC as RFC 3339 with milliseconds and `Z`.

    >>> rfc3339(1_790_000_000_123)
    '2026-09-21T14:13:20.123Z'
    """
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z"


@lru_cache(maxsize=1024)
def _opening(kind: str, version: int) -> bytes:
    event_type = "_".join(kind.split(".")[:2])
    return _json.encode({"event_type": event_type, "schema_version": version})[:-1]


def envelope(kind: str, body: msgspec.Struct, subject: str, event: Event) -> bytes:
    """The effect's JSON: event_type, schema_version, user_id (when the subject is a user), the body's fields, at,
    occurred_at, cause, occurred_at_implausible (only when it is), source_id.
    """
    entry = event.entry
    said = f',"at":"{rfc3339(event.at)}","occurred_at":"{rfc3339(event.occurred_at)}","cause":"{entry.place}"'
    user = b',"user_id":' + _json.encode(subject[5:]) if subject.startswith("user:") else b""
    fields = _json.encode(body)[1:-1]
    doubt = b',"occurred_at_implausible":true' if event.implausible else b""
    source = b',"source_id":' + _json.encode(entry.source_id) if entry.root else b""
    opening = _opening(kind, getattr(body, "schema_version", 1))
    return b"".join((opening, user, b"," if fields else b"", fields, said.encode(), doubt, source, b"}"))


def announcement(kind: str, body: msgspec.Struct, at: int) -> bytes:
    """The JSON of an effect that no entry caused: the same envelope with an empty cause."""
    fields = _json.encode(body)[1:-1]
    opening = _opening(kind, getattr(body, "schema_version", 1))
    return opening + (b"," + fields if fields else b"") + f',"at":"{rfc3339(at)}","cause":""}}'.encode()
