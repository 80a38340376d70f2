"""Where in a sender's JSON the mistake is, told from what msgspec says of it.

msgspec names the place as a path (`$.earn.multipliers[2].factor`) inside an English sentence; senders and forms want
the place as a field of its own. It does not list what an enumeration allows, which is the first thing its reader asks,
so that is looked up in the type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from actors.commands import Refusal
from actors.commands import refusal as by_rule

_PLACE = re.compile(r" - at (`key` in )?`\$\.?(.*)`$")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_STEP = re.compile(r"[^.\[\]]+|\[[^\]]*\]")
_RANGE = re.compile(r"Expected `(?:int|str|array|object)` (?:[<>]|of length|matching)")

SOME_KEY = "[...]"
"""How msgspec writes "under some key of this object", not saying which."""


def refusal(error: msgspec.ValidationError, wanted: Any, prefix: str = "") -> Refusal:
    """What `error`, raised by decoding as `wanted`, comes to. `prefix` is where the document itself stood."""
    text = str(error)
    place = _PLACE.search(text)
    path = place[2] + (SOME_KEY if place[1] else "") if place else ""
    field = join(prefix, path)
    text = text[: place.start()] if place else text
    if missing := _MISSING.match(text):
        field = join(field, missing[1])
        return Refusal("missing", field, f"{field} is missing")
    if unknown := _UNKNOWN.match(text):
        field = join(field, unknown[1])
        return Refusal("unknown_field", field, f"{field} is not a known field")
    if allowed := _allowed(wanted, path):
        return Refusal("unknown_value", field, f"{field} must be one of {', '.join(allowed)}")
    code = "out_of_range" if _RANGE.match(text) else "wrong_type"
    return Refusal(code, field, f"{field or 'the body'}: {text[:1].lower()}{text[1:]}")


def by_rules(error: msgspec.ValidationError, wanted: Any, rules: Mapping[str, str], prefix: str = "") -> Refusal:
    """The same with the field's whole rule, where `rules` has one."""
    found = refusal(error, wanted, prefix)
    return by_rule(rules, found.code, found.field) if found.field in rules else found


def join(place: str, field: str) -> str:
    """`field` below `place`, dotted; an index (`[2]`) needs no dot."""
    return f"{place}.{field}" if place and field and not field.startswith("[") else place + field


def _allowed(wanted: Any, path: str) -> tuple[str, ...]:
    """The words that the enumeration at `path` allows; none where there is no enumeration."""
    here = inspect.type_info(wanted)
    for step in _STEP.findall(path):
        here = _below(here, step)
    return tuple(map(str, here.values)) if isinstance(here, inspect.LiteralType) else ()


def _below(here: Any, step: str) -> Any:
    below: Any = None
    match here:
        case inspect.StructType():
            below = next((field.type for field in here.fields if field.encode_name == step), None)
        case inspect.UnionType():
            below = _below_one_of(here, step)
        case inspect.DictType():
            below = here.value_type
        case inspect.VarTupleType() | inspect.ListType():
            below = here.item_type
        case _:
            pass
    if isinstance(below, inspect.UnionType) and not all(isinstance(kind, inspect.StructType) for kind in below.types):
        below = next(kind for kind in below.types if not isinstance(kind, inspect.NoneType))
    return below


def _below_one_of(kinds: inspect.UnionType, step: str) -> Any:
    """Below structs of which one is meant: their tags, or the field where the first of them has it."""
    structs = [kind for kind in kinds.types if isinstance(kind, inspect.StructType)]
    if step == structs[0].tag_field:
        return inspect.LiteralType(tuple(sorted(str(struct.tag) for struct in structs)))
    return next((field for struct in structs if (field := _below(struct, step)) is not None), None)
