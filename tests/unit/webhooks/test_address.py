"""Whereto a webhook may go."""

from __future__ import annotations

import pytest

from topology.webhooks.address import is_public


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "2002:808:808::1", "64:ff9b::808:808"])
def test_addresses_of_the_internet(text: str) -> None:
    assert is_public(text)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
        "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "ff0e::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:a00:1::1", "2001:db8::1",
        "192.0.0.192", "192.88.99.1", "168.63.129.16", "fec0::1", "::127.0.0.1", "::ffff:0:127.0.0.1", "4000::1",
        "5f00::1", "3fff::1", "64:ff9b:1::808:808", "64:ff9b:1:7f00:0:100::", "nonsense", "", "1.2.3",
    ],
)  # fmt: skip
def test_all_others_are_refused_those_within_others_too(text: str) -> None:
    assert not is_public(text)
