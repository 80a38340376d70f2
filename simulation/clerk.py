"""Somebody in the shop's office who puts programmes: rules, stops, campaigns, what messages say.

All of it goes through the production code below the HTTP door. Who finds the engine away or its store refusing comes
again; what was handed over and is lost on its way is not put again, for what counts is what the log says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from actors.programmes.kind import Kind, Parsed
from actors.programmes.messages import PutAnswer
from actors.registry import FAMILIES, PROGRAMMES
from gateway.problems import Problem
from gateway.programmes import SOURCE, Active, Programmes, Wanted
from gateway.readers import ReaderPool
from gateway.wiring import Wiring
from simulation.violation import Violation
from supervision.store import Refused
from topology.wire import id_hash

Want = Callable[[Programmes, ReaderPool, int], Wanted | Active | None]
"""What it is to do something, of the programmes of so many segments; there is nothing to do when it is none."""
Told = Callable[[PutAnswer | Problem], None]


class Office(Protocol):
    """What one needs of the world."""

    wiring: Wiring

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...


class Clerk:
    """Of one kind of programmes, in one world; outlives processes. `answers` gets those to puts, by the id hash of the
    put. `overtaken`: problems that there may be when something earlier was lost on its way. `kinds` and `settings` are
    those of Programmes.
    """

    def __init__(
        self, what: str, office: Office, answers: dict[int, PutAnswer], overtaken: Collection[str] = (),
        kinds: Mapping[str, Kind] = PROGRAMMES, settings: Mapping[str, Parsed] | None = None,
    ) -> None:  # fmt: skip
        self._what, self._office, self._answers, self._overtaken = what, office, answers, overtaken
        self._kinds, self._settings = kinds, settings or {}
        self._numbers = 0

    def carry_out(
        self, word: str, want: Want, told: Told = lambda _: None, gives_up: Callable[[], bool] = lambda: False
    ) -> bool:
        """Whether `word` needs not be said again. `told` hears the answer, unless who asked `gives_up` first."""
        engine = self._office.wiring.engine
        if not engine.begun():
            return False
        self._numbers += 1
        name = f"{self._what}-{self._numbers}"
        readers, segments = ReaderPool(engine.store.reader), engine.store.segments
        programmes = Programmes(
            self._kinds, self._settings, readers, engine.journal, segments, lambda: name, FAMILIES
        )  # fmt: skip
        try:
            wanted = want(programmes, readers, segments)
        except Refused:
            return False
        except Problem as problem:
            if problem.code not in self._overtaken:
                raise Violation(f"{self._what}: {word} was answered with {problem}") from None
            return True
        if isinstance(wanted, Wanted):
            id = id_hash(f"{SOURCE}|{name}", wanted.item.draft.subject)
            forget = programmes.put(wanted, lambda answer: self._answered(id, answer, told))
            if gives_up():
                forget()
        return True

    def _answered(self, id: int, answer: PutAnswer | Problem, told: Told) -> None:
        told(answer)
        if isinstance(answer, PutAnswer):
            self._answers[id] = answer
