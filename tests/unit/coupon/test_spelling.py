"""The one form in which codes are compared, and which of the two kinds a code is of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands import Refusal
from actors.coupon.code_pattern import LENGTHS, PREFIX_CHARS_MAX
from actors.coupon.spelling import (
    GENERATED_CHARS_MAX,
    PUBLIC_CHARS_MAX,
    PUBLIC_CHARS_MIN,
    TEXT_CHARS_MAX,
    imported_subject,
    is_generated,
    normal,
)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("double11", "DOUBLE11"), (" Double-11\n", "DOUBLE11"), ("ＤＯＵＢＬＥ　１１", "DOUBLE11"),
        ("welcome_10", "WELCOME10"),
        ("双11狂欢", "双11狂欢"), ("große", "GROSSE"), ("ﬁsh", "FISH"), ("a—b—c", "ABC"),
    ],
)  # fmt: skip
def test_a_code_is_the_same_however_it_is_typed(typed: str, code: str) -> None:
    assert normal(typed) == code


@given(st.text(max_size=TEXT_CHARS_MAX))
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    code = normal(text)
    if isinstance(code, str):
        assert normal(code) == code
        assert PUBLIC_CHARS_MIN <= len(code) <= GENERATED_CHARS_MAX and code.isalnum()


@given(st.text("abcXYZ019", min_size=3, max_size=19), st.data())
def test_case_dashes_and_spaces_make_no_difference(text: str, data: st.DataObject) -> None:
    typed = "".join(c + data.draw(st.sampled_from(("", "-", " ", "_"))) for c in text)
    assert normal(typed) == normal(typed.upper()) == normal(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "too_short"), ("- -", "too_short"), ("AB", "too_short"), ("A" * (GENERATED_CHARS_MAX + 1), "too_long"),
        (" " * (TEXT_CHARS_MAX + 1), "too_long"), ("50%OFF", "characters"), ("A\0BC", "characters"),
        ("😀😀😀", "characters"), ("\udcff\udcff\udcff", "characters"), ("㎏" * 19, "too_long"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_code_is_refused_with_the_limits(text: str, code: str) -> None:
    refused = normal(text)
    assert isinstance(refused, Refusal) and (refused.code, refused.field) == (code, "code")
    for limit in (PUBLIC_CHARS_MIN, PUBLIC_CHARS_MAX, GENERATED_CHARS_MAX, TEXT_CHARS_MAX):
        assert str(limit) in refused.message


def test_a_public_code_is_a_subject_of_its_own() -> None:
    assert imported_subject(" double-11") == "code:DOUBLE11"
    assert imported_subject("A" * PUBLIC_CHARS_MAX) == "code:" + "A" * PUBLIC_CHARS_MAX


def test_a_public_code_cannot_be_as_long_as_a_generated_one() -> None:
    for text in ("A" * (PUBLIC_CHARS_MAX + 1), "?"):
        assert isinstance(imported_subject(text), Refusal)
    assert min(LENGTHS) > PUBLIC_CHARS_MAX and PREFIX_CHARS_MAX + max(LENGTHS) == GENERATED_CHARS_MAX
    assert is_generated("A" * min(LENGTHS)) and not is_generated("A" * PUBLIC_CHARS_MAX)
