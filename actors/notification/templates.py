"""The texts: Jinja2 templates by locale and name, compiled once, rendered in a sandbox.

A wrong text to a user cannot be called back, so everything doubtful is refused: a variable that is missing (an empty
hole in a sentence about somebody's points), a text that is empty or longer than any operator would send. Templates are
the shop's own, values are anybody's: values are data and never compiled. The sandbox keeps a template from reaching
into the process.

Rendering reads nothing but its arguments: the globals Jinja2 brings along (among them a random text generator) are
taken away, so that the same fact gives the same text in every replay.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from actors.notification.messages import Param, RefusalCode

TEXT_CHARS_MAX = 500
"""Of a text message; seven Chinese SMS parts of 67 characters."""
DEFAULT_LOCALE = "zh-Hans"
NAMES = (
    "points_earned", "points_spent", "points_expiring", "points_expired", "coupon_issued", "coupon_expiring",
    "cart_remind_sms",
)  # fmt: skip

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
    """There is no text, and why."""

    code: RefusalCode
    detail: str


class Templates:
    """All templates of one engine. Immutable; shared by all segments and threads."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]] = TEXTS, locale: str = DEFAULT_LOCALE) -> None:
        """Raises ValueError when `locale` lacks one of NAMES, or a template is not Jinja2; the message says which."""
        if missing := [name for name in NAMES if name not in texts.get(locale, {})]:
            raise ValueError(f"locale {locale} lacks the templates {', '.join(missing)}; there are {sorted(texts)}")
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        environment.globals.clear()  # pyright: ignore[reportUnknownMemberType]
        # `random` shuffles by the machine's dice: the one filter that is no function of its arguments.
        del environment.filters["random"]  # pyright: ignore[reportUnknownMemberType]
        self.locale = locale
        self._compiled = {
            (language, name): _compiled(environment, language, name, source)
            for language, named in texts.items()
            for name, source in named.items()
        }

    def render(self, name: str, params: Mapping[str, Param], locale: str | None = None) -> str | NotRendered:
        """The text of template `name`; in the default locale where `locale` has none."""
        template = self._compiled.get((locale or self.locale, name)) or self._compiled.get((self.locale, name))
        if template is None:
            return NotRendered("unknown_template", f"there is no template {name}")
        try:
            text = template.render(params)
        except UndefinedError as error:
            return NotRendered("missing_variable", str(error))
        except TemplateError as error:
            return NotRendered("template_error", f"{type(error).__name__}: {error}")
        if len(text) > TEXT_CHARS_MAX:
            return NotRendered(
                "text_too_long", f"the text has {len(text)} characters, at most {TEXT_CHARS_MAX} are sent"
            )
        return text if text.strip() else NotRendered("text_empty", "the text has no characters")


def _compiled(environment: ImmutableSandboxedEnvironment, locale: str, name: str, source: str) -> Template:
    try:
        template = environment.from_string(source)
    except TemplateError as error:
        raise ValueError(f"template {name} ({locale}) is not Jinja2: {error}") from error
    template.globals = {}  # in place of Jinja2's chain of empty ones: walking that was half of a rendering
    return template
