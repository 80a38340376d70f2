"""What a text costs, at the edges where it takes one more."""

from __future__ import annotations

import pytest

from actors.notification.sms import segments


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3),
        ("长" * 70, 1), ("长" * 71, 2), ("长" * 134, 2), ("长" * 135, 3), ("长" * 500, 8),
        ("a" * 70 + "ą", 2), ("é" * 160, 1),
    ],
)  # fmt: skip
def test_seven_bit_letters_go_160_to_a_message_and_others_70_and_in_parts_less(text: str, parts: int) -> None:
    assert segments(text) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("€" * 80, 1), ("€" * 81, 2), ("a" * 152 + "€" * 76, 2), ("a" * 152 + "€" * 77, 3),
        ("😀" * 35, 1), ("😀" * 36, 2), ("😀" * 66, 2), ("😀" * 67, 3),
    ],
)  # fmt: skip
def test_what_takes_two_units_is_not_torn_apart(text: str, parts: int) -> None:
    assert segments(text) == parts
