"""Amounts are read exactly, and the field alone says in which unit they are."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec
import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from actors.commands import Refusal
from actors.money import (
    AMOUNT_MAX,
    EXPONENTS,
    TEXT_BYTES_MAX,
    is_seed_field,
    major,
    minor_of_ours,
    minor_of_seed,
)


def seed(text: str, currency: str = "CNY") -> int | Refusal:
    return minor_of_seed(text.encode(), currency, "order_amount")


def ours(text: str, currency: str = "CNY") -> int | Refusal:
    return minor_of_ours(text.encode(), currency, "amount")


def code(result: int | Refusal) -> str:
    assert isinstance(result, Refusal), result
    return result.code


@pytest.mark.parametrize("text", ["500", "500.0", "500.00", "500.000000", "5e2", "5E+2", "0.5e3", "50000e-2"])
def test_the_seeds_number_is_major_units_however_it_is_written(text: str) -> None:
    assert seed(text) == 50_000


def test_half_a_cent_is_refused_with_the_field_and_the_places_there_are() -> None:
    refusal = seed("0.005")
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == ("too_precise", "order_amount")
    assert refusal.message == "order_amount must be an amount of CNY of at most 2 decimal places, which 0.005 is not"
    assert "without decimal places" in str(seed("1.5", "JPY"))


def test_each_currency_has_its_own_minor_unit() -> None:
    assert [seed("12", c) for c in ("JPY", "CNY", "KWD", "CLF")] == [12, 1_200, 12_000, 120_000]
    assert seed("0.001", "KWD") == 1
    assert ours('"0.001"', "KWD") == 1
    assert code(seed("0.001", "CNY")) == "too_precise"


def test_a_number_of_any_size_is_answered_without_working_it_out() -> None:
    assert code(seed("1e999999999999999999")) == "out_of_range"
    assert code(seed("1e-999999999999999999")) == "too_precise"
    assert seed("0e999999999999999999") == 0
    assert code(seed("1" * (TEXT_BYTES_MAX + 1))) == "wrong_type"
    assert code(ours("1" * 5_000)) == "out_of_range"


def test_the_largest_amount_is_taken_and_one_cent_more_is_not() -> None:
    assert seed("10000000000000.00") == AMOUNT_MAX == ours(str(AMOUNT_MAX)) == ours('"10000000000000.00"')
    for refused in (seed("10000000000000.01"), ours(str(AMOUNT_MAX + 1)), ours('"10000000000000.01"')):
        assert isinstance(refused, Refusal)
        assert refused.code == "out_of_range"
        assert refused.message.endswith("must be from 0 to 10000000000000.00 CNY")


def test_a_negative_amount_is_refused_and_minus_nothing_is_nothing() -> None:
    assert code(seed("-1")) == code(ours("-1")) == "out_of_range"
    assert code(ours('"-1"')) == "wrong_type"
    assert seed("-0") == seed("-0.00") == ours("-0") == 0


@pytest.mark.parametrize("text", ["null", "true", '"500"', "{}", "[1]", ""])
def test_the_seeds_field_takes_nothing_but_a_number(text: str) -> None:
    assert code(seed(text)) == "wrong_type"


def test_our_field_is_an_integer_of_minor_units_or_a_string_in_major_units() -> None:
    assert ours("500") == 500
    assert ours('"500"') == ours('"500.00"') == ours('"500.000"') == 50_000
    assert ours(r'"\u0035"') == 500


@pytest.mark.parametrize("text", ["500.0", "5e2", "1E2", "0.0"])
def test_a_float_in_our_field_is_refused_even_where_it_is_whole(text: str) -> None:
    assert code(ours(text)) == "float_amount"


@pytest.mark.parametrize(
    "text", ['"5e2"', '""', '".5"', '"5."', '" 5"', '"5 "', '"1,000"', '"٥"', '"+5"', "null", "[]"]
)
def test_a_string_of_our_field_is_plain_digits(text: str) -> None:
    assert code(ours(text)) == "wrong_type"


@given(st.integers(0, AMOUNT_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_an_amount_comes_back_from_the_way_it_is_written(minor: int, currency: str) -> None:
    text = major(minor, currency)
    assert seed(text, currency) == minor
    assert ours(f'"{text}"', currency) == minor
    assert Fraction(text) * 10 ** EXPONENTS[currency] == minor


@given(st.decimals(0, 10**13, places=3), st.sampled_from(["JPY", "CNY", "KWD"]))
def test_what_is_taken_is_exactly_what_was_written(value: object, currency: str) -> None:
    exact = Fraction(str(value)) * 10 ** EXPONENTS[currency]
    result = seed(str(value), currency)
    if isinstance(result, int):
        assert result == exact
    else:
        assert result.code == ("too_precise" if exact.denominator != 1 else "out_of_range")


@given(st.text(max_size=80))
def test_no_string_and_no_number_makes_our_field_raise(text: str) -> None:
    assert isinstance(minor_of_ours(msgspec.json.encode(text), "CNY", "amount"), int | Refusal)
    assert isinstance(minor_of_seed(text.encode(), "CNY", "price"), int | Refusal)


def test_a_broken_character_is_refused_like_any_other_text() -> None:
    assert code(minor_of_ours(rb'"\ud800"', "CNY", "amount")) == "wrong_type"
    assert code(minor_of_ours(b'"\xff"', "CNY", "amount")) == "wrong_type"
    assert code(minor_of_seed(b"5\xff", "CNY", "price")) == "wrong_type"


def test_what_msgspec_left_unread_is_read_like_bytes() -> None:
    assert minor_of_seed(msgspec.Raw(b"5.00"), "CNY", "price") == 500
    assert minor_of_ours(msgspec.Raw(b'"5.00"'), "CNY", "amount") == minor_of_ours(msgspec.Raw(b"500"), "CNY", "amount")


def test_the_seeds_fields_are_known_by_name() -> None:
    assert all(map(is_seed_field, ("order_amount", "price", "min_amount", "purchase_amount_90d")))
    assert not any(map(is_seed_field, ("amount", "unit_price", "order_amount_minor", "purchase_amount")))


def test_every_currency_that_some_country_pays_in_is_known() -> None:
    today = date(2026, 1, 1)
    paid_in = {
        currency
        for currencies in get_global("territory_currencies").values()
        for currency, start, end, tender in currencies
        if tender and (end is None or date(*end) >= today)
    }
    assert paid_in - EXPONENTS.keys() == set()
    assert all(len(c) == 3 and c.isupper() for c in EXPONENTS)
