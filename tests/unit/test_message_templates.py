"""Templates of messages as data: what is taken, what is refused and where, and which version is said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.commands import Refusal
from actors.notification import directory
from actors.notification.actor import NotificationActor
from actors.notification.directory import Directory, Listed, full
from actors.notification.listing import FAMILY, Status
from actors.notification.message_template import Ready, parse
from actors.notification.messages import CHANNELS, Channel, Notify, NotifyRefused, SendNotification
from actors.notification.recipient import Recipient
from actors.notification.templates import FACTS, NAMES, TITLE_CHARS_MAX, NotRendered, Reader, Said, Templates
from actors.profile.messages import UPDATE
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from supervision.domain import Event
from supervision.entry import Entry
from supervision.outputs import Emit, Record

HELLO: dict[str, Any] = {
    "default_locale": "zh-Hans",
    "variables": ["who", "amount", "at"],
    "texts": {
        "zh-Hans": {
            "text": "您好{{ who }}",
            "email": {"subject": "{{ who }}\n的账单", "body": "{{ amount | money('CNY') }}，{{ at | datetime }}"},
            "push": {"title": "您好", "body": "{{ who }}"},
        },
        "en": {"sms": "Hello {{ who }}", "in_app": "Hello in here"},
    },
}
PARAMS = {"who": "安", "amount": 123_456, "at": "2026-09-20T18:30:00Z"}
READER = Reader("", "Asia/Shanghai")


def read(**fields: Any) -> Ready | Refusal:
    return parse(msgspec.json.encode(HELLO | fields))


def made(**fields: Any) -> Ready:
    ready = read(**fields)
    assert isinstance(ready, Ready), ready
    return ready


def said(channel: Channel, locale: str = "", **params: Any) -> Said | NotRendered:
    return Templates().said(made(), "v", channel, PARAMS | params, msgspec.structs.replace(READER, locale=locale))


def test_each_channel_has_its_own_words_or_those_for_all() -> None:
    assert said("sms") == Said("您好安", "zh-Hans", version="v")
    assert said("push") == Said("安", "zh-Hans", "您好", "v")
    assert said("email") == Said("¥1,234.56，2026年9月21日 02:30:00", "zh-Hans", "安 的账单", "v")
    assert made().channels() == CHANNELS


def test_a_language_is_chosen_for_each_channel_by_what_is_said_on_it() -> None:
    assert said("sms", "en-GB") == Said("Hello 安", "en", version="v")
    assert said("email", "en") == said("email")
    assert said("sms", "zh-Hant-HK") == said("sms", "fr") == said("sms")


def test_a_channel_that_nothing_is_said_on_is_refused() -> None:
    ready = made(texts={"en": {"sms": "x"}}, default_locale="en")
    refused = Templates().said(ready, "", "email", {}, READER)
    assert isinstance(refused, NotRendered) and refused.code == "no_text" and ready.channels() == ("sms",)


def test_what_lacks_a_variable_names_all_that_it_would_speak_of() -> None:
    refused = Templates().said(made(), "", "email", {"who": "安"}, READER)
    assert isinstance(refused, NotRendered)
    assert (refused.code, refused.missing) == ("missing_variable", ("amount", "at"))


def test_a_title_is_one_line_of_bounded_length() -> None:
    assert said("email", who="a\r\nBcc: b") == Said(
        "¥1,234.56，2026年9月21日 02:30:00", "zh-Hans", "a Bcc: b 的账单", "v"
    )
    refused = said("email", who="长" * TITLE_CHARS_MAX)
    assert isinstance(refused, NotRendered) and refused.code == "text_too_long"


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"texts": {"zh-hans": {"text": "x"}}}, "unknown_locale", "texts.zh-hans"),
        ({"texts": {"tlh": {"text": "x"}}}, "unknown_locale", "texts.tlh"),
        ({"texts": {}}, "out_of_range", "texts"),
        ({"texts": {"zh-Hans": {}}}, "missing", "texts.zh-Hans.text"),
        ({"texts": {"zh-Hans": {"text": ""}}}, "out_of_range", "texts[...].text"),
        ({"texts": {"zh-Hans": {"text": "{{ x.y }}"}}}, "not_a_template", "texts.zh-Hans.text"),
        ({"texts": {"zh-Hans": {"sms": "{% for"}}}, "not_a_template", "texts.zh-Hans.sms"),
        ({"texts": {"zh-Hans": {"email": {"subject": "{{ you }}", "body": "x"}}}}, "undeclared_variable",
         "texts.zh-Hans.email.subject"),
        ({"texts": {"zh-Hans": {"email": {"subject": "x"}}}}, "missing", "texts[...].email.body"),
        ({"texts": {"zh-Hans": {"sms": "x"}, "en": {"in_app": "y"}}}, "missing", "texts.zh-Hans.in_app"),
        ({"texts": {"zh-Hans": {"fax": "x"}}}, "unknown_field", "texts[...].fax"),
        ({"default_locale": "fr"}, "unknown_value", "default_locale"),
        ({"variables": ["who", "amount", "at", "self"]}, "reserved", "variables"),
        ({"variables": ["Who"]}, "out_of_range", "variables[0]"),
        ({"colour": "red"}, "unknown_field", "colour"),
    ],
)  # fmt: skip
def test_what_is_no_template_is_refused_with_its_place(fields: dict[str, Any], code: str, field: str) -> None:
    refused = read(**fields)
    assert isinstance(refused, Refusal), refused
    assert (refused.code, refused.field) == (code, field), refused


def test_the_same_template_in_other_words_is_the_same_version_and_reads_its_normal_form() -> None:
    one, other = made(variables=["at", "who", "amount"], name=""), made()
    assert one.canonical == other.canonical
    again = parse(one.canonical)
    assert isinstance(again, Ready) and again.canonical == one.canonical


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_with_the_engine_could_be_put_as_it_is(name: str) -> None:
    ready = Templates().built_in[name]
    again = parse(ready.canonical)
    assert isinstance(again, Ready) and again.canonical == ready.canonical
    assert set(FACTS.get(name, ())) <= set(ready.template.variables)


class User:
    """Of one segment; messages and changes of templates in the order of its log."""

    def __init__(self) -> None:
        self.actor = NotificationActor(Templates())
        self.state, self.shared, self.number = Recipient(), Directory(), 0

    def put(self, id: str, status: Status, **fields: Any) -> str:
        self.number += 1
        body = FAMILY.body(status, made(**fields).canonical)
        self.told(ProgrammeActivated(FAMILY.subject_of(id), self.number, f"v{self.number}", body.decode()))
        return f"v{self.number}"

    def told(self, said: ProgrammeActivated) -> None:
        entry = Entry(0, 1, 1, 5, 0, ACTIVATED, "segment:00", b"")
        assert list(self.actor.react(self.shared, Event(entry, said, 5, "segment:00"))) == []
        self.actor.check_shared(self.shared)
        self.shared = msgspec.msgpack.decode(msgspec.msgpack.encode(self.shared), type=Directory)

    def asks(self, template: str = "hello", channel: Channel = "sms", **more: Any) -> list[Any]:
        return self.hears("notify.requested", SendNotification(template, channel, dict(PARAMS), **more))

    def lives(self, **facts: Any) -> None:
        raw = msgspec.json.encode({"event_type": "profile_changes", "user_id": "1", "profile_changes": facts})
        self.hears(UPDATE, msgspec.json.decode(raw, type=self.actor.reacts_to[UPDATE]))

    def hears(self, kind: str, body: Any) -> list[Any]:
        event = Event(Entry(0, 1, 1, 5, 0, kind, "user:1", b""), body, 5, "user:1", shared=self.shared)
        outputs = list(self.actor.react(self.state, event))
        self.actor.check(self.state)
        return [one.body for one in outputs if isinstance(one, Emit | Record)]


def test_what_is_sent_names_the_version_that_said_it_and_so_does_the_record() -> None:
    user = User()
    version = user.put("hello", "active")
    notify, _, line = user.asks()
    assert (notify.text, notify.template_version, line.template_version) == ("您好安", version, version)
    version = user.put("hello", "active", texts={"zh-Hans": {"text": "{{ who }}，早"}})
    assert user.asks()[0] == Notify("hello", "zh-Hans", dict(PARAMS), "安，早", template_version=version)


@pytest.mark.parametrize("status", ["draft", "archived"])
def test_of_what_is_not_active_nothing_is_sent(status: Status) -> None:
    user = User()
    user.put("hello", status)
    refused, _ = user.asks()
    assert isinstance(refused, NotifyRefused) and refused.code == "unknown_template" and status in refused.detail
    user.put("hello", "active")
    assert isinstance(user.asks()[0], Notify)


def test_what_is_put_takes_the_place_of_what_came_with_the_engine_until_it_is_archived() -> None:
    user = User()
    assert user.asks("cart_remind_sms", locale="en")[0].code == "missing_variable"
    version = user.put("cart_remind_sms", "active")
    assert user.asks("cart_remind_sms")[0].template_version == version
    user.put("cart_remind_sms", "archived")
    assert user.asks("cart_remind_sms")[0].code == "unknown_template"


def test_news_that_comes_late_changes_nothing() -> None:
    user = User()
    user.put("hello", "active")
    before = msgspec.msgpack.encode(user.shared)
    user.told(ProgrammeActivated(FAMILY.subject_of("hello"), 1, "old", FAMILY.body("archived", b"{}").decode()))
    user.told(ProgrammeActivated("points", 9, "v", "{}"))
    assert msgspec.msgpack.encode(user.shared) == before


def test_a_text_is_in_the_language_that_was_asked_for_else_in_the_users_own() -> None:
    user = User()
    user.put("hello", "active")
    user.lives(locale="EN-gb", zone="Asia/Shanghai")
    assert user.asks()[0].locale == "en"
    assert user.asks(locale="zh-hant")[0].locale == "zh-Hans"
    assert "2:30:00" in user.asks(channel="email")[0].text.replace("02:", "2:")
    user.lives(locale=None)
    assert user.asks()[0].locale == "zh-Hans"


def test_a_directory_that_is_full_takes_no_new_template_and_goes_on_with_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = Directory()
    directory.enter(shared, "a", Listed(1, "active", "v1", "x" * 100))
    monkeypatch.setattr(directory, "BYTES_MAX", 50)
    assert full(shared)
    directory.enter(shared, "b", Listed(1, "active", "v2", "y"))
    directory.enter(shared, "a", Listed(2, "archived", "v3"))
    assert shared.templates == {"a": Listed(2, "archived", "v3")}
