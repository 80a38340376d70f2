"""`/v1/campaigns` over HTTP: put and switched as routes_listed.py says, checked without being put; and each user's.

The status of a campaign is in the header `Campaign-Status`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from actors.campaign.review import Review
from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.body import Bodies
from gateway.campaign_queries import CampaignQueries, UserCampaigns, WhyPage
from gateway.campaigns import Campaigns, CampaignsPage, CampaignStats, Rehearsed
from gateway.door import path_value
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import CampaignId, Cursor, Limit, OfCampaign, OfEffect, UserId, knows
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.routes_listed import Asked, Family, listed_routes

FAMILY = Family(
    path="/v1/campaigns",
    id=CampaignId,
    called="campaign",
    one="a campaign",
    all="All campaigns",
    put="In our form or in the seed's. A new one is a draft. Answers once every segment's log holds the version.",
    shown="In our canonical form, defaults left out; its status and how often it changed are in headers.",
    verbs=(
        ("activate", "active", "Let users enter a campaign, from now on or again"),
        ("pause", "paused", "Let nobody enter a campaign for now; who is under way goes on"),
        ("archive", "archived", "End a campaign for ever, for those under way too"),
    ),
    page=CampaignsPage,
)


@dataclass
class CheckOperation(Operation):
    """Says in the schema what the handler reads as raw bytes."""

    def __post_init__(self) -> None:
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        self.request_body = RequestBody(content={"application/json": media}, required=True)


@dataclass
class TestOperation(Operation):
    """The same of a question."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        time = Schema(one_of=[text, Schema(type=OpenAPIType.NUMBER)])
        an_object = Schema(type=OpenAPIType.OBJECT)
        events = "Each a user_behavior, a profile_changes, or a fact; at: RFC 3339, or seconds since begins"
        question = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "campaign": an_object,
                "events": Schema(type=OpenAPIType.ARRAY, items=an_object, description=events),
                "begins": text,
                "now": time,
                "user_id": text,
                "id": text,
                "templates": Schema(type=OpenAPIType.OBJECT, description="Active coupon templates: id to tags"),
            },
            required=["campaign"],
        )
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=question)}, required=True)


def campaign_routes(
    campaigns: Campaigns, queries: CampaignQueries, programmes: Programmes, audit: AuditLog, bodies: Bodies,
    threads: Threads,
) -> Sequence[HTTPRouteHandler]:  # fmt: skip
    """The routes over `campaigns` and `queries`."""
    return [
        *listed_routes(FAMILY, campaigns, programmes, audit, bodies, threads),
        *_tried(campaigns, bodies, threads),
        _stats(campaigns, threads),
        *_users(queries, threads),
    ]


def _tried(campaigns: Campaigns, bodies: Bodies, threads: Threads) -> Sequence[HTTPRouteHandler]:
    @post(
        "/v1/campaigns/check", status_code=200, operation_class=CheckOperation, guards=[knows()],
        responses=problems(400, 408, 413, 415, 503), summary="What is wrong with a campaign, and what it would cost",
    )  # fmt: skip
    async def check_campaign(request: Asked) -> Review:
        """All problems at once, with their places. Nothing is written."""
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            return await threads.run(partial(campaigns.review, body))

    @post(
        "/v1/campaigns/test", status_code=200, operation_class=TestOperation, guards=[knows()],
        responses=problems(400, 408, 413, 415, 422, 503), summary="What a campaign would do with a user",
    )  # fmt: skip
    async def test_campaign(request: Asked) -> Rehearsed:
        """Events at times in, decisions at times out, on the engine's own actors in a time that is made up. Nothing is
        written.
        """
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            return await threads.run(partial(campaigns.rehearse, body))

    return check_campaign, test_campaign


def _stats(campaigns: Campaigns, threads: Threads) -> HTTPRouteHandler:
    @get(
        f"{FAMILY.of_one('campaign')}/stats", responses=problems(400, 404, 503), guards=[knows()],
        summary="What a campaign came to",
    )  # fmt: skip
    async def campaign_stats(campaign: CampaignId) -> CampaignStats:
        return await threads.run(partial(campaigns.stats, path_value(campaign)))

    return campaign_stats


def _users(queries: CampaignQueries, threads: Threads) -> Sequence[HTTPRouteHandler]:
    @get(
        "/v1/users/{user_id:str}/why", responses=problems(400, 404, 503),
        guards=[knows("campaign", "effect", "limit", "cursor")],
        summary="Why a user got something of a campaign, or did not",
    )  # fmt: skip
    async def why(
        user_id: UserId,
        campaign: OfCampaign = None,
        effect: OfEffect = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> WhyPage:
        """Newest first. A page of one campaign may be short, or empty, while `has_more` says that there are older
        lines; `last` is the last word of each campaign, "not entered" too. `effect`: the message id of one that was
        published; what was decided because of which it was, and the entering before that.
        """
        return await threads.run(partial(queries.why, path_value(user_id), limit, cursor, campaign, effect))

    @get(
        "/v1/users/{user_id:str}/campaigns", responses=problems(400, 404, 503), guards=[knows()],
        summary="Which campaigns a user is under way in",
    )  # fmt: skip
    async def user_campaigns(user_id: UserId) -> UserCampaigns:
        """At which step, since when, and what is waited for until when."""
        return await threads.run(partial(queries.campaigns, path_value(user_id)))

    return why, user_campaigns
