"""Who writes what messages say: templates are put, activated, written anew and archived while messages go out.

Few templates, so that each is met: one that campaigns send by and that comes with the engine, one that they send by
and that nobody has put yet, and one of a fact. Each version says another thing; some say nothing on a channel, some
speak of points that a message may not have.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

import msgspec

from actors.notification.templates import DEFAULT_LOCALE, Templates
from actors.programmes.messages import PutAnswer
from gateway.message_templates import MessageTemplates, built_in
from gateway.programmes import Programmes, Wanted
from gateway.readers import ReaderPool
from simulation.campaign_makers import GAP_S
from simulation.clerk import Clerk, Office
from simulation.draw import Draw

NAMES = ("remind", "unheard_of", "points_earned")
WRITES_SHARE = 0.6
"""Of worlds whose shop limits its messages."""
NEXT = {"put": ("active", "active", "active", "put"), "active": ("put", "archived"), "archived": ("active", "put")}
"""What may be said after a word; a version that is put keeps the status of the one before."""
ENGLISH_SHARE = 0.5
"""Of texts: they are said in another language too, not always on all channels."""
WORDS_MAX = 6
EARLY_SHARE = 0.6
"""Of templates: two words are said of them before customers come."""
OVERTAKEN = frozenset({"unknown_template", "no_such_change"})
"""Something earlier was lost on its way."""


class TextMakers:
    """All of a world's; outlive processes. `answers` gets those to puts, by the id hash of the put."""

    def __init__(
        self, seed: str, draw: Draw, world: Office, answers: dict[int, PutAnswer], templates: Templates
    ) -> None:
        """`templates`: those that come with the engine."""
        self._rng = rng = Random(seed)
        self._draw, self._world, self._templates = draw, world, templates
        self._clerk = Clerk("texts", world, answers, OVERTAKEN, settings=built_in(templates))
        writes = draw.notices and rng.random() < WRITES_SHARE
        self._words = {name: self._drawn() for name in rng.sample(NAMES, 2)} if writes else {}
        self._texts = 0

    def _drawn(self) -> list[str]:
        words = ["put"]
        while len(words) < WORDS_MAX and self._rng.random() < 0.8:
            words.append(self._rng.choice(NEXT[words[-1]]))
        return words

    def open_office(self) -> None:
        """Put and activate some before customers come."""
        for n, name in enumerate(self._words):
            if self._rng.random() < EARLY_SHARE:
                for word in range(2):
                    self._world.at(n * GAP_S / 10 + word * GAP_S, partial(self._next, name))

    def plan_round(self, left: int) -> None:
        """Say some of what is to be said; so many rounds are left, this one included."""
        for name, words in self._words.items():
            for _ in range(sum(self._rng.random() < 1 / left for _ in words)):
                self._world.at(self._rng.uniform(0, self._draw.window_s), partial(self._next, name))

    def _next(self, name: str) -> None:
        words = self._words[name]
        if words and self._clerk.carry_out(f"{words[0]} of {name}", partial(self._wanted, name, words[0])):
            words.pop(0)

    def _wanted(self, name: str, word: str, programmes: Programmes, readers: ReaderPool, segments: int) -> Wanted:
        templates = MessageTemplates(programmes, readers, segments, self._templates, "UTC")
        if word != "put":
            return templates.become(name, word, "an author")
        known = templates.find(name)
        version = known.active.version if known is not None else ""
        return templates.read(name, msgspec.json.encode(self._text(name)), version, "an author").wanted

    def _text(self, name: str) -> dict[str, Any]:
        """Another one each time."""
        self._texts += 1
        said = f"{name} {self._texts}"
        texts: dict[str, Any] = self._rng.choice(
            (
                {"text": said},
                {"sms": said},
                {"text": f"{said}: {{{{ points }}}}"},
                {"text": said, "push": {"title": "!", "body": f"{said}, pushed"}},
            )
        )
        in_all = {DEFAULT_LOCALE: texts}
        if self._rng.random() < ENGLISH_SHARE:
            in_all["en"] = {next(iter(texts)): f"{said} in English"}
        return {"default_locale": DEFAULT_LOCALE, "variables": ["points"], "texts": in_all}
