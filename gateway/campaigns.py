"""Campaigns over HTTP, below HTTP: what only they ask of a version, which there are, and what a check says.

A campaign is a programme `campaign:ID` (actors/campaign/listing.py), put and switched as listed.py says. It may come in
the seed's form and is kept and shown in ours. All that is wrong with it is said at once, and what its author may have
misunderstood with the answer to the put.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar

import msgspec

from actors import mistakes
from actors.campaign import directory as directories
from actors.campaign import listing, totals
from actors.campaign.actor import CampaignActor
from actors.campaign.directory import Directory
from actors.campaign.listing import CAMPAIGN_ID_BYTES_MAX, FAMILY, ready
from actors.campaign.rehearsal import Given, Moment, mistakes_at, rehearse
from actors.campaign.review import Review, checked, review
from actors.campaign.rule_file import UNNAMED
from actors.campaign.totals import Totals
from actors.commands import Refusal
from gateway.listed import Listed, Normal, Shown, Words, bad_field, by_id, field_errors, refused
from gateway.problems import Problem
from gateway.programmes import Programmes
from gateway.readers import ReaderPool
from supervision.entry import segment_subject
from supervision.store import Reader

DOMAIN = CampaignActor.name

_totals = msgspec.msgpack.Decoder(Totals).decode
_directory = msgspec.msgpack.Decoder(Directory).decode


class CampaignLine(msgspec.Struct, frozen=True):
    """A campaign in a list: its status, what starts it, and the number and the name of its version."""

    id: str
    name: str
    status: str
    trigger: str
    number: int
    version: str


class CampaignsPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/campaigns`, by id."""

    data: list[CampaignLine]
    next_cursor: str | None
    has_more: bool


class CampaignStats(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/campaigns/{id}/stats`: what was decided so far, of all versions. `stopped`: steps that a stop
    held. `exited`: runs that are over, by why; `refused`: steps, by the code of the answer that was waited for. `sent`,
    `held`, `suppressed`: its messages, the last two by reason. Not `counted`: a segment counts no more campaigns.
    """

    campaign: str
    status: str
    counted: bool
    entered: int
    acted: int
    capped: int
    holdout: int
    stopped: int
    refused: dict[str, int]
    exited: dict[str, int]
    sent: int
    held: dict[str, int]
    suppressed: dict[str, int]


class Question(Given, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/campaigns/test`: a campaign in either form, and what happens to a user (rehearsal.Given)."""

    campaign: msgspec.Raw
    id: str = UNNAMED


class Rehearsed(msgspec.Struct, frozen=True):
    """Answer of `POST /v1/campaigns/test`: what is decided, in order, "not entered" too."""

    timeline: tuple[Moment, ...]


class Campaigns(Listed):
    """`zone` and `currency`: of campaigns in the seed's form, which name none. `endpoints`: those of webhooks."""

    words: ClassVar[Words] = Words("campaign", "unknown_campaign", CAMPAIGN_ID_BYTES_MAX, "draft", "archived", FAMILY)

    def __init__(
        self,
        programmes: Programmes,
        readers: ReaderPool,
        segments: int,
        zone: str,
        currency: str,
        endpoints: Collection[str] = (),
    ) -> None:
        super().__init__(programmes)
        self._readers = readers
        self._segments = segments
        self._zone = zone
        self._currency = currency
        self._endpoints = endpoints

    def review(self, campaign: bytes) -> Review:
        """Nothing is written."""
        return review(campaign, self._zone, self._currency, self._endpoints)

    def rehearse(self, question: bytes) -> Rehearsed:
        """Nothing is written, and nobody is asked. Raises Problem `not_json`, `refused_programme`, `bad_field`."""
        try:
            asked = msgspec.json.decode(question, type=Question)
        except msgspec.ValidationError as error:
            raise bad_field(mistakes.refusal(error, Question)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Problem("not_json", "the question must be JSON in UTF-8, of whole characters") from None
        found = checked(bytes(asked.campaign), self._zone, self._currency, self._endpoints)
        if found.campaign is None:
            raise refused(*[mistakes_at("campaign", error) for error in found.problems.errors])
        timeline = rehearse(found.id or asked.id, found.campaign, asked, self._currency)
        if isinstance(timeline, Refusal):
            raise bad_field(timeline)
        return Rehearsed(timeline)

    def normal(self, id: str, json: bytes) -> Normal:
        found = checked(super().normal(id, json).json, self._zone, self._currency, self._endpoints)
        if found.campaign is None:
            raise refused(*found.problems.errors)
        if found.id not in ("", id):
            raise refused(Refusal("other_id", "trigger_id", f"trigger_id must be the id in the path, {id!a}"))
        return Normal(found.campaign.canonical, field_errors(found.problems.warnings))

    def put_problems(self, id: str, before: Shown | None, new: str) -> Iterator[Refusal]:
        with self._readers.one() as reader:
            known = directory(reader, 0)
        status, text = listing.read(new)
        directories.enter(known, id, before.active.number + 1 if before else 1, status, ready(text).version, text)
        if id not in known.campaigns or directories.full(known):
            most = f"at most {directories.BYTES_MAX} bytes together"
            yield Refusal("too_many", "id", f"all campaigns may have {most}, and there is no room for this")

    def stats(self, id: str) -> CampaignStats:
        """The sum over all segments, each as of its own moment. Raises Problem `unknown_campaign`."""
        status = self.shown(id).status
        with self._readers.one() as reader:
            found = [_totals_of(reader, segment) for segment in range(self._segments)]
        counted = all(id in one.campaigns or len(one.campaigns) < totals.CAMPAIGNS_MAX for one in found)
        return CampaignStats(id, status, counted, **msgspec.structs.asdict(totals.summed(found, id)))

    def page(self, limit: int, cursor: str | None) -> CampaignsPage:
        """Raises Problem for a cursor that is none."""
        with self._readers.one() as reader:
            known = directory(reader, 0).campaigns
        found = by_id(known, limit, cursor)
        return CampaignsPage([_line(id, known[id]) for id in found.ids], found.next_cursor, found.has_more)


def directory(reader: Reader, segment: int) -> Directory:
    """What the segment has heard of."""
    state, _ = reader.snapshot(segment, DOMAIN, segment_subject(segment))
    return _directory(state) if state is not None else Directory()


def _totals_of(reader: Reader, segment: int) -> Totals:
    state, _ = reader.snapshot(segment, DOMAIN, totals.subject(segment))
    return _totals(state) if state is not None else Totals()


def _line(id: str, listed: directories.Listed) -> CampaignLine:
    campaign = ready(listed.bodies[listed.version]).campaign
    trigger = campaign.trigger.__struct_config__.tag
    return CampaignLine(id, campaign.name, listed.status, str(trigger), listed.number, listed.version)
