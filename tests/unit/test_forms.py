"""How states become bytes and are read again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from supervision.forms import Form, starts_with


class Small(msgspec.Struct, array_like=True):
    format: int = 2
    n: int = 0


def form_of(type_: Any, format: int) -> Form:
    return Form(type_, format, lambda _: type_(), lambda fields: ("upgraded", fields), lambda _: None)


@pytest.mark.parametrize("fields", [1, 2, 15, 16, 17, 70_000])
def test_the_format_of_a_state_is_told_without_decoding_it_however_many_fields_it_has(fields: int) -> None:
    data = msgspec.msgpack.encode([7] + [0] * (fields - 1))
    assert starts_with(data, 7) == (fields < 65_536)
    assert not starts_with(data, 6)


def test_a_state_of_an_older_format_goes_through_its_upgrade() -> None:
    assert form_of(Small, 2).thaw(msgspec.msgpack.encode(Small(n=5))) == Small(n=5)
    assert form_of(Small, 3).thaw(msgspec.msgpack.encode(Small(n=5))) == ("upgraded", [2, 5])


def test_no_bytes_are_no_state() -> None:
    assert not starts_with(b"", 0)
