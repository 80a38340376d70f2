"""The words of the notification domain: what it says. What it hears are other domains' facts, in their own types."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Param = str | int

RefusalCode = Literal["missing_variable", "template_error", "text_too_long", "text_empty"]


class NotifySms(msgspec.Struct, frozen=True, gc=False):
    """`notify.sms`: send `text` to the user. `template`, `locale` and `params` are what it was made from."""

    template: str
    locale: str
    params: dict[str, Param]
    text: str

    schema_version: ClassVar[int] = 1


class NotifyRefused(msgspec.Struct, frozen=True, gc=False):
    """`notify.refused`: nothing was sent. `detail` says which variable or limit, in one English sentence."""

    template: str
    locale: str
    params: dict[str, Param]
    code: RefusalCode
    detail: str

    schema_version: ClassVar[int] = 1
