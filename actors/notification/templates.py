"""The texts: which template is in force in a segment, and what it comes to for one reader.

What nobody has put comes with the engine, as version 0, so that an engine out of the box says something. Whoever puts a
template of the same name says it in his own words from then on; an archived one is said no more, and what came with the
engine does not come back by itself.

A wrong text to a user cannot be called back, so everything doubtful is refused: a variable that is missing (an empty
hole in a sentence about somebody's points), a text that is empty or longer than any operator would send. Templates are
the shop's own, values are anybody's: values are data and never compiled.

Rendering reads nothing but its arguments, so the same fact gives the same text in every replay.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from jinja2 import UndefinedError

from actors.notification.directory import Directory
from actors.notification.listing import ready
from actors.notification.message_template import Chosen, MessageTemplate, Ready, Texts, compiled, problems
from actors.notification.messages import Channel, Param, RefusalCode
from actors.notification.sandbox import FAILURES, Broken, Overflow

TEXT_CHARS_MAX = 500
"""Of a text message; seven Chinese SMS parts of 67 characters."""
CHARS_MAX: Mapping[Channel, int] = {
    "sms": TEXT_CHARS_MAX, "push": TEXT_CHARS_MAX, "in_app": 2_000, "email": 16_000, "webhook": 16_000,
}  # fmt: skip
TITLE_CHARS_MAX = 200
"""Of an email's subject and a push message's title."""
DEFAULT_LOCALE = "zh-Hans"
_OF_POINTS = ("points", "balance", "reason", "order_id")
_OF_COUPONS = ("code", "template", "valid_until", "days")
FACTS: Mapping[str, tuple[str, ...]] = {
    "points_earned": _OF_POINTS,
    "points_spent": _OF_POINTS,
    "points_expiring": (*_OF_POINTS, "expires_on"),
    "points_expired": _OF_POINTS,
    "coupon_issued": _OF_COUPONS,
    "coupon_expiring": _OF_COUPONS,
}
"""What is sent of facts, without being asked for, and all that such a text can speak of. Not each has an order."""
NAMES = (*FACTS, "cart_remind_sms")

TEXTS: Mapping[str, Mapping[str, str]] = {
    "zh-Hans": {
        "points_earned": "您获得{{ points }}积分",
        "points_spent": "您使用了{{ points }}积分，剩余{{ balance }}积分",
        "points_expiring": "您有{{ points }}积分将于{{ expires_on }}到期，请尽快使用",
        "points_expired": "您有{{ points }}积分已过期，剩余{{ balance }}积分",
        "coupon_issued": "您获得一张优惠券，券码{{ code }}，{{ days }}天内有效",
        "coupon_expiring": "您的优惠券{{ code }}将在{{ days }}天内到期，请尽快使用",
        "cart_remind_sms": "您的购物车里还有{{ lines }}种商品等您结算",
    },
    "en": {
        "points_earned": "You have earned {{ points }} points",
        "points_spent": "You have spent {{ points }} points, {{ balance }} are left",
        "points_expiring": "{{ points }} of your points expire on {{ expires_on }}; use them before",
        "points_expired": "{{ points }} of your points have expired, {{ balance }} are left",
        "coupon_issued": "You have a new coupon, {{ code }}, valid for {{ days }} day{{ '' if days == 1 else 's' }}",
        "coupon_expiring": "Your coupon {{ code }} ends within {{ days }} day{{ '' if days == 1 else 's' }}",
        "cart_remind_sms": "Your cart still holds {{ lines }} product{{ '' if lines == 1 else 's' }}",
    },
}


class NotRendered(msgspec.Struct, frozen=True):
    """There is no text, and why. `missing`: variables that it would speak of, of `missing_variable`."""

    code: RefusalCode
    detail: str
    missing: tuple[str, ...] = ()


class Said(msgspec.Struct, frozen=True, gc=False):
    """What a reader is to hear. `locale`: of the text. `version`: of the template, empty for one of the engine's."""

    text: str
    locale: str
    title: str = ""
    version: str = ""


class Reader(msgspec.Struct, frozen=True, gc=False):
    """Who reads it: in which language he would like it (empty: nobody knows), and in which zone he reads dates."""

    locale: str
    zone: str


class Templates:
    """Those that come with one engine, and how all are said. Immutable; shared by all segments and threads."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]] = TEXTS, locale: str = DEFAULT_LOCALE) -> None:
        """`texts` by locale and name; `locale` is the default. Raises ValueError when that lacks one of NAMES, or
        something is no template; the message says which.
        """
        if missing := [name for name in NAMES if name not in texts.get(locale, {})]:
            raise ValueError(f"locale {locale} lacks the templates {', '.join(missing)}; there are {sorted(texts)}")
        self.locale = locale
        self.built_in = {name: _built_in(name, texts, locale) for name in texts[locale]}
        """By name, as they would be put."""

    def render(
        self, known: Directory, name: str, channel: Channel, params: Mapping[str, Param], reader: Reader
    ) -> Said | NotRendered:
        """What the version in force of template `name` says to `reader`."""
        listed = known.templates.get(name)
        if listed is not None and not listed.body:
            return NotRendered("unknown_template", f"the template {name} is {listed.status}")
        found = ready(listed.body) if listed is not None else self.built_in.get(name)
        if found is None:
            return NotRendered("unknown_template", f"there is no template {name}")
        return self.said(found, listed.version if listed is not None else "", channel, params, reader)

    def said(
        self, template: Ready, version: str, channel: Channel, params: Mapping[str, Param], reader: Reader
    ) -> Said | NotRendered:
        """What `template` says, whether it is in force or not."""
        chosen = template.choose(channel, reader.locale or self.locale)
        if chosen is None:
            return NotRendered("no_text", f"the template has no text for {channel}")
        try:
            title = chosen.title.render(params, reader.zone, TITLE_CHARS_MAX) if chosen.title else ""
            text = chosen.text.render(params, reader.zone, CHARS_MAX[channel])
        except UndefinedError as error:
            return NotRendered("missing_variable", str(error), _missing(chosen, params))
        except Overflow as error:
            return NotRendered("text_too_long", str(error))
        except FAILURES as error:
            return NotRendered("template_error", f"{type(error).__name__}: {error}")
        if not text.strip():
            return NotRendered("text_empty", "the text has no characters")
        return Said(text, chosen.locale, " ".join(title.split()), version)


def _missing(chosen: Chosen, params: Mapping[str, Param]) -> tuple[str, ...]:
    spoken_of = set(chosen.text.variables)
    if chosen.title is not None:
        spoken_of |= chosen.title.variables
    return tuple(sorted(spoken_of - params.keys()))


def _built_in(name: str, texts: Mapping[str, Mapping[str, str]], locale: str) -> Ready:
    in_each = {tag: Texts(named[name]) for tag, named in texts.items() if name in named}
    variables = set(FACTS.get(name, ()))
    for tag, one in in_each.items():
        try:
            variables |= compiled(one.text or "", tag).variables
        except Broken as error:
            raise ValueError(f"template {name} ({tag}) is no text: {error}") from error
    template = MessageTemplate(in_each, locale, tuple(sorted(variables)))
    if wrong := next(problems(template), None):
        raise ValueError(f"template {name}: {wrong.message}")
    return Ready(template)
