"""The words that rules of every kind are made of, typed and bounded: ids, labels, rationals, amounts, times of a week.

Rules are data that marketing people write and engines keep for years: what an id or a label may be is therefore said
once, for the programme of points and for templates of coupons alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from actors.calendar import calendar
from actors.commands import Refusal, must_be
from actors.fields import text_code
from actors.money import AMOUNT_MAX, EXPONENTS

LABELS_MAX = 1_000
"""Categories, products, reasons or tiers in one list."""
LABEL_BYTES_MAX = 128

# `$` alone lets a line break pass behind it.
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$(?!\n)")]
"""Of a rule, a level or a group; it stands in records and answers."""
Rational = Annotated[str, Meta(pattern=r"^[0-9]{1,9}([.][0-9]{1,9}|/[1-9][0-9]{0,8})?$(?!\n)")]
"""Exact: "2", "1.5" or "3/2", below a billion."""
Label = Annotated[str, Meta(min_length=1, max_length=LABEL_BYTES_MAX)]
Labels = Annotated[tuple[Label, ...], Meta(max_length=LABELS_MAX)]
Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
"""Minor units."""
Weekdays = Annotated[tuple[Annotated[int, Meta(ge=1, le=7)], ...], Meta(max_length=7)]
"""1 is Monday; none: every day."""
Hours = tuple[Annotated[int, Meta(ge=0, le=23)], Annotated[int, Meta(ge=0, le=24)]]
"""[from, to) of the wall's clock; [22, 2] goes over midnight, and the weekday is that of the moment itself."""


class Exclude(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items that a rule is not about, whatever else it says."""

    categories: Labels = ()
    products: Labels = ()


def hours_of(hours: Hours | None) -> frozenset[int]:
    """The hours of a day that `hours` are, none for None.

    >>> sorted(hours_of((22, 2)))
    [0, 1, 22, 23]
    """
    if hours is None:
        return frozenset()
    begin, end = hours
    return frozenset(range(begin, end) if begin < end else [*range(begin, 24), *range(end)])


def world_mistakes(zone: str, currency: str) -> Iterator[Refusal]:
    """Of rules that hold in `zone` and reckon in `currency`."""
    try:
        calendar(zone)
    except ValueError as error:
        yield Refusal("unknown_zone", "zone", str(error))
    if currency not in EXPONENTS:
        yield must_be("unknown_currency", "currency", f"a currency code of ISO 4217 such as CNY, not {currency!r}")


def hours_mistakes(hours: Hours | None, place: str) -> Iterator[Refusal]:
    if hours and hours[0] == hours[1] % 24 and hours != (0, 24):
        yield must_be("never_holds", place, f"two different hours, not {list(hours)}")


def labels_mistakes(labels: Iterable[str], place: str) -> Iterator[Refusal]:
    for index, label in enumerate(labels):
        if code := text_code(label, LABEL_BYTES_MAX):
            wanted = f"1 to {LABEL_BYTES_MAX} bytes of UTF-8 without control characters"
            yield must_be(code, f"{place}[{index}]", wanted)
