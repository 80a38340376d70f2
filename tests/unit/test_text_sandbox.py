"""What a text may be made of, what it can never do, and how it writes money and dates."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.notification.sandbox import (
    DEPTH_MAX,
    FAILURES,
    FILTERS_MAX,
    SOURCE_CHARS_MAX,
    ZONE,
    Broken,
    Compiled,
    Overflow,
)

CPU_S_MAX = 2.0
AT = "2026-09-20T18:30:00Z"


def say(source: str, locale: str = "en", zone: str = "UTC", **values: Any) -> str:
    return Compiled(source, locale).render(values, zone, 500)


@pytest.mark.parametrize(
    "escape",
    [
        "{{ ''.__class__.__mro__ }}", "{{ x.y }}", "{{ x['__class__'] }}", "{{ x|attr('__class__') }}", "{{ f() }}",
        "{{ lipsum(5) }}", "{{ cycler('a') }}", "{{ range(3) }}", "{% include 'x' %}", "{% import 'x' as y %}",
        "{% extends 'x' %}", "{{ self }}", "{{ self._TemplateReference__context }}", "{{ x|map('upper') }}",
        "{{ '{0.__class__}'.format(x) }}", "{{ '{0.__class__}'|format(x) }}", "{{ [1, 2]|random }}", "{{ x|xmlattr }}",
        "{% block a %}{% endblock %}", "{% call f() %}{% endcall %}", "{% do x %}", "{{ x", "{{ *x }}",
        "{{ x|date(*x) }}",
    ],
)  # fmt: skip
def test_a_text_that_reaches_for_anything_but_its_values_is_none(escape: str) -> None:
    with pytest.raises(Broken):
        Compiled(escape, "en")


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for a in [1,2] %}{% for b in [1,2] %}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set x = x + x %}", "{% with x = x %}{% endwith %}",
        "{{ 9 ** 9 ** 9 }}", "{{ x|center(1000000000) }}", "{{ x|indent(1000000000) }}", "{{ x|tojson(1000000000) }}",
        "{{ y|round(1000000000, 'ceil') }}", "{{ x|replace('v', 'vvvvvvvvvvv') }}", "{{ x ~ x }}", "{{ y ** y }}",
        "{{ [x, x, x] }}", "{{ [y] * 1000000000 }}", "{{ (x, x)|length }}", "{% if [x, x]|string %}{% endif %}",
        "{{ x in [[x, x], [x]] }}",
        "{{ " + "(" * (DEPTH_MAX + 1) + "x" + ")" * (DEPTH_MAX + 1) + " }}",
        "{{ " + "not " * 3_000 + "x }}", "{{ " + "-" * 3_000 + "y }}", "{{ y" + " + y" * 3_000 + " }}",
        "{% if x %}" * (DEPTH_MAX + 1) + "{% endif %}" * (DEPTH_MAX + 1),
        "{{ " + "9" * 5_000 + " }}", "{{ x" + "|urlencode" * (FILTERS_MAX + 1) + " }}", "x" * (SOURCE_CHARS_MAX + 1),
    ],
)  # fmt: skip
def test_a_text_that_would_not_end_or_grow_without_end_is_none(bomb: str) -> None:
    before = time.process_time()
    with pytest.raises(Broken):
        Compiled(bomb, "en")
    assert time.process_time() - before < CPU_S_MAX


@pytest.mark.parametrize("source", ["{{ 1e400 }}", "{{ y + 1e400 }}", "{% if y in [1, -1e999] %}{% endif %}"])
def test_a_number_beyond_all_is_refused_when_it_is_put_and_not_when_it_is_said(source: str) -> None:
    with pytest.raises(Broken, match="line 1: a number is too large"):
        Compiled(source, "en")


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'x' * 1000000000 }}", "{{ '%1000000000d' % y }}", "{{ x + x }}", "{{ y // 0 }}",
        "{{ y|money('XXX') }}", "{{ x|money('CNY') }}", "{{ x|date }}", "{{ y|date('wild') }}",
        "{{ '2026-02-30'|date }}", "{{ '2026-02-20'|datetime }}", "{{ 99999999999999999999|datetime }}",
    ],
)  # fmt: skip
def test_what_shows_only_with_its_values_is_a_failure_that_is_named(source: str) -> None:
    compiled = Compiled(source, "en")
    with pytest.raises(FAILURES):
        compiled.render({"x": "v", "y": 2}, "UTC", 500)


@pytest.mark.parametrize("test", ["even", "odd"])
@pytest.mark.parametrize("value", ["%999999999999d", "%99999999d", "x"])
def test_a_value_that_is_a_format_is_no_number_and_puts_nothing_together(test: str, value: str) -> None:
    compiled = Compiled("{% if x is " + test + " %}y{% endif %}", "en")
    with pytest.raises(ValueError, match="neither even nor odd"):
        compiled.render({"x": value}, "UTC", 500)


def test_numbers_are_even_or_odd_and_lists_are_looked_into() -> None:
    assert say("{{ x is even }}{{ x is odd }}{{ x in [1, 2] }}{{ x not in (1, 2) }}", x=2) == "TrueFalseTrueFalse"


def test_a_text_is_counted_while_it_is_made() -> None:
    compiled = Compiled("{{ x }}" * 1_000, "en")
    with pytest.raises(Overflow, match="more than 500 characters"):
        compiled.render({"x": "v" * 100_000}, "UTC", 500)
    assert say("{{ x }}", x="v" * 500) == "v" * 500


def test_the_deepest_text_that_is_taken_is_rendered() -> None:
    nested = DEPTH_MAX - 3
    assert say("{% if x %}" * nested + "y" + "{% endif %}" * nested, x="v") == "y"
    assert say("{{ x" + "|urlencode" * FILTERS_MAX + " }}", x="%") == "%252525"


def test_values_are_data_even_where_they_look_like_templates_or_our_own_names() -> None:
    assert say("{{ x }}", x="{{ 7 * 7 }}{% if %}") == "{{ 7 * 7 }}{% if %}"
    assert say("{{ d|datetime }}", "en", "UTC", d=AT, **{ZONE: "Asia/Tokyo"}) == say("{{ d|datetime }}", d=AT)


@pytest.mark.parametrize(
    ("locale", "money", "day", "long", "time_"),
    [
        ("zh-Hans", "¥1,234.56", "2026年9月21日", "2026年9月21日星期一", "2026年9月21日 02:30:00"),
        ("en", "CN¥1,234.56", "Sep 21, 2026", "Monday, September 21, 2026", "Sep 21, 2026, 2:30:00\u202fAM"),
    ],
)
def test_money_and_dates_are_written_as_the_language_does_in_the_readers_zone(
    locale: str, money: str, day: str, long: str, time_: str
) -> None:
    assert say("{{ m|money('CNY') }}", locale, m=123_456) == money
    assert say("{{ d|date }}", locale, "Asia/Shanghai", d=AT) == day
    assert say("{{ d|date('full') }}", locale, "Asia/Shanghai", d=AT) == long
    assert say("{{ d|datetime }}", locale, "Asia/Shanghai", d=AT) == time_
    assert say("{{ d|date }}", locale, "Asia/Shanghai", d=1_789_929_000_000) == day


def test_a_day_is_the_same_day_in_every_zone_and_a_moment_is_not() -> None:
    assert say("{{ d|date }}", "en", "Pacific/Kiritimati", d="2026-09-20") == "Sep 20, 2026"
    assert say("{{ d|date }}", "en", "Pacific/Kiritimati", d=AT) == "Sep 21, 2026"


@pytest.mark.parametrize(("currency", "text"), [("JPY", "¥123,456"), ("KWD", "KWD123.456"), ("HUF", "HUF1,234.56")])
def test_no_place_of_an_amount_is_lost(currency: str, text: str) -> None:
    assert say("{{ m|money(c) }}", m=123_456, c=currency) == text


@given(st.text(st.sampled_from("{}%|()[]+-*/~'\"x y1.i fnoteulsdba\n"), max_size=60))
def test_whatever_is_written_is_a_text_or_none_and_a_text_is_rendered_or_fails_by_name(source: str) -> None:
    try:
        compiled = Compiled(source, "en")
    except Broken:
        return
    try:
        assert isinstance(compiled.render({"x": "v", "y": 2}, "UTC", 500), str)
    except (Overflow, *FAILURES):
        pass
