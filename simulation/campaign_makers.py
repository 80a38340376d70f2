"""Marketing's operators: they put campaigns, activate, edit, pause and archive them while users are under way.

The first version of each is active before customers come: of campaigns that come when everybody has gone nothing is
seen. Later some work from an old version, and some do not wait for the answer, as all who change rules.
"""

from __future__ import annotations

from functools import partial
from random import Random

import msgspec

from actors.money import DEFAULT_CURRENCY
from actors.programmes.messages import PutAnswer
from gateway.campaigns import Campaigns
from gateway.problems import Problem
from gateway.programmes import Programmes, Wanted
from gateway.readers import ReaderPool
from simulation.campaigns_drawn import Word, campaigns
from simulation.clerk import Clerk, Office
from simulation.draw import Draw
from simulation.notices_drawn import with_messages

GAP_S = 0.3
"""Between putting and activating."""
STALE_SHARE = 0.15
GIVES_UP_SHARE = 0.2
STATUS = {"activate": "active", "pause": "paused", "archive": "archived"}
OVERTAKEN = frozenset({"no_such_change", "unknown_campaign"})
"""What may be wrong when an earlier word was lost."""


class CampaignMakers:
    """All of a world's; outlive processes. `answers` gets those to puts, by the id hash of the put."""

    def __init__(self, seed: str, draw: Draw, world: Office, answers: dict[int, PutAnswer]) -> None:
        self._rng = rng = Random(seed)
        self._draw, self._world = draw, world
        self._clerk = Clerk("campaign", world, answers, OVERTAKEN)
        days = draw.days + draw.leaps * draw.leap_days
        self._words: dict[str, list[Word]] = campaigns(rng, draw.campaigns, days, draw.moments)
        if draw.notices:
            with_messages(Random(f"{seed} messages"), self._words)
        self.said = 0
        """Words that were answered."""

    def open_office(self) -> None:
        """Put and activate each."""
        for n, campaign in enumerate(self._words):
            for word in range(2):
                self._world.at(n * GAP_S / 10 + word * GAP_S, partial(self._next, campaign, False))

    @property
    def opened(self) -> bool:
        return self.said >= 2 * len(self._words)

    def plan_round(self, left: int) -> None:
        """Say some of what is to be said; so many rounds are left, this one included."""
        for campaign, words in self._words.items():
            for _ in range(sum(self._rng.random() < 1 / left for _ in words)):
                self._world.at(self._rng.uniform(0, self._draw.window_s), partial(self._next, campaign, True))

    def _next(self, campaign: str, careless: bool) -> None:
        words = self._words[campaign]
        if not words:
            return
        done = self._clerk.carry_out(
            f"{words[0]} of {campaign}",
            partial(self._wanted, campaign, words[0], careless),
            self._answered,
            lambda: careless and self._rng.random() < GIVES_UP_SHARE,
        )
        if done:
            words.pop(0)

    def _wanted(
        self, campaign: str, word: Word, careless: bool, programmes: Programmes, readers: ReaderPool, segments: int
    ) -> Wanted:
        """What it is to carry out a word."""
        campaigns = Campaigns(programmes, readers, segments, "UTC", DEFAULT_CURRENCY)
        what, body = word
        if what != "put":
            return campaigns.become(campaign, STATUS[what], "an operator")
        known = campaigns.find(campaign)
        stale = careless and self._rng.random() < STALE_SHARE
        version = "" if known is None or stale else known.active.version
        return campaigns.read(campaign, msgspec.json.encode(body), version, "an operator").wanted

    def _answered(self, _: PutAnswer | Problem) -> None:
        self.said += 1
