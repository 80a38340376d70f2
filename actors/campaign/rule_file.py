"""Campaigns in files, with their own tests: given events at times, expect effects at times.

    {"id": "CART_ABANDON_001",
     "campaign": {"trigger_id": "CART_ABANDON_001", "conditions": {…}, "actions": […]},
     "tests": [{"name": "who buys gets no coupon",
                "events": [{"at": 0, "behavior_type": "add_to_cart", …}],
                "now": 7200,
                "expect": [{"at": 3600, "kind": "notify.requested", "template": "cart_remind_sms"}]}]}

What is expected is all that the campaign does, in its order. Of each effect the fields that are named must be so, the
others may be anything. `outcomes`, where they are given, are all of its decisions in order. A test is rehearsed on the
engine's own actors (rehearsal.py). A file that is a campaign itself has no tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from actors import mistakes
from actors.campaign.compiled import BYTES_MAX, CompiledCampaign
from actors.campaign.rehearsal import BEGINS, Given, Moment, Time, mistakes_at, moment_of, rehearse
from actors.commands import Refusal
from actors.fields import rfc3339_ms
from supervision.envelope import rfc3339

FILE_BYTES_MAX = 16 * BYTES_MAX
UNNAMED = "campaign"
"""The id of one that says none."""


class RuleTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rehearsal (see Given), and what must come of it."""

    name: str
    events: tuple[dict[str, Any], ...]
    expect: tuple[dict[str, Any], ...] = ()
    outcomes: tuple[str, ...] | None = None
    begins: str = BEGINS
    now: Time | None = None
    user_id: str = "ann"
    templates: dict[str, tuple[str, ...]] = {}

    @property
    def given(self) -> Given:
        return Given(self.events, self.begins, self.now, self.user_id, self.templates)


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`campaign`: JSON in our form or in the seed's."""

    campaign: msgspec.Raw
    id: str = ""
    tests: tuple[RuleTest, ...] = ()


class _Shape(msgspec.Struct):
    """What tells a rule file from a campaign."""

    campaign: msgspec.Raw = msgspec.Raw()


def read(data: bytes) -> RuleFile | Refusal:
    """Of its bytes; what the campaign says is not looked at."""
    if len(data) > FILE_BYTES_MAX:
        return Refusal("too_long", "", f"a rule file must be at most file_bytes_max, {FILE_BYTES_MAX}, bytes")
    try:
        if not bytes(msgspec.json.decode(data, type=_Shape).campaign):
            return RuleFile(msgspec.Raw(data))
        return msgspec.json.decode(data, type=RuleFile)
    except msgspec.ValidationError as error:
        return mistakes.refusal(error, RuleFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refusal("not_json", "", "a rule file must be JSON in UTF-8, of whole characters")


def failures(id: str, campaign: CompiledCampaign, test: RuleTest, currency: str) -> Iterator[str]:
    """In what the campaign does otherwise than the test expects, in words; nothing when it is as expected."""
    moments = rehearse(id, campaign, test.given, currency)
    if isinstance(moments, Refusal):
        yield moments.message
        return
    outcomes = tuple(moment.outcome for moment in moments)
    if test.outcomes is not None and outcomes != test.outcomes:
        yield f"outcomes are {list(outcomes)}, not {list(test.outcomes)}"
    begins = rfc3339_ms(test.begins) or 0
    yield from _differences(test.expect, list(_effects(moments)), begins)


def _effects(moments: Sequence[Moment]) -> Iterator[dict[str, Any]]:
    for moment in moments:
        for effect in moment.effects:
            yield {"at": moment.at, **effect}


def _differences(expect: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]], begins: int) -> Iterator[str]:
    for number, (wanted, got) in enumerate(zip_longest(expect, found)):
        if wanted is None:
            yield f"it does {_said(got)}, which is not expected"
        elif got is None:
            yield f"expect[{number}] does not come: {_said(wanted)}"
        else:
            at = moment_of(wanted.get("at"), "at", begins)
            if isinstance(at, Refusal):
                yield mistakes_at(f"expect[{number}]", at).message
                continue
            fields = {**wanted, "at": rfc3339(at)}
            if other := {name: got.get(name) for name, value in fields.items() if got.get(name) != value}:
                yield f"expect[{number}] is {_said({name: fields[name] for name in other})}, and it does {_said(other)}"


def _said(fields: dict[str, Any]) -> str:
    return msgspec.json.encode(fields).decode()
