"""What reaches into pika, without a broker."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import data

from topology.ports import UNREADABLE


def table(inside: bytes) -> bytes:
    return struct.pack(">I", len(inside)) + inside


@pytest.mark.parametrize(
    "inside",
    [
        b"\x01tT" + struct.pack(">Q", 2**63),
        b"\x01??",
        b"\x05ab",
    ],
    ids=["a year beyond all", "an unknown type", "cut short"],
)
def test_a_table_that_cannot_be_read_says_so_and_what_follows_it_is_read_from_the_right_place(inside: bytes) -> None:
    headers, offset = data.decode_table(table(inside) + b"rest", 0)
    assert list(headers) == [UNREADABLE] and offset == 4 + len(inside)


def test_a_bad_table_within_a_good_one_spoils_only_itself() -> None:
    bad = table(b"\x01??")
    headers: Any
    headers, _ = data.decode_table(table(b"\x01aI" + struct.pack(">i", 7) + b"\x01bF" + bad + b"\x01ct\x01"), 0)
    assert headers["a"] == 7 and headers["c"] is True and list(headers["b"]) == [UNREADABLE]


@given(st.floats(allow_nan=False))
def test_a_header_with_a_fraction_is_read_as_it_is_and_written_as_it_was_read(value: float) -> None:
    inside = b"\x01dd" + struct.pack(">d", value)
    headers, _ = data.decode_table(table(inside), 0)
    assert headers == {"d": value}
    pieces: list[bytes] = []
    data.encode_table(pieces, headers)
    assert b"".join(pieces) == table(inside)
    short, _ = data.decode_table(table(b"\x01ff" + struct.pack(">f", 0.5)), 0)
    assert short == {"f": 0.5}


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_headers_raise(inside: bytes) -> None:
    _, offset = data.decode_table(table(inside), 0)
    assert offset >= 4
