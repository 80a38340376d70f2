"""A page of the log: what one commit appended to one segment, as one row."""

from __future__ import annotations

import pytest

from supervision.entry import Corrupt, Draft, Entry, encode_draft, place
from supervision.messages import Page
from supervision.store_sqlite.page import PageView, row_number, rows_of


def page_of(routes: list[str], at: list[int] | None = None, first: int = 5, seq: int = 3) -> Page:
    entries: list[Entry] = []
    encoded: list[bytes] = []
    for i, route in enumerate(routes):
        draft = Draft("kind", f"user:{i}", b'{"i":%d}' % i, id=f"s|{i}", route=route)
        seq += bool(route)
        entries.append(place(draft, 2, 77, first + i, at[i] if at else 1000, seq if route else 0))
        encoded.append(encode_draft(draft))
    return Page(2, entries, encoded)


def view(page: Page, seq: int = 3) -> PageView:
    ((number, _, _, blob),) = rows_of(page, seq)
    return PageView(number, blob)


def test_a_page_gives_back_its_entries_whole_or_in_part() -> None:
    page = page_of(["", "a.b", "", "c", ""])
    found = view(page)
    assert found.entries(0, 99) == page.entries
    assert found.entries(5, 7) == page.entries[1:3]
    assert found.entries(8, 99) == page.entries[4:]
    assert found.entries(9, 99) == []
    assert (found.base, found.last, found.seq, found.last_seq) == (5, 9, 3, 5)


def test_a_page_without_outward_entries_still_knows_where_the_sequence_stands() -> None:
    found = view(page_of(["", ""]))
    assert (found.seq, found.last_seq) == (3, 3)


def test_entries_of_different_times_make_different_rows() -> None:
    page = page_of(["r", "", "r", "r"], at=[10, 10, 20, 30])
    rows = list(rows_of(page, 3))
    assert [(number, last, at) for number, last, at, _ in rows] == [
        (row_number(2, 5), 6, 10),
        (row_number(2, 7), 7, 20),
        (row_number(2, 8), 8, 30),
    ]
    again = [entry for number, _, _, blob in rows for entry in PageView(number, blob).entries(0, 99)]
    assert again == page.entries


def test_any_flipped_bit_is_found() -> None:
    page = page_of(["", "a.b"])
    ((number, _, _, blob),) = rows_of(page, 3)
    for at in range(len(blob)):
        bad = bytearray(blob)
        bad[at] ^= 0x10
        with pytest.raises(Corrupt):
            PageView(number, bytes(bad)).entries(0, 99)


def test_any_cut_off_end_is_found() -> None:
    ((number, _, _, blob),) = rows_of(page_of(["", "a.b"]), 3)
    for length in range(len(blob)):
        with pytest.raises(Corrupt):
            PageView(number, blob[:length]).entries(0, 99)


def test_a_page_in_another_places_row_is_found() -> None:
    ((number, _, _, blob),) = rows_of(page_of([""]), 3)
    with pytest.raises(Corrupt):
        PageView(number + 1, blob)


def test_rows_are_in_the_order_of_segment_and_offset() -> None:
    places = [(0, 1), (0, 2**44 - 1), (1, 1), (15, 7), (524_287, 2**44 - 1)]
    numbers = [row_number(*at) for at in places]
    assert numbers == sorted(numbers) and numbers[-1] < 2**63
