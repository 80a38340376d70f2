"""Templates of messages over HTTP, below HTTP: what only they ask of a version, which there are, what one would say.

A template is a programme `notification-template:ID` (actors/notification/listing.py), put and switched as listed.py
says. Those that come with the engine are there before anybody has put them, as version number 0, and are replaced as
any other. What is sent of facts has only the variables of its fact, so a template of that name can name no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from actors import mistakes
from actors.campaign.campaign import PARAMETER_CHARS_MAX
from actors.commands import Refusal
from actors.notification import directory as directories
from actors.notification import sms
from actors.notification.directory import Directory
from actors.notification.directory import Listed as Line
from actors.notification.listing import FAMILY, TEMPLATE_ID_BYTES_MAX, ready
from actors.notification.locales import normal
from actors.notification.message_template import VARIABLES_MAX
from actors.notification.messages import Channel
from actors.notification.programme import DOMAIN
from actors.notification.recipient import Recipient
from actors.notification.recipient import read as recipient_of
from actors.notification.templates import FACTS, NotRendered, Reader, Templates
from actors.programmes.listing import Listing
from gateway.listed import Listed, Shown, Words, bad_field, by_id
from gateway.problems import Problem
from gateway.programmes import Programmes
from gateway.queries import subject_of
from gateway.readers import ReaderPool
from supervision.entry import segment_of, segment_subject
from supervision.store import Reader as StoreReader

_directory = msgspec.msgpack.Decoder(Directory).decode


class MessageTemplateLine(msgspec.Struct, frozen=True):
    """A template in a list. `number` 0: it came with the engine."""

    id: str
    status: str
    number: int
    version: str


class MessageTemplatesPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/notification-templates`, by id."""

    data: list[MessageTemplateLine]
    next_cursor: str | None
    has_more: bool


Value = Annotated[str, Meta(max_length=PARAMETER_CHARS_MAX)]
"""As campaigns give them."""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a preview. `locale`, else the language of `user`, else the engine's; dates in the zone of `user`."""

    parameters: Annotated[dict[str, Value | int], Meta(max_length=VARIABLES_MAX)] = {}
    locale: str | None = None
    user: str | None = None


class Sms(msgspec.Struct, frozen=True):
    """How long an SMS is, in `units` of its alphabet (septets, or UTF-16), and how many messages it takes."""

    alphabet: sms.Alphabet
    units: int
    segments: int


class Spoken(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one channel would say, or why nothing (`code`, `detail`)."""

    locale: str = ""
    title: str = ""
    text: str = ""
    sms: Sms | None = None
    code: str = ""
    detail: str = ""
    missing: tuple[str, ...] = ()


class Preview(msgspec.Struct, frozen=True):
    """Answer of a preview: by channel, those on which the template says anything. `zone`: of dates."""

    version: str
    number: int
    status: str
    zone: str
    channels: Mapping[Channel, Spoken]


class MessageTemplates(Listed):
    """`templates` are those that come with the engine, `zone` that of users who have told none."""

    words: ClassVar[Words] = Words("template", "unknown_template", TEMPLATE_ID_BYTES_MAX, "draft", "", FAMILY)

    def __init__(
        self, programmes: Programmes, readers: ReaderPool, segments: int, templates: Templates, zone: str
    ) -> None:
        super().__init__(programmes)
        self._readers = readers
        self._segments = segments
        self._templates = templates
        self._zone = zone

    def put_problems(self, id: str, before: Shown | None, new: str) -> Iterator[Refusal]:
        status, text = FAMILY.read(new)
        template = ready(text)
        for name in sorted(set(template.template.variables).difference(FACTS.get(id, template.template.variables))):
            said = f"variables must be of those that {id} is sent with, {', '.join(FACTS[id])}; not {name}"
            yield Refusal("unknown_variable", "variables", said)
        yield from self._no_room(id, status, text)

    def become_problems(self, id: str, before: Shown, status: str) -> Iterator[Refusal]:
        """Of what is active alone a segment keeps what it says, so a draft needs its room when it becomes that."""
        if status == "active" != before.status:
            yield from self._no_room(id, status, before.json.decode())

    def _no_room(self, id: str, status: str, text: str) -> Iterator[Refusal]:
        """If the segments cannot keep it."""
        with self._readers.one() as reader:
            known = directory(reader, 0)
        directories.enter(known, id, Line(1, status, "", text))
        if id not in known.templates or directories.full(known):
            most = f"at most {directories.BYTES_MAX} bytes together"
            yield Refusal("too_many", "id", f"all templates may have {most}, and there is no room for this")

    def page(self, limit: int, cursor: str | None) -> MessageTemplatesPage:
        """Raises Problem for a cursor that is none."""
        with self._readers.one() as reader:
            known = directory(reader, 0).templates
        found = by_id({*self._templates.built_in, *known}, limit, cursor)
        lines = [self._line(id, known.get(id)) for id in found.ids]
        return MessageTemplatesPage(lines, found.next_cursor, found.has_more)

    def preview(self, id: str, question: bytes) -> Preview:
        """Nothing is written. Raises Problem `unknown_template`, `not_json`, `bad_field`."""
        shown, asked = self.shown(id), _question(question)
        user = self._user(asked.user) if asked.user is not None else Recipient()
        reader = Reader(normal(asked.locale or "") or user.locale, user.zone or self._zone)
        template, version = ready(shown.json.decode()), shown.active.version
        channels: dict[Channel, Spoken] = {}
        for channel in template.channels():
            said = self._templates.said(template, version, channel, asked.parameters, reader)
            if isinstance(said, NotRendered):
                channels[channel] = Spoken(code=said.code, detail=said.detail, missing=said.missing)
            else:
                measured = Sms(*sms.measured(said.text)) if channel == "sms" else None
                channels[channel] = Spoken(said.locale, said.title, said.text, measured)
        return Preview(version, shown.active.number, shown.status, reader.zone, channels)

    def _user(self, user_id: str) -> Recipient:
        """What notification knows of him; of one never heard of, nothing."""
        subject = subject_of(user_id)
        with self._readers.one() as reader:
            state, _ = reader.snapshot(segment_of(subject, self._segments), DOMAIN, subject)
        return recipient_of(state) if state is not None else Recipient()

    def _line(self, id: str, listed: Line | None) -> MessageTemplateLine:
        if listed is not None:
            return MessageTemplateLine(id, listed.status, listed.number, listed.version)
        return MessageTemplateLine(id, "active", 0, built_in(self._templates)[FAMILY.subject_of(id)].version)


def built_in(templates: Templates) -> Mapping[str, Listing]:
    """What is in force before anybody has put anything, by the programme's name."""
    return {
        FAMILY.subject_of(name): Listing(FAMILY.body("active", template.canonical))
        for name, template in templates.built_in.items()
    }


def directory(reader: StoreReader, segment: int) -> Directory:
    """What the segment has heard of."""
    state, _ = reader.snapshot(segment, DOMAIN, segment_subject(segment))
    return _directory(state) if state is not None else Directory()


def _question(body: bytes) -> Question:
    try:
        asked = msgspec.json.decode(body or b"{}", type=Question)
    except msgspec.ValidationError as error:
        raise bad_field(mistakes.refusal(error, Question)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("not_json", "the question must be JSON in UTF-8, of whole characters") from None
    if asked.locale and not normal(asked.locale):
        said = "locale must be a language tag (BCP 47) of a language we know"
        raise bad_field(Refusal("unknown_locale", "locale", said))
    return asked
