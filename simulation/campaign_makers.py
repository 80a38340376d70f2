"""Marketing's operators: they put campaigns, activate, edit, pause and archive them while users are under way.

All of it goes through the production code below the HTTP door. The first version of each is active before customers
come: of campaigns that come when everybody has gone nothing is seen. Later some work from an old version, and some do
not wait for the answer, as all who change rules (rule_makers.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Protocol

import msgspec

from actors.campaign.listing import FAMILY, subject_of
from actors.campaign.programme import campaign_kind
from actors.money import DEFAULT_CURRENCY
from actors.programmes.messages import PutAnswer
from gateway.campaigns import Campaigns
from gateway.problems import Problem
from gateway.programmes import SOURCE, Programmes, Wanted
from gateway.readers import ReaderPool
from gateway.wiring import Wiring
from simulation.campaigns_drawn import Word, campaigns
from simulation.draw import Draw
from simulation.notices_drawn import with_messages
from simulation.violation import Violation
from supervision.store import Refused
from topology.wire import id_hash

GAP_S = 0.3
"""Between putting and activating."""
STALE_SHARE = 0.15
GIVES_UP_SHARE = 0.2
STATUS = {"activate": "active", "pause": "paused", "archive": "archived"}
OVERTAKEN = frozenset({"no_such_change", "unknown_campaign"})
"""What may be wrong when an earlier word was lost."""


class Office(Protocol):
    """What they need of their world."""

    wiring: Wiring

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...


class CampaignMakers:
    """All of a world's; outlive processes. `answers` gets those to puts, by the id hash of the put."""

    def __init__(self, seed: str, draw: Draw, world: Office, answers: dict[int, PutAnswer]) -> None:
        self._rng = rng = Random(seed)
        self._draw, self._world, self._answers = draw, world, answers
        days = draw.days + draw.leaps * draw.leap_days
        self._words: dict[str, list[Word]] = campaigns(rng, draw.campaigns, days, draw.moments)
        if draw.notices:
            with_messages(Random(f"{seed} messages"), self._words)
        self._numbers = 0
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
        words, engine = self._words[campaign], self._world.wiring.engine
        if not words or not engine.begun():
            return
        self._numbers += 1
        name = f"campaign-{self._numbers}"
        readers = ReaderPool(engine.store.reader)
        programmes = Programmes(
            {}, {}, readers, engine.journal, engine.store.segments, lambda: name, {FAMILY.prefix: campaign_kind}
        )
        try:
            campaigns = Campaigns(programmes, readers, engine.store.segments, "UTC", DEFAULT_CURRENCY)
            wanted = self._wanted(campaigns, campaign, words[0], careless)
        except Refused:
            return
        except Problem as problem:
            if problem.code not in OVERTAKEN:
                raise Violation(f"campaigns: {words[0]} of {campaign} was answered with {problem}") from None
            words.pop(0)
            return
        words.pop(0)
        give_up = programmes.put(wanted, lambda answer: self._answered(name, campaign, answer))
        if careless and self._rng.random() < GIVES_UP_SHARE:
            give_up()

    def _wanted(self, campaigns: Campaigns, campaign: str, word: Word, careless: bool) -> Wanted:
        """What it is to carry out a word."""
        what, body = word
        if what != "put":
            return campaigns.become(campaign, STATUS[what], "an operator")
        known = campaigns.find(campaign)
        stale = careless and self._rng.random() < STALE_SHARE
        version = "" if known is None or stale else known.active.version
        return campaigns.read(campaign, msgspec.json.encode(body), version, "an operator").wanted

    def _answered(self, name: str, campaign: str, answer: PutAnswer | Problem) -> None:
        self.said += 1
        if isinstance(answer, PutAnswer):
            self._answers[id_hash(f"{SOURCE}|{name}", subject_of(campaign))] = answer
