"""The shadow: folds what each committed stage says was folded, with the reference models, and compares at once.

A stage says which entries it has looked at and which of them it set aside; what was set aside, held, retried and
discarded is followed here with a naive list per subject, so the models fold an entry when the engine should have, with
the time it should have had. A stage whose effects, states or timers are other than the models' is found when it
commits, not when the books are compared at the end.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from simulation.faults import Faults
from simulation.model import Said
from simulation.violation import Violation
from supervision.engine_events import DECISIONS, DISCARD, RETRY
from supervision.entry import Entry
from supervision.messages import Emission, Stage, TimerRow
from supervision.parking import WHOLE_DOMAIN
from topology.wire import id_hash


class ReferenceModel(Protocol):
    """What a domain's second bookkeeping must be able to say."""

    domain: str
    kinds: frozenset[str]
    parks_subject: bool
    timer_key: str

    def fold(self, entry: Entry, at: int) -> list[Said]: ...
    def discarded(self, entry: Entry) -> list[Said]: ...
    def armed(self, subject: str) -> tuple[int, int] | None: ...
    def state_fits(self, subject: str, data: bytes) -> str: ...
    def heard(self, emission: Emission) -> Said | None: ...
    def at_rest(self) -> str: ...


Timers = Mapping[tuple[int, str, str, str], TimerRow]


class Shadow:
    """Of all segments; models by domain. `logs` are the checker's: segment -> entries from offset 1."""

    def __init__(
        self,
        models: Sequence[ReferenceModel],
        logs: Mapping[int, Sequence[Entry]],
        timers: Timers,
        faults: Faults,
        marks: Counter[str],
    ) -> None:
        self._models = {model.domain: model for model in models}
        self._logs = logs
        self._timers = timers
        self._faults = faults
        self._marks = marks
        self.parked: dict[tuple[int, str, str], list[Entry]] = {}
        """(segment, domain, subject) -> what waits for an operator, in order, until its decision is done."""
        self.domains: set[tuple[int, str]] = set()
        """Parked as a whole."""
        self.unanswerable: set[int] = set()
        """Id hashes of inputs whose chain of causes was cut by a discard."""

    def stage(self, stage: Stage) -> None:
        """Called for each stage of a durable batch, in order, when the checker has taken in the batch."""
        model = self._models.get(stage.domain)
        if model is None:
            return
        aside = {row.offset: row.reason for row in stage.parked if row.subject != WHOLE_DOMAIN}
        expected: list[Said] = []
        touched: set[str] = set()
        for entry in self._logs[stage.segment][stage.prev : stage.upto]:
            if entry.kind in DECISIONS:
                expected += self._decided(model, stage, entry, aside, touched)
            elif entry.kind in model.kinds:
                expected += self._passed(model, stage, entry, aside, touched)
        self._whole_domain(stage)
        if aside:
            raise Violation(f"parked: {_of(stage)} set aside {sorted(aside)}, which it did not pass")
        self._compare(model, stage, expected, touched)

    def waits(self, segment: int, domain: str, subject: str, upto: int = sys.maxsize) -> bool:
        """Something of the subject is parked, of what stands at the offset `upto` or before."""
        waiting = self.parked.get((segment, domain, subject))
        return bool(waiting) and waiting[0].offset <= upto

    def _passed(
        self, model: ReferenceModel, stage: Stage, entry: Entry, aside: dict[int, str], touched: set[str]
    ) -> list[Said]:
        waiting = self.parked.get((stage.segment, stage.domain, entry.subject))
        held = waiting is not None and model.parks_subject
        reason = aside.pop(entry.offset, None)
        if held and reason is None:
            raise Violation(f"parked: {_of(stage)} folded {entry.place} although {entry.subject} is parked")
        if reason is None:
            touched.add(entry.subject)
            return model.fold(entry, entry.at)
        died = reason.startswith("the process died")
        guilty = {(stage.domain, entry.place), (stage.domain, entry.subject)} & self._faults.guilty
        if not held and not guilty:
            raise Violation(f"parked: {_of(stage)} set {entry.place} aside, which is not ill: {reason}")
        self._marks["parked_later" if held else "parked_ill"] += 1
        self._marks["parked_killer"] += died and not held
        self.parked.setdefault((stage.segment, stage.domain, entry.subject), []).append(entry)
        return []

    def _decided(
        self, model: ReferenceModel, stage: Stage, entry: Entry, aside: dict[int, str], touched: set[str]
    ) -> list[Said]:
        decision = msgspec.json.decode(entry.body)
        if decision["domain"] != stage.domain or entry.kind not in (RETRY, DISCARD):
            return []
        if entry.offset != stage.upto:
            raise Violation(f"parked: {_of(stage)} took the decision {entry.place} together with later entries")
        subject = decision["subject"]
        waiting = self.parked.get((stage.segment, stage.domain, subject), [])
        gone = [offset for of, offset in stage.unparked if of == subject]
        if gone != [held.offset for held in waiting[: len(gone)]]:
            raise Violation(f"parked: {_of(stage)} released {gone} of {[held.offset for held in waiting]}")
        said: list[Said] = []
        for held in waiting[: len(gone)]:
            if entry.kind == RETRY:
                said += model.fold(held, entry.at)
            else:
                said += model.discarded(held)
                self.unanswerable.add(id_hash(held.root, held.asked_of or held.subject))
            touched.add(subject)
        del waiting[: len(gone)]
        self._marks["retried" if entry.kind == RETRY else "discarded"] += len(gone)
        if waiting and aside.pop(waiting[0].offset, None) is not None:
            self._marks["retry_stopped"] += 1
        if not waiting:
            self.parked.pop((stage.segment, stage.domain, subject), None)
        return said

    def _whole_domain(self, stage: Stage) -> None:
        at = (stage.segment, stage.domain)
        if not (stage.parked or stage.unparked):
            return
        if any(row.subject == WHOLE_DOMAIN for row in stage.parked):
            self.domains.add(at)
            self._marks["domain_parked"] += 1
        if any(subject == WHOLE_DOMAIN for subject, _ in stage.unparked):
            self.domains.discard(at)
            self._marks["domain_resumed"] += 1

    def _compare(self, model: ReferenceModel, stage: Stage, expected: list[Said], touched: set[str]) -> None:
        said = [heard for emission in stage.emits if (heard := model.heard(emission)) is not None]
        if said != expected:
            raise Violation(f"model: {_where(stage)} said {_differ(said, expected)}")
        for subject, data in stage.states:
            if wrong := model.state_fits(subject, data):
                raise Violation(f"model: {_where(stage)}: the state of {subject}: {wrong}")
            touched.add(subject)
        for subject in sorted(touched) if model.timer_key else ():
            row = self._timers.get((stage.segment, stage.domain, subject, model.timer_key))
            stands = (row.due, row.gen) if row is not None else None
            if stands != model.armed(subject):
                told = f"stands at {stands}, the model's at {model.armed(subject)}"
                raise Violation(f"model: {_where(stage)}: the timer of {subject} {told}")

    def at_rest(self) -> None:
        """Nothing is under way and operators have seen to everything."""
        if self.parked or self.domains:
            raise Violation(f"liveness: still parked: {sorted(self.parked)[:5]} {sorted(self.domains)[:5]}")
        for model in self._models.values():
            if wrong := model.at_rest():
                raise Violation(f"model: {wrong}")


def _of(stage: Stage) -> str:
    return f"{stage.domain}/{stage.segment}"


def _where(stage: Stage) -> str:
    return f"{_of(stage)} at {stage.prev}..{stage.upto}"


def _differ(said: Sequence[Any], expected: Sequence[Any]) -> str:
    """Both, from the first difference on."""
    same = 0
    while same < min(len(said), len(expected)) and said[same] == expected[same]:
        same += 1
    return f"{said[same : same + 3]} where the model has {expected[same : same + 3]}"
