"""Messages as forms: a struct, and for each field what it must be, in words and as a check.

The message is decoded once with the type its actor will use, so a door cannot accept what the actor cannot read. A
good message costs a decode and a handful of comparisons; only for a wrong one is the sentence made. Every refusal
names the field and says the whole rule, limit included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from actors import mistakes
from actors.commands import NOT_JSON, Command, CommandSpec, Refusal, refusal
from actors.fields import rfc3339_ms, text_code

T = TypeVar("T", bound=msgspec.Struct)

Check = Callable[[Any], str | None]
"""A field's value -> the code of what is wrong with it, None when nothing is."""


class Field(msgspec.Struct, frozen=True):
    """One field: `rule` completes the sentence "<field> must be …"; `check` is asked when the type is right."""

    rule: str
    check: Check | None = None


class Form(Generic[T]):
    """What a message of `type` must look like. `cross` looks at the whole message when each field is well."""

    def __init__(
        self, type: type[T], fields: Mapping[str, Field], cross: Callable[[T], Refusal | None] | None = None
    ) -> None:
        self.type = type
        self.rules = {name: field.rule for name, field in fields.items()}
        self._checks = [(name, field.check) for name, field in fields.items() if field.check is not None]
        self._cross = cross
        self._decode = msgspec.json.Decoder(type).decode

    def read(self, raw: bytes) -> T | Refusal:
        """The message, or why it is none."""
        try:
            message = self._decode(raw)
        except msgspec.ValidationError as error:
            return mistakes.by_rules(error, self.type, self.rules)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return NOT_JSON
        for name, check in self._checks:
            if code := check(getattr(message, name)):
                return self.refusal(code, name)
        problem = self._cross(message) if self._cross else None
        return message if problem is None else problem

    def refusal(self, code: str, field: str) -> Refusal:
        return refusal(self.rules, code, field)


# Checks.


def plain(bytes_max: int) -> Check:
    """1 to `bytes_max` bytes of text without control characters."""
    return lambda value: text_code(value, bytes_max)


def maybe(check: Check) -> Check:
    """The field may be absent."""
    return lambda value: None if value is None else check(value)


def between(low: int, high: int) -> Check:
    return lambda value: None if low <= value <= high else "out_of_range"


def moment(value: str) -> str | None:
    """An RFC 3339 time."""
    return None if rfc3339_ms(value) is not None else "not_rfc3339"


def text_rule(bytes_max: int) -> str:
    return f"a string of 1 to {bytes_max} bytes of UTF-8 without control characters"


# Fields that every domain has.


def text(bytes_max: int) -> Field:
    return Field(text_rule(bytes_max), plain(bytes_max))


def maybe_text(bytes_max: int) -> Field:
    return Field(f"absent, null or {text_rule(bytes_max)}", maybe(plain(bytes_max)))


def maybe_number(low: int, high: int) -> Field:
    return Field(f"absent, null or an integer from {low} to {high}", maybe(between(low, high)))


EVENT_TYPE = Field("the name of the message")
TIMESTAMP = Field("absent, null or an RFC 3339 time with its offset from UTC", maybe(moment))

# Messages.


class Named(msgspec.Struct, frozen=True):
    """A command's form under its event_type: for the documents."""

    spec: CommandSpec
    form: Form[Any]


def command(kind: str, subject: str, timestamp: str | None, keep_long: bool = False, bulk: bool = False) -> Command:
    """The command about `subject`; `timestamp` has been checked."""
    occurred_at = (rfc3339_ms(timestamp) or 0) if timestamp else 0
    return Command(kind, subject, occurred_at, keep_long, bulk)


def about_a_user(event_type: str, kind: str, exchange: str, keys: tuple[str, ...], form: Form[Any]) -> Named:
    """A command that names its user, and whose id must be known long."""

    def decode(raw: bytes, _: Mapping[str, Any]) -> Command | Refusal:
        message = form.read(raw)
        if isinstance(message, Refusal):
            return message
        return command(kind, f"user:{message.user_id}", message.timestamp, keep_long=True)

    return Named(CommandSpec(event_type, kind, exchange, keys, decode), form)
