"""What campaigns say to the world. Field names are a contract with other programs: only added to, never renamed."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from actors.notification.messages import Param


class CampaignEntered(msgspec.Struct, frozen=True, gc=False):
    """`campaign.entered`: the user is under way, for the `run`-th time in any campaign."""

    campaign_id: str
    campaign_version: str
    run: int

    schema_version: ClassVar[int] = 1


class CampaignExited(msgspec.Struct, frozen=True, gc=False):
    """`campaign.exited`: the run is over. `reason`: finished, exit (its condition held), archived, or no_such_step, in
    the version that it had to move to.
    """

    campaign_id: str
    campaign_version: str
    run: int
    reason: str

    schema_version: ClassVar[int] = 1


class CampaignEffect(msgspec.Struct, frozen=True, gc=False):
    """`campaign.effect.<effect>`: what it means is its hearers' matter."""

    effect: str
    campaign_id: str
    campaign_version: str
    run: int
    parameters: dict[str, Param]

    schema_version: ClassVar[int] = 1
