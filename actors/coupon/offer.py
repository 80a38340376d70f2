"""A template at work: read, checked and compiled, with what is asked of it for every order.

Its version is a hash of its normal form (normal_form.py), so a coupon that remembers the version is bound to exactly
these words, whatever the template says later.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

from actors import mistakes, normal_form
from actors.calendar import calendar
from actors.commands import Refusal
from actors.coupon.checks import problems
from actors.coupon.template import NthItem, Percent, Template
from actors.fields import rfc3339_ms
from actors.rule_words import hours_of
from supervision.envelope import rfc3339

BYTES_MAX = 256 * 1024
"""Of a template's JSON: it is an entry of every segment's log."""


def _in_utc(text: str) -> str:
    return rfc3339(rfc3339_ms(text) or 0)


_REDUCED: normal_form.Reduced = {
    "categories": normal_form.sorted_set,
    "products": normal_form.sorted_set,
    "weekdays": normal_form.sorted_set,
    "tags": normal_form.sorted_set,
    "percent": normal_form.rational,
    "begins": _in_utc,
    "ends": _in_utc,
}
_template = msgspec.json.Decoder(Template)


class Offer:
    """Immutable; shared by all segments and threads. Made by `parse`."""

    def __init__(self, template: Template) -> None:
        """`template` has no problems."""
        self.template = template
        self.canonical = normal_form.encoded(template, _REDUCED)
        """Its JSON, the same for the same template."""
        self.version = normal_form.version(self.canonical)
        self.calendar = calendar(template.zone)
        valid, exclude = template.valid, template.exclude
        self.begins = _moment(valid.begins)
        self.ends = _moment(valid.ends)
        self.weekdays = frozenset(valid.weekdays)
        self.hours = hours_of(valid.hours)
        self.categories = frozenset(template.categories)
        self.products = frozenset(template.products)
        self.excluded_categories = frozenset(exclude.categories)
        self.excluded_products = frozenset(exclude.products)
        kind = template.kind
        self.part = Fraction(kind.percent) / 100 if isinstance(kind, Percent | NthItem) else Fraction(0)
        """What a kind of so many percent takes, of 1."""


def parse(data: bytes) -> Offer | Refusal:
    """The template that the JSON `data` is, compiled, or the first thing that is wrong with it and where."""
    if len(data) > BYTES_MAX:
        return Refusal("too_long", "", f"a template must be at most {BYTES_MAX} bytes")
    return read(data)


def read(data: bytes) -> Offer | Refusal:
    """The same of whatever length: one that was taken is longer when its defaults are written out."""
    try:
        template = _template.decode(data)
    except msgspec.ValidationError as error:
        return mistakes.refusal(error, Template)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refusal("not_json", "", "a template must be JSON in UTF-8, of whole characters")
    found = problems(template)
    return found[0] if found else Offer(template)


def _moment(text: str | None) -> int | None:
    return None if text is None else rfc3339_ms(text)
