"""Families of programmes: a status beside a member's own JSON, in the bytes that stores hold."""

from __future__ import annotations

import pytest

from actors.campaign.listing import FAMILY as CAMPAIGNS
from actors.commands import NOT_JSON, Refusal
from actors.coupon.listing import FAMILY as TEMPLATES
from actors.normal_form import version


def as_it_is(member: bytes) -> bytes:
    return member


def test_a_version_is_written_as_it_always_was_and_read_back() -> None:
    assert CAMPAIGNS.body("active", b'{"name":"n"}') == b'{"status":"active","campaign":{"name":"n"}}'
    assert TEMPLATES.body("closed", b'{"name":"n"}') == b'{"status":"closed","template":{"name":"n"}}'
    assert TEMPLATES.read('{"status":"closed","template":{"name":"n"}}') == ("closed", '{"name":"n"}')


def test_a_name_is_that_of_one_family() -> None:
    assert CAMPAIGNS.id_of(CAMPAIGNS.subject_of("C1")) == "C1"
    assert TEMPLATES.id_of("campaign:C1") == CAMPAIGNS.id_of("points") == ""


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"active"', b'{"campaign":{}}', b'{"status":"active"}', b'{"status":"closed","campaign":{}}',
        b'{"status":1,"campaign":{}}', b'{"status":"active","campaign":{\xff}}',
    ],
)  # fmt: skip
def test_what_has_no_status_or_no_member_is_no_version(body: bytes) -> None:
    assert CAMPAIGNS.parse(body, as_it_is) == NOT_JSON


def test_a_member_that_is_refused_is_no_version_and_one_that_is_taken_stands_in_its_normal_form() -> None:
    why = Refusal("bad", "name", "no")
    assert CAMPAIGNS.parse(b'{"status":"draft","campaign":{}}', lambda _: why) is why
    taken = CAMPAIGNS.parse(b'{ "campaign": 7, "status": "draft" }', lambda _: b"8")
    assert not isinstance(taken, Refusal) and taken.canonical == b'{"status":"draft","campaign":8}'
    assert taken.version == version(taken.canonical)
