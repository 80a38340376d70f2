"""What makes a well-typed template make sense: everything that takes two fields, or the world, to be seen.

A condition that can never hold and a limit that can never be reached are told as if they were typing errors, which they
mostly are. Found here they cost their author a minute; found by a hundred thousand customers they cost the campaign.
All problems of a template are told at once, each with the place of the field and the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

from actors.calendar import DAY_MS, calendar
from actors.commands import Refusal, must_be
from actors.coupon.spelling import PUBLIC_CHARS_MAX, PUBLIC_CHARS_MIN, is_generated, normal
from actors.coupon.template import (
    CodeRules,
    FullReduction,
    Gift,
    NthItem,
    Percent,
    PerUserLimits,
    Template,
    Valid,
    discount_max,
)
from actors.fields import rfc3339_ms, text_code
from actors.rule_words import LABEL_BYTES_MAX, Exclude, hours_mistakes, labels_mistakes, world_mistakes

MOMENT_END_MS = rfc3339_ms("3000-01-01T00:00:00Z") or 0
"""Windows lie before; any number of days that may be added then leads to a year that calendars have."""

_WEEK_DAYS = 7
_NEVER_HOLDS, _NEVER_REACHED, _NO_MEANING = "never_holds", "never_reached", "no_meaning"


def problems(template: Template) -> list[Refusal]:
    """All that makes no sense in `template`, which is well-typed, by (code, field, message)."""
    return list(_problems(template))


def _problems(template: Template) -> Iterator[Refusal]:
    world = list(world_mistakes(template.zone, template.currency))
    yield from world
    yield from _text(template.name, "name")
    yield from _scope(template)
    yield from _kind(template)
    yield from _valid(template.valid, template.zone, not world)
    yield from _money(template)
    yield from _per_user(template.per_user, template.stock)
    if template.stacking.exclusive and template.stacking.group is not None:
        yield must_be(_NO_MEANING, "stacking.group", "absent with exclusive, which combines with nothing")
    yield from _code(template.code, template.stock)
    if template.activity_id is not None:
        yield from _text(template.activity_id, "activity_id")
    yield from labels_mistakes(template.tags, "tags")


def _text(text: str, place: str) -> Iterator[Refusal]:
    if code := text_code(text, LABEL_BYTES_MAX):
        yield must_be(code, place, f"1 to {LABEL_BYTES_MAX} bytes of UTF-8 without control characters")


def _scope(template: Template) -> Iterator[Refusal]:
    exclude: Exclude = template.exclude
    for labels, place in (
        (template.categories, "categories"),
        (template.products, "products"),
        (exclude.categories, "exclude.categories"),
        (exclude.products, "exclude.products"),
    ):
        yield from labels_mistakes(labels, place)
    if template.categories and set(template.categories) <= set(exclude.categories):
        yield must_be(_NEVER_HOLDS, "categories", "other categories too than those that exclude names")
    if template.products and set(template.products) <= set(exclude.products):
        yield must_be(_NEVER_HOLDS, "products", "other products too than those that exclude names")


def _kind(template: Template) -> Iterator[Refusal]:
    match template.kind:
        case Percent(percent=percent) | NthItem(percent=percent):
            if not 0 < Fraction(percent) <= 100:
                yield must_be("out_of_range", "kind.percent", f"more than 0 and at most 100, not {percent}")
        case FullReduction() as reduction:
            yield from _steps(reduction, template.minimum_amount)
        case Gift(product=product):
            yield from _text(product, "kind.product")
        case _:
            pass


def _steps(reduction: FullReduction, minimum: int) -> Iterator[Refusal]:
    steps = reduction.steps
    for index, step in enumerate(steps):
        if step.off > step.at_least:
            place = f"kind.steps[{index}].off"
            yield must_be("out_of_range", place, f"at most its at_least, {step.at_least}, not {step.off}")
    for index, (low, high) in enumerate(pairwise(steps), 1):
        for name, before, after in (("at_least", low.at_least, high.at_least), ("off", low.off, high.off)):
            if after <= before:
                wanted = f"more than {before}, that of the step before, not {after}"
                yield must_be("not_rising", f"kind.steps[{index}].{name}", wanted)
    if len(steps) > 1 and reduction.times_max > 1:
        yield must_be(_NO_MEANING, "kind.times_max", f"1 with several steps, not {reduction.times_max}")
    if len(steps) > 1 and steps[1].at_least <= minimum:
        wanted = f"less than {steps[1].at_least}, or the first step is never what counts, not {minimum}"
        yield must_be(_NEVER_REACHED, "minimum_amount", wanted)


def _valid(valid: Valid, zone: str, zone_known: bool) -> Iterator[Refusal]:
    moments: dict[str, int] = {}
    for name, text in (("begins", valid.begins), ("ends", valid.ends)):
        at = None if text is None else rfc3339_ms(text)
        if at is not None and 0 <= at < MOMENT_END_MS:
            moments[name] = at
        elif text is not None:
            wanted = "an RFC 3339 time with its offset from UTC, of the years 1970 to 2999"
            yield must_be("not_rfc3339" if at is None else "out_of_range", f"valid.{name}", wanted)
    if valid.ends is None and valid.days is None:
        yield must_be("missing", "valid.ends", "there, or else valid.days: no coupon is valid for ever")
    yield from hours_mistakes(valid.hours, "valid.hours")
    if len(moments) < 2:
        return
    begins, ends = moments["begins"], moments["ends"]
    if ends <= begins:
        yield must_be(_NEVER_HOLDS, "valid.ends", f"after valid.begins, {valid.begins}, not {valid.ends}")
    elif zone_known and valid.weekdays and not _weekdays(begins, ends, zone) & set(valid.weekdays):
        yield must_be(_NEVER_HOLDS, "valid.weekdays", "days that lie between valid.begins and valid.ends")


def _weekdays(begins: int, ends: int, zone: str) -> set[int]:
    """The days of the week that lie, wholly or in part, between the moments."""
    if ends - begins >= _WEEK_DAYS * DAY_MS:
        return set(range(1, _WEEK_DAYS + 1))
    first, last = calendar(zone).local(begins).date(), calendar(zone).local(ends - 1).date()
    return {(first + timedelta(days=n)).isoweekday() for n in range((last - first).days + 1)}


def _money(template: Template) -> Iterator[Refusal]:
    most = discount_max(template.kind)
    if template.budget is not None and most is not None and template.budget < most:
        wanted = f"at least what one coupon may take off, {most}, not {template.budget}"
        yield must_be(_NEVER_HOLDS, "budget", wanted)


def _per_user(limits: PerUserLimits, stock: int | None) -> Iterator[Refusal]:
    wider = [("per_user.per_month", limits.per_month), ("per_user.total", limits.total), ("stock", stock)]
    given = [("per_user.per_day", limits.per_day), *wider]
    limited = [(place, most) for place, most in given if most is not None]
    for (place, most), (bound_place, bound) in pairwise(limited):
        if most > bound:
            yield must_be(_NEVER_REACHED, place, f"at most {bound_place}, {bound}, not {most}")


def _code(code: CodeRules, stock: int | None) -> Iterator[Refusal]:
    if code.public != code.public.upper():
        yield must_be("not_capitals", "code.public", f"in capitals, {code.public.upper()}")
    if code.public and (isinstance(plain := normal(code.public), Refusal) or is_generated(plain)):
        wanted = f"{PUBLIC_CHARS_MIN} to {PUBLIC_CHARS_MAX} letters and digits, not counting dashes"
        yield must_be("length", "code.public", wanted)
    if code.imported and code.public:
        yield must_be(_NO_MEANING, "code.public", "absent with code.imported: bring it as one code more")
    if code.uses is not None and not code.public:
        yield must_be(_NO_MEANING, "code.uses", "absent without code.public")
    elif code.uses is not None and stock is not None and code.uses > stock:
        yield must_be(_NEVER_REACHED, "code.uses", f"at most stock, {stock}, not {code.uses}")
