"""What is stopped, as a value: pressed, bounded, and asked."""

from __future__ import annotations

import msgspec

from actors.commands import Refusal
from actors.stops.stops import ALL, STOPS_MAX, Pressed, Stopped, Stops, go, parse, stop, stops_campaign, stops_message


def pressed(*scopes: str) -> Stops:
    found = Stops()
    for n, scope in enumerate(scopes):
        found = stop(found, Stopped(scope, "key:1", "", n))
    return found


def test_what_is_stopped_twice_stays_as_it_was_said_first() -> None:
    once = pressed("channel:sms")
    assert stop(once, Stopped("channel:sms", "key:2", "again", 9)) is once
    assert go(once, ALL, "") is once, "what is not stopped is no change"
    assert go(once, "channel:sms", "fine") == Stops((), Pressed("go", "channel:sms", "fine"))


def test_the_same_is_stopped_in_whatever_order_it_was() -> None:
    assert pressed("channel:sms", ALL).scopes == pressed(ALL, "channel:sms").scopes == (ALL, "channel:sms")


def test_a_scope_holds_what_it_names_and_all_holds_everything() -> None:
    assert not stops_campaign((), "c") and not stops_message((), "sms", "c")
    assert stops_campaign(("campaign:c",), "c") and not stops_campaign(("campaign:cc", "channel:sms"), "c")
    assert stops_message(("campaign:c",), "sms", "c") and not stops_message(("campaign:c",), "sms", "")
    assert stops_message(("channel:sms",), "sms", "") and not stops_message(("channel:sms",), "email", "c")
    assert stops_campaign((ALL,), "c") and stops_message((ALL,), "sms", "")


def test_more_scopes_than_a_segment_keeps_are_refused_but_for_all() -> None:
    full = pressed(*[f"campaign:{n}" for n in range(STOPS_MAX)], ALL)
    assert parse(full.canonical) == full
    refused = parse(pressed(*full.scopes, "channel:sms").canonical)
    assert isinstance(refused, Refusal) and refused.code == "too_many" and str(STOPS_MAX) in refused.message
    assert isinstance(parse(b"{"), Refusal)
    assert msgspec.json.decode(full.canonical)["stopped"][0]["scope"] == ALL
