"""Users out of files, however they are cut into pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.user_lines import LINE_BYTES_MAX, Format, UserLines

NDJSON = b'\xef\xbb\xbf"u1"\r\n\n{"user_id": "u2", "more": 1}\nnothing\n7\n{"user": "u"}\n"last"'
CSV = b'name,user_id\r\nA,u1\n"B, C",u2\n\nD\nE,last'


def read(format: Format, parts: list[bytes]) -> list[object]:
    lines = UserLines(format)
    return [*[user for part in parts for user in lines.feed(part)], *lines.end()]


def test_lines_of_json_are_strings_or_objects_and_others_are_passed_on() -> None:
    assert read("ndjson", [NDJSON]) == [
        "u1", "u2", {"line": "nothing"}, {"line": "7"}, {"line": '{"user": "u"}'}, "last",
    ]  # fmt: skip


def test_csv_has_its_users_in_the_column_that_says_so_else_in_the_first() -> None:
    assert read("csv", [CSV]) == ["u1", "u2", {"line": "D"}, "last"]
    assert read("csv", [b"u1,x\nu2,y\n"]) == ["u1", "u2"]


@given(st.lists(st.integers(0, 90), max_size=6))
def test_where_it_is_cut_makes_no_difference(cuts: list[int]) -> None:
    for format, text in (("ndjson", NDJSON), ("csv", CSV)):
        places = [0, *sorted(cuts), len(text)]
        parts = [text[begin:end] for begin, end in pairwise(places)]
        assert read(format, parts) == read(format, [text])  # type: ignore[arg-type]


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_line_that_never_ends_is_one_bad_user_and_fills_no_memory(pieces: int) -> None:
    lines, long = UserLines("ndjson"), b"x" * LINE_BYTES_MAX
    for _ in range(pieces):
        assert not lines.feed(long)
    assert lines.feed(b'\n"u"\n') == ([{"line": "x" * 64}, "u"])
