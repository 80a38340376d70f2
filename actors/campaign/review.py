"""All that can be said of a campaign before it is put: what is wrong with it, how it is kept, what it costs.

The door refuses by `checked` what `review` calls an error, so whoever asked first is not surprised later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Literal

import msgspec

from actors.campaign import compiled, cost, seed_form, walking
from actors.campaign.campaign import Campaign, Webhook
from actors.campaign.checks import Problems
from actors.campaign.compiled import Checked, CompiledCampaign
from actors.campaign.cost import Cost
from actors.campaign.program import Fork
from actors.commands import Refusal, must_be
from actors.money import DEFAULT_CURRENCY
from actors.windows import counters


class Found(msgspec.Struct, frozen=True):
    """Something to say of the campaign, at `path` in what was sent. A warning does not stand in its way."""

    path: str
    code: str
    message: str
    severity: Literal["error", "warning"]


class Review(msgspec.Struct, frozen=True):
    """`ok`: it would be taken. `id`: what one in the seed's form calls itself. `normal_form`, `version` and `cost` are
    null where it would not.
    """

    ok: bool
    id: str
    problems: tuple[Found, ...]
    normal_form: dict[str, Any] | None = None
    version: str | None = None
    cost: Cost | None = None


def review(
    data: bytes, zone: str = "UTC", currency: str = DEFAULT_CURRENCY, endpoints: Collection[str] | None = None
) -> Review:
    """Of the campaign that the JSON `data` is, in our form or in the seed's. Raises nothing, whatever `data` is."""
    found = checked(data, zone, currency, endpoints)
    said = (*_found(found.problems.errors, "error"), *_found(found.problems.warnings, "warning"))
    made = found.campaign
    if made is None:
        return Review(False, found.id, said)
    costs = cost.cost(made, counters.bytes_max)
    return Review(True, found.id, said, msgspec.json.decode(made.canonical), made.version, costs)


def checked(
    data: bytes, zone: str = "UTC", currency: str = DEFAULT_CURRENCY, endpoints: Collection[str] | None = None
) -> Checked:
    """As `compiled.check`, and what cannot be kept exactly is an error. So is a webhook to none of
    `endpoints`, where it is known which there are.
    """
    found = compiled.check(data, zone, currency)
    if found.campaign is None:
        return found
    errors = (
        *_too_much(found.campaign),
        *_strangers(found.campaign.campaign, endpoints),
    )
    if not errors:
        return found
    if found.id:
        seed = seed_form.read(data, zone, currency)
        assert not isinstance(seed, Refusal), seed
        errors = tuple(_where_it_stood(one, seed) for one in errors)
    return Checked(None, Problems(tuple(dict.fromkeys(errors))), found.id)


def _too_much(campaign: CompiledCampaign) -> Iterator[Refusal]:
    """Counters that could not be kept exactly."""
    places = [("when", campaign.when), ("exit", campaign.exit)]
    places += [(f"{one.place}.when", one.judge) for one in campaign.program.instructions if isinstance(one, Fork)]
    for place, judge in places:
        for spec in judge.counters.values() if judge else ():
            yield from counters.counter_mistakes(spec, place)


def _strangers(campaign: Campaign, endpoints: Collection[str] | None) -> Iterator[Refusal]:
    """Endpoints that nobody has listed."""
    for placed in walking.steps(campaign):
        if isinstance(placed.step, Webhook) and endpoints is not None and placed.step.endpoint not in endpoints:
            listed = ", ".join(sorted(endpoints)) or "none are there"
            yield must_be("unknown_endpoint", f"{placed.place}.endpoint", f"one that this engine lists: {listed}")


def _where_it_stood(problem: Refusal, seed: seed_form.Read) -> Refusal:
    place = seed.original(problem.field)
    return Refusal(problem.code, place, problem.message.replace(problem.field, place, 1))


def _found(refusals: tuple[Refusal, ...], severity: Literal["error", "warning"]) -> Iterator[Found]:
    for one in refusals:
        yield Found(one.field, one.code, one.message, severity)
