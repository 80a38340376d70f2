"""The terms of one coupon: fixed when it is issued, from its template and what the message that issues it adds.

The seed's messages carry `expire_days` and `conditions` beside the template's id, so message and template may disagree.
Here the template is the law, and a message may only narrow it: a shorter life, a higher minimum, fewer categories or
products. What would widen is refused with the field and the limit, never cut silently: a sender that promises its
customers 60 days must learn that the template has 30. So is a condition we do not know, since leaving it out would
widen what its sender meant.

    terms(offer, at, 30, b'{"min_amount": 100, "valid_categories": ["electronics", "books"]}')

`min_amount` is the seed's: major units of the template's currency. Terms say nothing of weekdays, products or kinds
that the template says already; a coupon is its terms and the template's version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta

from actors import mistakes
from actors.calendar import first
from actors.commands import Refusal, must_be
from actors.coupon.offer import Offer
from actors.coupon.reasons import Code, shown
from actors.coupon.template import VALID_DAYS_MAX
from actors.fields import LAST_MS
from actors.money import major, minor_of_seed
from actors.rule_words import Label, labels_mistakes
from supervision.envelope import rfc3339

CONDITION_LABELS_MAX = 32
"""Categories or products of one message."""
CONDITION_BYTES_MAX = 1_024
"""Of all labels of one message: every coupon keeps them, and a purse has many coupons."""

TERMS_KEPT = 256

_Narrower = Annotated[tuple[Label, ...], Meta(min_length=1, max_length=CONDITION_LABELS_MAX)]
_NULL = b"null"


class Terms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`valid_from` and `valid_until` in ms; at `valid_until` it is valid no more. `minimum` in minor units of the
    template's currency. `categories` and `products`: narrower than the template's; none: as the template says."""

    valid_from: int
    valid_until: int
    minimum: int
    categories: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class Conditions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As the seed's messages write them."""

    min_amount: msgspec.Raw = msgspec.Raw(_NULL)
    valid_categories: _Narrower | None = None
    valid_products: _Narrower | None = None


_conditions = msgspec.json.Decoder(Conditions | None)


@lru_cache(TERMS_KEPT)
def terms(offer: Offer, at: int, expire_days: int | None = None, conditions: bytes = _NULL) -> Terms | Refusal:
    """The terms of a coupon that is issued at the moment `at` (ms), or why there are none. O(labels), and once for all
    who get one at that moment.
    """
    ends = _ends(offer, at, expire_days)
    if isinstance(ends, Refusal):
        return ends
    asked = read(conditions)
    if isinstance(asked, Refusal):
        return asked
    minimum = _minimum(offer, asked.min_amount)
    if isinstance(minimum, Refusal):
        return minimum
    if problem := next(_wider(offer, asked), None):
        return problem
    return Terms(_begins(offer, at), ends, minimum, _set(asked.valid_categories), _set(asked.valid_products))


def read(conditions: bytes) -> Conditions | Refusal:
    """The conditions that a message adds, before anything is known of the template."""
    try:
        found = _conditions.decode(conditions) or Conditions()
    except msgspec.ValidationError as error:
        return mistakes.refusal(error, Conditions, "conditions")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return must_be("not_json", "conditions", "JSON in UTF-8, of whole characters")
    labels = [*(found.valid_categories or ()), *(found.valid_products or ())]
    if sum(len(label.encode()) for label in labels) > CONDITION_BYTES_MAX:
        wanted = f"of categories and products that come to at most {CONDITION_BYTES_MAX} bytes"
        return must_be("too_long", "conditions", wanted)
    return found


def _begins(offer: Offer, at: int) -> int:
    return at if offer.begins is None else max(at, offer.begins)


def _ends(offer: Offer, at: int, expire_days: int | None) -> int | Refusal:
    """The end of the template's days or of its window, whichever comes first; of the message's days, if given."""
    days, window = offer.template.valid.days, LAST_MS if offer.ends is None else offer.ends
    if at >= window:
        return Refusal(Code.EXPIRED, "valid.ends", f"valid.ends was {rfc3339(window)}; no more coupons are issued")
    if expire_days is None:
        return min(window, _end_of(offer, at, days)) if days is not None else window
    if not 1 <= expire_days <= VALID_DAYS_MAX:
        return must_be("out_of_range", "expire_days", f"from 1 to {VALID_DAYS_MAX}, not {expire_days}")
    if days is not None and expire_days > days:
        return must_be(Code.WIDENS, "expire_days", f"at most the template's valid.days, {days}, not {expire_days}")
    ends = _end_of(offer, at, expire_days)
    if days is None and ends > window:
        wanted = f"so few that the coupon ends by the template's valid.ends, {rfc3339(window)}, not {expire_days}"
        return must_be(Code.WIDENS, "expire_days", wanted)
    return min(window, ends)


def _end_of(offer: Offer, at: int, days: int) -> int:
    """The first instant after the day that is `days` after the one the coupon becomes valid on."""
    began = offer.calendar.day(_begins(offer, at))
    return offer.calendar.begins(first("day", began, days + 1))


def _minimum(offer: Offer, raw: msgspec.Raw) -> int | Refusal:
    template, field = offer.template, "conditions.min_amount"
    if bytes(raw) == _NULL:
        return template.minimum_amount
    minimum = minor_of_seed(raw, template.currency, field)
    if isinstance(minimum, int) and minimum < template.minimum_amount:
        least = f"{major(template.minimum_amount, template.currency)} {template.currency}"
        return must_be(Code.WIDENS, field, f"at least the template's minimum_amount, {least}")
    return minimum


def _wider(offer: Offer, asked: Conditions) -> Iterator[Refusal]:
    yield from _outside(asked.valid_categories, "valid_categories", offer.categories, offer.excluded_categories)
    yield from _outside(asked.valid_products, "valid_products", offer.products, offer.excluded_products)


def _outside(
    labels: Sequence[str] | None, name: str, allowed: AbstractSet[str], excluded: AbstractSet[str]
) -> Iterator[Refusal]:
    """What of `labels` the template does not allow; none allowed means all."""
    place = f"conditions.{name}"
    yield from labels_mistakes(labels or (), place)
    for index, label in enumerate(labels or ()):
        if allowed and label not in allowed:
            wanted = f"one of the template's {name.removeprefix('valid_')}, {', '.join(shown(allowed))}, not {label}"
            yield must_be(Code.WIDENS, f"{place}[{index}]", wanted)
        if label in excluded:
            yield must_be(Code.WIDENS, f"{place}[{index}]", f"none that the template excludes, not {label}")


def _set(labels: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(sorted(set(labels or ())))
