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
from actors.campaign import listing
from actors.campaign.actor import CampaignActor
from actors.campaign.directory import Directory
from actors.campaign.listing import CAMPAIGN_ID_BYTES_MAX, MAY_BECOME, ready, subject_of
from actors.campaign.programme import body
from actors.campaign.rehearsal import Given, Moment, mistakes_at, rehearse
from actors.campaign.review import Review, checked, review
from actors.campaign.rule_file import UNNAMED
from actors.commands import Refusal
from gateway.listed import Listed, Normal, Shown, Words, by_id, field_errors, refused
from gateway.problems import Problem
from gateway.programmes import Programmes
from gateway.readers import ReaderPool
from supervision.entry import segment_subject
from supervision.store import Reader

DOMAIN = CampaignActor.name

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


class Question(Given, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/campaigns/test`: a campaign in either form, and what happens to a user (rehearsal.Given)."""

    campaign: msgspec.Raw
    id: str = UNNAMED


class Rehearsed(msgspec.Struct, frozen=True):
    """Answer of `POST /v1/campaigns/test`: what is decided, in order, "not entered" too."""

    timeline: tuple[Moment, ...]


class Campaigns(Listed):
    """`zone` and `currency`: of campaigns in the seed's form, which name none. `endpoints`: those of webhooks."""

    words: ClassVar[Words] = Words(
        "campaign", "unknown_campaign", CAMPAIGN_ID_BYTES_MAX, "draft", "archived", MAY_BECOME, subject_of,
        listing.read, body,
    )  # fmt: skip

    def __init__(
        self, programmes: Programmes, readers: ReaderPool, zone: str, currency: str, endpoints: Collection[str] = ()
    ) -> None:
        super().__init__(programmes)
        self._readers = readers
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
            raise _bad(mistakes.refusal(error, Question)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Problem("not_json", "the question must be JSON in UTF-8, of whole characters") from None
        found = checked(bytes(asked.campaign), self._zone, self._currency, self._endpoints)
        if found.campaign is None:
            raise refused(*[mistakes_at("campaign", error) for error in found.problems.errors])
        timeline = rehearse(found.id or asked.id, found.campaign, asked, self._currency)
        if isinstance(timeline, Refusal):
            raise _bad(timeline)
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

    def page(self, limit: int, cursor: str | None) -> CampaignsPage:
        """Raises Problem for a cursor that is none."""
        with self._readers.one() as reader:
            known = directory(reader, 0).campaigns
        found = by_id(known, limit, cursor)
        return CampaignsPage([_line(id, known[id]) for id in found.ids], found.next_cursor, found.has_more)


def _bad(why: Refusal) -> Problem:
    return Problem("bad_field", why.message, field_errors((why,)))


def directory(reader: Reader, segment: int) -> Directory:
    """What the segment has heard of."""
    state, _ = reader.snapshot(segment, DOMAIN, segment_subject(segment))
    return _directory(state) if state is not None else Directory()


def _line(id: str, listed: directories.Listed) -> CampaignLine:
    campaign = ready(listed.bodies[listed.version]).campaign
    trigger = campaign.trigger.__struct_config__.tag
    return CampaignLine(id, campaign.name, listed.status, str(trigger), listed.number, listed.version)
