"""The messages that `POST /v1/events` takes, for the OpenAPI document.

The sentences are the door's own, so what the document says and what a refusal says are one. Limits in bytes are in
the sentences only: JSON Schema counts characters, and a limit that is nearly right is worse than none.
"""

from __future__ import annotations

from litestar.openapi.spec import OpenAPIType, Reference, Schema

from actors.points.door import POINTS_CHANGE, RULES
from actors.points.messages import CHANGES, POINTS_MAX
from topology.wire import ID_BYTES_MAX

_TEXT = OpenAPIType.STRING
_MAYBE_TEXT = [OpenAPIType.STRING, OpenAPIType.NULL]


def points_change() -> Schema:
    """A `points_change`; fields it does not name are kept."""
    properties: dict[str, Reference | Schema] = {
        "event_type": Schema(type=_TEXT, const=POINTS_CHANGE.event_type, description=RULES["event_type"]),
        "user_id": Schema(type=_TEXT, min_length=1, description=RULES["user_id"]),
        "change_type": Schema(type=_TEXT, enum=list(CHANGES), description=RULES["change_type"]),
        "points": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=POINTS_MAX, description=RULES["points"]),
        "reason": Schema(type=_TEXT, min_length=1, description=RULES["reason"]),
        "order_id": Schema(type=_MAYBE_TEXT, description=RULES["order_id"]),
        "timestamp": Schema(type=_MAYBE_TEXT, description=RULES["timestamp"]),
        "metadata": _metadata(),
        "event_id": Schema(
            type=_MAYBE_TEXT,
            min_length=1,
            description=f"names the message, so that a resend is known: 1 to {ID_BYTES_MAX} bytes of UTF-8",
        ),
    }
    return Schema(
        type=OpenAPIType.OBJECT,
        title=POINTS_CHANGE.event_type,
        description="A user's points change. Unknown fields are kept.",
        properties=properties,
        required=["event_type", "user_id", "change_type", "points", "reason"],
    )


def _metadata() -> Schema:
    referrer: dict[str, Reference | Schema] = {
        "referrer_id": Schema(description=RULES["metadata.referrer_id"]),
        "referrer_points": Schema(description=RULES["metadata.referrer_points"]),
    }
    description = f"{RULES['metadata']}; anything, but for the two fields of a referral"
    return Schema(type=[OpenAPIType.OBJECT, OpenAPIType.NULL], description=description, properties=referrer)
