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
from actors.commands import NOT_JSON, Command, Refusal, refusal
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


def command(kind: str, user_id: str, timestamp: str | None, keep_long: bool) -> Command:
    """The command about `user_id`; `timestamp` has been checked."""
    occurred_at = (rfc3339_ms(timestamp) or 0) if timestamp else 0
    return Command(kind, f"user:{user_id}", occurred_at, keep_long)


def text_rule(bytes_max: int) -> str:
    return f"a string of 1 to {bytes_max} bytes of UTF-8 without control characters"
