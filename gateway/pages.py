"""Pages of a list that is worked out anew for each: the cursor says behind which line the next page begins.

Lists change between two pages. A cursor that names a line's place in the order, not its number, neither shows a line
twice nor skips one that stayed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from gateway.problems import Problem, invalid_parameter

T = TypeVar("T")
K = TypeVar("K", bound=tuple[int | str, ...])

PAGE_DEFAULT = 50
PAGE_MAX = 500


def page(rows: Sequence[T], key: Callable[[T], K], kind: type[K], limit: int, cursor: str | None) -> Sequence[T]:
    """At most `limit` + 1 of `rows`, behind `cursor`, in the order of their keys, of type `kind`. Raises Problem."""
    ordered = sorted(rows, key=key)
    if cursor is not None:
        last = decoded(cursor, kind)
        ordered = [row for row in ordered if key(row) > last]
    return ordered[: limit + 1]


def encoded(key: tuple[int | str, ...]) -> str:
    """A cursor that means "behind `key`"."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(key)).decode().rstrip("=")


def decoded(cursor: str, kind: type[K], parameter: str = "cursor", field: str = "next_cursor") -> K:
    """What `cursor` stands for; raises Problem naming `parameter` when it is no `field` of ours."""
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = msgspec.msgpack.decode(data, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise _no_cursor(parameter, field) from error
    if any(type(part) is int and not 0 <= part < 2**63 for part in key):
        raise _no_cursor(parameter, field)
    return key


def _no_cursor(parameter: str, field: str) -> Problem:
    return invalid_parameter(parameter, f"{parameter} must be a {field} of this list")
