"""Those who ask and wait for the answer, as the gateway does: of the probe, of the ledger, of the programmes.

Who asks registers the input's id first, then appends it; who hears nothing asks again under the same id, also of a
process that was born since: the answer may be in the store by then, and it must be the same. Some ask again although
they were answered, or ask the same under another id. All else that the probe takes is sent here too, by the same way
into the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

import msgspec

from actors.points.programme import Programme, parse
from actors.programmes.messages import NAME, PUT, PutAnswer, PutProgramme, subject_of
from actors.registry import COMMANDS, FOR_OPERATORS
from gateway.wiring import Wiring
from simulation.checker import Checker
from simulation.draw import Draw
from simulation.probe import Ask, Census, Heard, Tab, Watch
from simulation.shoppers import Shoppers
from simulation.violation import Violation
from supervision.entry import Draft, encode_draft, segment_of, segment_subject
from supervision.messages import Append, AppendResult, AwaitReply, ForgetReply, Item, Told
from supervision.store import Refused
from topology.wire import Door, MadeUp, hash64, id_hash, reply_key

SUBJECTS = 9
AGAIN_S = 0.4
PUT_BY = 0.6
"""Of a day: programmes are put early enough that something comes under them."""
GIVES_UP_SHARE = 0.5
TABS = 3
RING_SHARE = 0.4
"""Of days on which everybody gives to the next one at the same moment."""


class Asked(Protocol):
    """What askers need of their world."""

    wiring: Wiring
    checker: Checker

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...


class Askers:
    """All of a world's; outlives processes."""

    def __init__(self, rng: Random, draw: Draw, world: Asked, programmes: Sequence[Mapping[str, Any]]) -> None:
        """`programmes` are put one after the other, each by who knows the one before."""
        self._rng = rng
        self._shoppers = Shoppers(rng, draw)
        self._door = Door({**COMMANDS, **FOR_OPERATORS}, draw.segments)
        self._programmes = list(programmes)
        self._version = ""
        self._draw = draw
        self._world = world
        self._numbers = 0
        self._readers: dict[int, Callable[[bytes], Any]] = {}
        """By id hash: an answer in its model's words."""
        self.sent = 0
        """Of the probe,"""
        self.asked = 0
        """of the ledger."""
        self.waiting: set[int] = set()
        """Id hashes of asks without an answer."""
        self.answers: dict[int, bytes] = {}
        self.from_store = 0
        """Answers that were found in the store when the same was asked again."""

    def plan_day(self, inputs: int) -> None:
        for _ in range(inputs):
            self.sent += 1
            self._world.at(self._rng.uniform(0, self._draw.window_s), self._one())

    def plan_ledger_day(self, inputs: int, last: bool) -> None:
        """So many questions to the ledger, and a programme or what is left of them."""
        rng, window_s = self._rng, self._draw.window_s
        ring = self._shoppers.ring() if rng.random() < RING_SHARE else []
        at_once_s = rng.uniform(0, window_s)
        for i in range(inputs):
            self.asked += 1
            request = ring[i] if i < len(ring) else self._shoppers.request(rng.randrange(self._draw.users))
            body, seconds = msgspec.json.encode(request), at_once_s if i < len(ring) else rng.uniform(0, window_s)
            self._plan_request(seconds, body)
            if rng.random() < self._draw.other_id_rate:
                self._plan_request(rng.uniform(0, window_s), body)
        for _ in self._programmes if last else self._programmes[:1]:
            self._world.at(rng.uniform(0, window_s * PUT_BY), self._put_next)

    def _plan_request(self, seconds: float, body: bytes) -> None:
        self._numbers += 1
        item = self._door.decode(body, "http", f"q{self._numbers}", MadeUp(""), asked=True)
        assert isinstance(item, Item), item
        self._world.at(seconds, lambda: self.ask_for(item, "points", in_the_models_words))
        if self._rng.random() < self._draw.resend_rate:
            again_s = seconds + self._rng.uniform(0, self._draw.window_s)
            self._world.at(again_s, lambda: self.ask_for(item, "points", in_the_models_words))

    def _put_next(self) -> None:
        if not self._programmes:
            return
        programme = parse(msgspec.json.encode(self._programmes.pop(0)))
        assert isinstance(programme, Programme), programme
        body = PutProgramme("points", programme.version, programme.canonical.decode(), self._version, "an operator")
        self._version = programme.version
        id = f"put|{programme.version}"
        self.ask_for(self.item(id, subject_of("points"), PUT, body, True), NAME, put_answer)

    def _one(self) -> Callable[[], None]:
        rng = self._rng
        self._numbers += 1
        id = f"probe|p{self._numbers}"
        subject = f"probe:{rng.randrange(SUBJECTS)}"
        roll = rng.random()
        if roll < 0.3:
            via = f"probe:{rng.randrange(SUBJECTS)}" if rng.random() < 0.5 else ""
            return lambda: self._ask(id, subject, Ask("" if via == subject else via))
        if roll < 0.75:
            watch = Watch(rng.choice((0, 20, 300, 1_000, 2_000)), rng.random() < 0.6, rng.choice((0, 0, 100, 60_000)))
            return lambda: self._tell(id, subject, "probe.watch", watch)
        if roll < 0.85:
            return lambda: self._tell(id, subject, "probe.heard", Heard())
        if roll < 0.93:
            return lambda: self._tab(id, subject)
        whole = segment_subject(rng.randrange(self._draw.segments))
        return lambda: self._tell(id, whole, "probe.census", Census())

    def give_up(self) -> None:
        """The day is over: nobody waits any more, since ids and their answers are forgotten some time."""
        self.waiting.clear()

    def item(self, id: str, subject: str, kind: str, body: msgspec.Struct, asked: bool) -> Item:
        data = msgspec.json.encode(body)
        draft = Draft(kind, subject, data, id, id, asked=asked)
        home = segment_of(subject, self._draw.segments)
        return Item(home, draft, encode_draft(draft), id_hash(id, subject), hash64(data))

    def _append(self, item: Item, done: Callable[[Any], None]) -> None:
        self._world.wiring.engine.journal.tell(Append((item,), done, len(item.encoded)))

    def _tell(self, id: str, subject: str, kind: str, body: msgspec.Struct) -> None:
        """Once, and never again: what a crash swallows was never said."""
        if self._world.wiring.engine.begun():
            self._append(self.item(id, subject, kind, body, False), lambda _: None)

    def _tab(self, id: str, subject: str) -> None:
        """A few times, with time for commits between."""
        for n in range(TABS):
            name = f"{id}.{n}"
            self._world.at(AGAIN_S * n, lambda name=name: self._tell(name, subject, "probe.tab", Tab("a")))

    def _ask(self, id: str, subject: str, ask: Ask) -> None:
        self.ask_for(self.item(id, subject, "probe.ask", ask, True), "probe", lambda body: body)

    def ask_for(self, item: Item, domain: str, read: Callable[[bytes], Any]) -> None:
        known_by = reply_key(item)
        self._readers[known_by] = read
        self.waiting.add(known_by)
        self._try(item, domain, lambda body: self._answered(known_by, body))

    def _try(self, item: Item, domain: str, told: Told) -> None:
        """Once more, as often as needed. The request before has given up every second time; else both wait."""
        id = reply_key(item)
        if id not in self.waiting:
            return
        self._world.at(AGAIN_S, lambda: self._try(item, domain, told))
        engine = self._world.wiring.engine
        if not engine.begun():
            return
        if self._rng.random() < GIVES_UP_SHARE:
            engine.journal.tell(ForgetReply(id, domain, told))
        engine.journal.tell(AwaitReply(id, domain, told))

        def appended(results: list[AppendResult] | None) -> None:
            if results is not None:
                self._look(id, domain)

        self._append(item, appended)

    def _look(self, id: int, domain: str) -> None:
        try:
            body = self._world.wiring.engine.store.reader().reply(id, domain)
        except Refused:
            return
        if body is not None:
            self.from_store += id in self.waiting
            self._answered(id, body)

    def _answered(self, id: int, body: bytes | None) -> None:
        if body is None:  # too many wait for it: the next try may find it in the store
            return
        if self.answers.setdefault(id, body) != body and id not in self._world.checker.forgotten:
            raise Violation(f"answers: input {id:x} was answered {self.answers[id]!r} and then {body!r}")
        self.waiting.discard(id)

    def compare(self, answers: Mapping[int, Any]) -> None:
        """With what the models say was to be answered."""
        for id, body in self.answers.items():
            if answers.get(id) != self._readers[id](body) and id not in self._world.checker.forgotten:
                raise Violation(f"answers: input {id:x} was answered {body!r}, the model says {answers.get(id)!r}")


def in_the_models_words(body: bytes) -> tuple[Any, ...]:
    """An answer of the ledger: (ok, code, points, balance)."""
    answer = msgspec.json.decode(body)
    return answer["ok"], answer["code"], answer["result"]["points"], answer["result"]["balance"]


put_answer = msgspec.json.Decoder(PutAnswer).decode
