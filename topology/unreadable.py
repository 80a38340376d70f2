"""Why bytes cannot be read as a message: which field, and what is wrong with it.

The decoder that reads every message stops at the first thing it does not like and says at which byte, or not even that.
A sender needs the field. So what was refused, and only that, is read once more by the standard library's reader, which
lets through what senders get wrong without knowing (Python writes NaN, JavaScript half a surrogate pair), and the tree
is searched for it in the order of the text. Good messages pay nothing; hostile ones pay a small multiple of their
bytes, and their depth is bounded by the reader.
"""

from __future__ import annotations

import json
import math
from typing import Any, cast

import msgspec

from actors.commands import Refusal

FIELD_CHARS_MAX = 128
"""Of a field's dotted name, which the sender chose."""
NOT_JSON = frozenset({"not_json", "not_a_number", "not_utf8"})
"""Codes of what no JSON reader takes."""

_SOUND = frozenset({int, float, bool, type(None)})
"""Types of values in which nothing is wrong."""
_BOM = b"\xef\xbb\xbf"

Link = tuple["Link", str] | None
"""Where a value stands: the link of what holds it, and its name in there."""


class _Ill(msgspec.Struct, frozen=True):
    """Takes the place of a value that is none."""

    code: str
    words: str


class _Pairs(list[tuple[str, Any]]):
    """An object, with every key it was sent with: what is wrong may be the first of two."""


def refusal(raw: bytes, error: Exception) -> Refusal:
    """Why the decoder raised `error` for `raw`. Never raises but RecursionError, for what is nested too deeply."""
    try:
        found = _first_ill(_tree(raw))
    except ValueError:
        found = None
    if found is not None:
        ill, field = found
        return Refusal(ill.code, field, f"{field or 'the message'} {ill.words}")
    if isinstance(error, msgspec.ValidationError):
        return Refusal("number_out_of_range", "", "a number of the message is beyond what can be read")
    return Refusal("not_json", "", f"the message {words(raw, error)}")


def words(raw: bytes, error: Exception) -> str:
    """`is not JSON: …`, as the end of a sentence about `raw`."""
    if not raw.strip(b" \t\r\n"):
        return "is empty"
    if raw.startswith(_BOM):
        return "is not JSON: it begins with a byte order mark"
    if isinstance(error, UnicodeDecodeError):
        return "is not JSON: it is not UTF-8"
    text = str(error).removeprefix("JSON is malformed: ")
    return f"is not JSON: {'it ends too early' if 'truncated' in text else text}"


def _tree(raw: bytes) -> Any:
    """`raw` as the lenient reader sees it; raises ValueError when even that cannot."""
    return json.loads(
        raw.decode("utf-8", "surrogateescape"),
        parse_constant=_constant,
        parse_int=_integer,
        parse_float=_decimal,
        object_pairs_hook=_Pairs,
    )


def _constant(text: str) -> _Ill:
    return _Ill("not_a_number", f"is {text}, and JSON has no such number")


def _integer(text: str) -> int | _Ill:
    try:
        return int(text)
    except ValueError:
        return _Ill("number_out_of_range", f"is a number of {len(text.lstrip('-'))} digits, more than can be read")


def _decimal(text: str) -> float | _Ill:
    value = float(text)
    return value if math.isfinite(value) else _Ill("number_out_of_range", "is a number beyond ±1.8e308")


def _first_ill(tree: Any) -> tuple[_Ill, str] | None:
    """What is wrong first, in the order of the text, and its field. Without recursion: O(values)."""
    waiting: list[tuple[Link, Any]] = [(None, tree)]
    while waiting:
        link, value = waiting.pop()
        if isinstance(value, _Ill):
            return value, _field(link)
        if isinstance(value, str):
            if not _is_text(value):
                return _Ill("not_utf8", "must be UTF-8 of whole characters"), _field(link)
        elif isinstance(value, _Pairs):
            if not all(_is_text(key) for key, _ in value):
                return _Ill("not_utf8", "has a name that is not UTF-8 of whole characters"), _field(link)
            waiting.extend(((link, key), one) for key, one in reversed(value) if type(one) not in _SOUND)
        elif isinstance(value, list):
            several = cast(list[Any], value)
            doubtful = [n for n, one in enumerate(several) if type(one) not in _SOUND]
            waiting.extend(((link, str(n)), several[n]) for n in reversed(doubtful))
    return None


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _field(link: Link) -> str:
    names: list[str] = []
    while link is not None:
        link, name = link
        names.append(name if name.isprintable() else ascii(name)[1:-1])
    dotted = ".".join(reversed(names))
    return dotted if len(dotted) <= FIELD_CHARS_MAX else f"{dotted[: FIELD_CHARS_MAX - 1]}…"
