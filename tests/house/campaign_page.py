"""What docs/campaigns.md says of the rule language, made from the types that decide it.

`python -m tests.house.campaign_page` writes it between the page's marks; a test holds the page to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import msgspec
from msgspec import inspect

from actors.campaign import campaign, conditions, directory, listing, state, totals
from actors.stops import stops
from tests.house.coupon_page import default, said, table, tag, text, type_of
from tests.house.ours import root

PATH = root / "docs" / "campaigns.md"
BEGIN = "<!-- made by python -m tests.house.campaign_page: {} -->\n"
_MADE = re.compile(r"(<!-- made by python -m tests\.house\.campaign_page: (\w+) -->\n).*?(?=<!-- end -->\n)", re.DOTALL)

LIMITS: Sequence[tuple[str, int, str]] = (
    ("a campaign's id", listing.CAMPAIGN_ID_BYTES_MAX, "bytes"),
    ("all campaigns of a store", directory.BYTES_MAX, "bytes"),
    ("versions that users may be under way on", directory.VERSIONS_MAX, "versions"),
    ("steps, those within others too", campaign.STEPS_MAX, "steps"),
    ("steps within steps", campaign.STEP_DEPTH_MAX, "deep"),
    ("limits", campaign.LIMITS_MAX, "limits"),
    ("tags", campaign.TAGS_MAX, "tags"),
    ("parameters of a message or effect", campaign.PARAMETERS_MAX, "parameters"),
    ("one of them", campaign.PARAMETER_CHARS_MAX, "characters"),
    ("campaigns in which a user is under way", state.RUNS_MAX, "runs"),
    ("campaigns that wait for a user to do nothing", state.WATCHES_MAX, "campaigns"),
    ("orders that refunds may take back", state.ORDERS_MAX, "orders"),
    ("campaigns whose last word is kept of a user", state.WHY_LAST_MAX, "campaigns"),
    ("campaigns that a segment counts for `stats`", totals.CAMPAIGNS_MAX, "campaigns"),
    ("scopes that are stopped, besides all", stops.STOPS_MAX, "scopes"),
)


def sections() -> dict[str, str]:
    """Name -> what stands between its marks."""
    whole = [("the campaign", campaign.Campaign), ("each of `limits`", campaign.Limit), ("`valid`", campaign.Valid)]
    return {
        "campaign": text(_structs(whole)),
        "triggers": text(_structs(_tagged("trigger", campaign.Trigger))),
        "conditions": text(_structs([*_tagged("condition", conditions.Condition), ("`within`", conditions.Window)])),
        "steps": text(_structs([*_tagged("step", campaign.Step), ("each of `on_refused`", campaign.OnRefused)])),
        "limits": table(("limit", "value", "unit"), ((what, f"{most:,}", unit) for what, most, unit in LIMITS)),
    }


def renewed(page: str) -> str:
    """The page with everything between marks as the code has it now."""
    made = sections()
    return _MADE.sub(lambda found: found[1] + made[found[2]], page)


def _tagged(noun: str, union: Any) -> list[tuple[str, Any]]:
    return [(f"{noun} `{tag(one)}`", one) for one in get_args(getattr(union, "__value__", union))]


def _structs(named: Sequence[tuple[str, Any]]) -> Iterator[str]:
    for name, struct in named:
        yield f"**{name}**: {said(struct) if struct.__doc__ else ''}\n"
        fields = msgspec.structs.fields(struct)
        rows = [(f"`{one.encode_name}`", type_of(inspect.type_info(one.type)), default(one)) for one in fields]
        if rows:
            yield table(("field", "type", "default"), rows).strip("\n") + "\n"


if __name__ == "__main__":
    PATH.write_text(renewed(PATH.read_text()))
