"""The file of endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webhook_world import SECRET, URL, endpoint
from topology.webhooks.endpoint import ENDPOINTS_MAX, Endpoint, parse

GOOD = f'[crm]\nurl = "{URL}"\nsecrets = ["{SECRET}"]\n'


def test_an_endpoint_has_an_address_and_secrets_and_may_have_more() -> None:
    assert parse(GOOD.encode()) == {"crm": endpoint()}
    more = f"{GOOD}parallel = 2\ntimeout_s = 3\npending_max = 4\nallow_private = true\n"
    assert parse(more.encode()) == {"crm": endpoint(parallel=2, timeout_s=3, pending_max=4, allow_private=True)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"[", "not TOML"),
        (b"\xff", "not UTF-8"),
        (GOOD.replace("crm", '"C R M"').encode(), "regex"),
        (GOOD.replace("https", "http").encode(), "https://"),
        (GOOD.replace("https", "ftp").encode(), "https://"),
        (GOOD.replace("shop.example", "u:p@shop.example").encode(), "without user"),
        (GOOD.replace("shop.example", "shop.example:T0PSECRET").encode(), "with a host"),
        (GOOD.replace("shop.example", "T0PSECRET\u2100.example").encode(), "with a host"),
        (GOOD.replace("shop.example", "10.0.0.1").encode(), "our own network"),
        (GOOD.replace("shop.example", "[::1]").encode(), "our own network"),
        (GOOD.replace("whsec_", "").encode(), "base64"),
        (GOOD.replace(SECRET, "whsec_c2hvcnQ=").encode(), "24 to 64 bytes"),
        (f"{GOOD}parallel = 0\n".encode(), "parallel"),
        (f"{GOOD}timeout_s = 61\n".encode(), "timeout_s"),
        (f"{GOOD}what = 1\n".encode(), "what"),
        ("\n".join(GOOD.replace("crm", f"e{n}") for n in range(ENDPOINTS_MAX + 1)).encode(), "64 endpoints"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_without_what_stands_there(text: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        parse(text)
    assert "T0PSECRET" not in str(raised.value) and SECRET not in str(raised.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://intranet/x", "https://10.0.0.1/x"])
def test_our_own_network_is_allowed_where_the_endpoint_says_so(url: str) -> None:
    assert Endpoint(url, (SECRET,), allow_private=True).url == url


def test_an_endpoint_printed_shows_neither_address_nor_secret() -> None:
    shown: Any = f"{endpoint()!r} {endpoint()}"
    assert "T0PSECRET" not in shown and SECRET not in shown
