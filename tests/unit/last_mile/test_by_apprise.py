"""What apprise itself makes of addresses; nothing is called."""

from __future__ import annotations

from typing import Any

import pytest

from topology.last_mile.by_apprise import ByApprise

apprise = pytest.importorskip("apprise")

GATEWAY = f"twilio://AC{'0' * 32}:{'1' * 32}@+15551234567"
"""Of a service that sends to the sender's own number what is for nobody else."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    sent: list[Any] = []

    def notify(self: Any, **said: Any) -> bool:
        sent.append(said)
        return True

    monkeypatch.setattr(apprise.Apprise, "notify", notify)
    return sent


def test_a_user_whom_the_service_cannot_address_is_not_taken_for_the_sender_himself(sent: list[Any]) -> None:
    by = ByApprise()
    assert not by.send(f"{GATEWAY}/user-1", "", "Hello", for_one=True) and sent == []
    assert by.send(f"{GATEWAY}/15557654321", "", "Hello", for_one=True) and len(sent) == 1


@pytest.mark.parametrize("url", [GATEWAY, "json://localhost/send"])
def test_an_address_that_is_the_same_for_all_may_name_nobody(sent: list[Any], url: str) -> None:
    assert ByApprise().send(url, "", "Hello", for_one=False) and len(sent) == 1


def test_a_gateway_that_looks_the_user_up_has_no_list_of_targets(sent: list[Any]) -> None:
    assert ByApprise().send("json://localhost/send/user-1", "", "Hello", for_one=True) and len(sent) == 1
