"""What a message says, as data: a text for each channel, in each language, with the variables that it speaks of.

    {"default_locale": "zh-Hans",
     "variables": ["points", "expires_at"],
     "texts": {"zh-Hans": {"text": "您有{{ points }}积分将于{{ expires_at | date }}到期",
                           "email": {"subject": "积分即将到期", "body": "您有{{ points }}积分……"}},
               "en": {"text": "{{ points }} of your points expire on {{ expires_at | date }}"}}}

`text` is said on every channel that has no words of its own in that language. Each channel that is spoken on in any
language is in the default one, so a reader always gets a text: the nearest to his own language (locales.py).

Whatever can be known is said when a template is put: that each text is one (sandbox.py), and that it speaks of no
variable that is not listed. What cannot is whether those who ask for messages give all of them; then there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta

from actors import mistakes, normal_form
from actors.commands import Refusal, must_be
from actors.notification.locales import nearest, normal
from actors.notification.messages import CHANNELS, Channel
from actors.notification.sandbox import RESERVED, SOURCE_CHARS_MAX, Broken, Compiled

LOCALES_MAX = 32
"""Of one template."""
VARIABLES_MAX = 64
NAME_CHARS_MAX = 128
TEXTS_KEPT = 4_096
"""Compiled, and chosen for a reader's language."""

Source = Annotated[str, Meta(min_length=1, max_length=SOURCE_CHARS_MAX)]
Variable = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]


class Email(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    subject: Source
    body: Source


class Push(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Source
    body: Source


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In one language. `text`: on every channel that has none of its own."""

    text: Source | None = None
    sms: Source | None = None
    email: Email | None = None
    push: Push | None = None
    in_app: Source | None = None
    webhook: Source | None = None

    def on(self, channel: Channel) -> tuple[str, str] | None:
        """(title, text) with their holes; the title is an email's subject and empty where there is none."""
        match getattr(self, channel):
            case None:
                return None if self.text is None else ("", self.text)
            case Email(subject=title, body=text) | Push(title=title, body=text):
                return title, text
            case text:
                return "", text


class MessageTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`texts` by language tag (BCP 47)."""

    texts: Annotated[dict[str, Texts], Meta(min_length=1, max_length=LOCALES_MAX)]
    default_locale: str
    variables: Annotated[tuple[Variable, ...], Meta(max_length=VARIABLES_MAX)] = ()
    name: Annotated[str, Meta(max_length=NAME_CHARS_MAX)] = ""


class Chosen(msgspec.Struct, frozen=True):
    """A text in one language, ready to be filled in."""

    locale: str
    title: Compiled | None
    text: Compiled


class Ready:
    """A template at work. Immutable; shared by threads."""

    def __init__(self, template: MessageTemplate) -> None:
        """`template` has no problems."""
        self.template = template
        self._spoken: dict[Channel, tuple[str, ...]] = {
            channel: tuple(tag for tag, texts in template.texts.items() if texts.on(channel)) for channel in CHANNELS
        }

    @property
    def canonical(self) -> bytes:
        """Its JSON, the same for the same template."""
        return normal_form.encoded(self.template, {"variables": normal_form.sorted_set})

    def channels(self) -> tuple[Channel, ...]:
        return tuple(channel for channel, spoken in self._spoken.items() if spoken)

    def choose(self, channel: Channel, wanted: str) -> Chosen | None:
        """The text for a reader of the language `wanted`, None where nothing is said on the channel."""
        return _chosen(self, channel, wanted)

    def chosen(self, channel: Channel, wanted: str) -> Chosen | None:
        """The same, worked out anew."""
        spoken = self._spoken[channel]
        if not spoken:
            return None
        locale = nearest(wanted, spoken, self.template.default_locale)
        parts = self.template.texts[locale].on(channel)
        assert parts is not None, f"{channel} is not in the default language"
        title, text = parts
        return Chosen(locale, compiled(title, locale) if title else None, compiled(text, locale))


@lru_cache(TEXTS_KEPT)
def _chosen(ready: Ready, channel: Channel, wanted: str) -> Chosen | None:
    return ready.chosen(channel, wanted)


@lru_cache(TEXTS_KEPT)
def compiled(source: str, locale: str) -> Compiled:
    """Raises Broken."""
    return Compiled(source, locale)


def parse(data: bytes) -> Ready | Refusal:
    """The template that the JSON `data` is, or the first thing that is wrong with it and where."""
    try:
        template = _template(data)
    except msgspec.ValidationError as error:
        return mistakes.refusal(error, MessageTemplate)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refusal("not_json", "", "a template must be JSON in UTF-8, of whole characters")
    return next(problems(template), None) or Ready(template)


_template = msgspec.json.Decoder(MessageTemplate).decode


def problems(template: MessageTemplate) -> Iterator[Refusal]:
    """What is wrong with it, in the order in which it is written."""
    for tag, texts in template.texts.items():
        if normal(tag) != tag:
            wanted = "a language tag (BCP 47) of a language we know, written as zh-Hans-CN is"
            yield must_be("unknown_locale", f"texts.{tag}", wanted)
        elif not any(texts.on(channel) for channel in CHANNELS):
            yield Refusal("missing", f"texts.{tag}.text", f"texts.{tag} must say something")
        else:
            yield from _text_problems(tag, texts, template.variables)
    if reserved := RESERVED & set(template.variables):
        yield must_be("reserved", "variables", f"free of {min(reserved)}, which means something else in a text")
    yield from _default_problems(template)


def _default_problems(template: MessageTemplate) -> Iterator[Refusal]:
    default = template.texts.get(template.default_locale)
    if default is None:
        yield must_be("unknown_value", "default_locale", f"one of {', '.join(template.texts)}")
        return
    for channel in CHANNELS:
        if not default.on(channel) and any(texts.on(channel) for texts in template.texts.values()):
            place = f"texts.{template.default_locale}.{channel}"
            yield Refusal("missing", place, f"{place} is missing: what one language says the default one must say too")


def _text_problems(tag: str, texts: Texts, declared: tuple[str, ...]) -> Iterator[Refusal]:
    for place, source in _sources(texts, f"texts.{tag}"):
        try:
            speaks_of = compiled(source, tag).variables
        except Broken as error:
            yield Refusal("not_a_template", place, f"{place} is no text: {error}")
            continue
        for name in sorted(speaks_of.difference(declared)):
            yield Refusal("undeclared_variable", place, f"{place} speaks of {name}, which is not among the variables")


def _sources(texts: Texts, place: str) -> Iterator[tuple[str, str]]:
    """(where, what is written there)"""
    for field in texts.__struct_fields__:
        match getattr(texts, field):
            case None:
                pass
            case str() as source:
                yield f"{place}.{field}", source
            case own:
                for part in own.__struct_fields__:
                    yield f"{place}.{field}.{part}", getattr(own, part)
