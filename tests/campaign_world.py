"""Campaigns for tests, the smallest ones in a line, and facts from a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from actors.campaign.campaign import Campaign
from actors.campaign.compiled import Checked, CompiledCampaign, check
from actors.campaign.facts import CartSeen
from actors.commands import Refusal
from actors.windows.window_spec import CounterSpec, key

STOP = {"type": "stop"}
SMS = {"type": "send_notification", "channel": "sms", "template": "hello"}
EVENT = {"type": "event", "event": "product_view"}


def words(**fields: Any) -> dict[str, Any]:
    """A campaign in JSON that is taken as it stands, but for `fields`."""
    return {"name": "n", "trigger": EVENT, "steps": [SMS]} | fields


def checked(campaign: Any, zone: str = "UTC") -> Checked:
    return check(msgspec.json.encode(campaign), zone)


def taken(campaign: Any) -> CompiledCampaign:
    found = checked(campaign)
    assert found.campaign is not None, found.problems
    return found.campaign


def errors(campaign: Any) -> dict[str, Refusal]:
    """By place."""
    return {error.field: error for error in checked(campaign).problems.errors}


def warnings(campaign: Any) -> dict[str, Refusal]:
    found = checked(campaign)
    assert found.campaign is not None, found.problems
    return {warning.field: warning for warning in found.problems.warnings}


class Table:
    """Facts that somebody wrote down. Counters are found by what they count."""

    def __init__(self, at: int = 1_000_000, since: int | None = None, **known: Any) -> None:
        self.at = at
        self.since = at if since is None else since
        self._known = known
        self._counters: dict[str, int | None] = {}

    def counting(self, numbers: Mapping[str, int | None]) -> Table:
        """With these counters, by key."""
        self._counters.update(numbers)
        return self

    def count(self, spec: CounterSpec, number: int | None) -> Table:
        return self.counting({key(spec): number})

    def field(self, name: str) -> Any:
        return self._known.get("event", {}).get(name)

    def counter(self, key: str) -> int | None:
        return self._counters[key]

    def cart(self) -> CartSeen:
        return self._known.get("cart", CartSeen())

    def tier(self) -> str:
        return self._known.get("tier", "")

    def points(self) -> int:
        return self._known.get("points", 0)

    def coupons(self, template: str | None) -> int:
        held: dict[str, int] = self._known.get("coupons", {})
        return sum(held.values()) if template is None else held.get(template, 0)

    def profile(self, fact: str) -> Any:
        return self._known.get("profile", {}).get(fact)


def typed(campaign: Any) -> Campaign:
    return msgspec.convert(campaign, Campaign)
