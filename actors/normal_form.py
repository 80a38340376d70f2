"""The one way to write down a rule, and the name that follows from it.

Rules are named by what they say: a version is a hash of the normal form, in which defaults are left out, lists that
mean sets are sorted and numbers reduced. Whoever writes the same rules in another order has the same version, and
putting them again is no change. A field that a later release adds leaves the versions of old rules alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from typing import Any, cast

import msgspec

VERSION_BYTES = 8

Reduce = Callable[[Any], Any]
"""Makes values that mean the same the same value."""
Reduced = Mapping[str, Reduce]
"""By the name of the field."""

_fields = lru_cache(maxsize=None)(msgspec.structs.fields)
"""Of the few types there are: msgspec reads their annotations anew each time, which is nearly all a rule costs."""


def encoded(rules: msgspec.Struct, reduced: Reduced) -> bytes:
    """The normal form of `rules`, as JSON. O(their size)."""
    return msgspec.json.encode(_plain(rules, reduced), order="sorted")


def version(normal_form: bytes) -> str:
    """The name of the rules: 16 hexadecimal digits."""
    return blake2b(normal_form, digest_size=VERSION_BYTES).hexdigest()


def sorted_set(value: Any) -> Any:
    """Of a list that means a set; what else bears the same name stays as it is."""
    return sorted(set(cast("tuple[Any, ...]", value))) if isinstance(value, tuple) else value


def rational(value: str) -> str:
    return str(Fraction(value))


def _plain(rules: msgspec.Struct, reduced: Reduced) -> dict[str, Any]:
    """What is not a default, in a form that does not depend on its writer; the tag, where there are several kinds."""
    config = rules.__struct_config__
    plain: dict[str, Any] = {config.tag_field: config.tag} if config.tag_field else {}
    for field in _fields(type(rules)):
        value, default = getattr(rules, field.name), _default(field)
        if field.name in reduced and value is not None:
            value = reduced[field.name](value)
        value = _plain_value(value, reduced)
        if value != _plain_value(default, reduced):
            plain[field.encode_name] = value
    return plain


def _plain_value(value: Any, reduced: Reduced) -> Any:
    match value:
        case msgspec.Struct():
            return _plain(value, reduced)
        case list() | tuple():
            return [_plain_value(one, reduced) for one in cast("list[Any]", value)]
        case dict():
            return {key: _plain_value(one, reduced) for key, one in cast("dict[str, Any]", value).items()}
        case _:
            return value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default
