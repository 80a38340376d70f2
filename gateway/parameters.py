"""The parameters of our paths: what each may be, in one table that checks, documents and refuses.

A name that a route does not know is refused too: who writes `minoffset` would else read an older balance than he
asked for and never learn it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter, QueryParameter

from actors.behaviour.messages import TYPE_BYTES_MAX
from actors.campaign.listing import CAMPAIGN_ID_BYTES_MAX
from gateway.pages import PAGE_MAX
from gateway.problems import invalid_parameter
from topology.wire import clipped

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]
"""Looks at a request before its handler does."""

OFFSET_MAX = 2**63 - 1
SEGMENT_MAX = 2**31 - 1
CURSOR_CHARS_MAX = 1_000
MOMENT_CHARS_MAX = 64
CAMPAIGN_CHARS_MAX = CAMPAIGN_ID_BYTES_MAX
TYPE_CHARS_MAX = TYPE_BYTES_MAX

RULES = {
    "limit": f"an integer from 1 to {PAGE_MAX}",
    "cursor": f"the next_cursor of the page before, at most {CURSOR_CHARS_MAX} characters",
    "records_cursor": f"the records_cursor of the export before, at most {CURSOR_CHARS_MAX} characters",
    "min_offset": f"an integer from 0 to {OFFSET_MAX}",
    "as_of": "an RFC 3339 time since 1970, with its offset from UTC (`+` as %2B)",
    "type": f"the behavior_type that is asked for, 1 to {TYPE_CHARS_MAX} characters",
    "from": "an RFC 3339 time since 1970, with its offset from UTC (`+` as %2B)",
    "state": "issued, held, redeemed, expired, being_transferred or transferred",
    "campaign": f"the id of the campaign that is asked for, 1 to {CAMPAIGN_CHARS_MAX} characters",
    "effect": "the message id of an effect, `segment.epoch.offset`",
    "segment": "the number of a segment, an integer from 0",
}

UserId = Annotated[str, PathParameter(description="Percent-encoded, `/` as %2F")]
Domain = Annotated[str, PathParameter(description="Name of a domain")]
Subject = Annotated[str, PathParameter(description="`kind:id`, percent-encoded, `/` as %2F")]
TemplateId = Annotated[str, PathParameter(description="Of a coupon template, percent-encoded, `/` as %2F")]
MessageTemplateId = Annotated[str, PathParameter(description="Of a template of messages, percent-encoded")]
CampaignId = Annotated[str, PathParameter(description="Of a campaign, percent-encoded, `/` as %2F")]
CodeOf = Annotated[str, PathParameter(description="Of a coupon, generated or public, percent-encoded")]
CouponState = Annotated[
    Literal["issued", "held", "redeemed", "expired", "being_transferred", "transferred"] | None,
    QueryParameter(name="state", description="Only coupons in this state"),
]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="Lines at most")]
Cursor = Annotated[
    str | None, QueryParameter(max_length=CURSOR_CHARS_MAX, description="The next_cursor of the page before")
]
RecordsCursor = Annotated[
    str | None, QueryParameter(max_length=CURSOR_CHARS_MAX, description="The records_cursor of the export before")
]
MinOffset = Annotated[
    int | None, QueryParameter(ge=0, le=OFFSET_MAX, description="Wait until this offset is folded, 5 s at most")
]
Moment = Annotated[
    str | None, QueryParameter(max_length=MOMENT_CHARS_MAX, description="RFC 3339: as it was or will be then")
]
OfCampaign = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=CAMPAIGN_CHARS_MAX, description="Only of this campaign"),
]
EFFECT = r"^[0-9]{1,5}\.[0-9]{1,18}\.[1-9][0-9]{0,12}$"
"""The message id of an effect: segment, epoch, and an offset that a log can have."""
OfEffect = Annotated[
    str | None,
    QueryParameter(pattern=EFFECT, description="Only what led to this effect"),
]
BehaviourType = Annotated[
    str | None,
    QueryParameter(name="type", min_length=1, max_length=TYPE_CHARS_MAX, description="Only this behavior_type"),
]
Since = Annotated[
    str | None,
    QueryParameter(name="from", max_length=MOMENT_CHARS_MAX, description="RFC 3339: nothing that came before it"),
]
Segment = Annotated[
    int | None, QueryParameter(ge=0, le=SEGMENT_MAX, description="The segment whose domain shall go on")
]


OUTWARD = {"in_state": "state", "of_type": "type", "since": "from"}
"""What a handler's parameter is called outside: `state` is Litestar's own word, the others are Python's."""


def rule(name: str) -> str:
    """`name must be …`, for a parameter that is not."""
    return f"{name} must be {RULES[name]}" if name in RULES else f"{name} is not valid"


def knows(*names: str) -> Guard:
    """A guard that lets through these query parameters and no other; raises Problem `invalid_parameter`."""
    known = ", ".join(names) or "none"

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        for name in connection.query_params:
            if name not in names:
                stranger = clipped(name)
                raise invalid_parameter(stranger[1:-1], f"there is no parameter {stranger} here; known: {known}")

    return guard
