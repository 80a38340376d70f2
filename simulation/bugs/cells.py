"""Bugs of the cells: what memory keeps that it should not, drops that it should keep, and folds that should wait."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from simulation.bugs.bug import Bug, Method, Swap
from supervision import witness
from supervision.attempts import Attempts
from supervision.budget import RestartBudget
from supervision.entry import Entry
from supervision.fold import Fold
from supervision.host import DomainHost
from supervision.messages import ParkedRow, Rejected
from supervision.outcome import Outcome
from supervision.parking import Parking
from supervision.states import States
from supervision.tail import Tail


def _keys_in_memory(stage: Method) -> Method:
    return lambda self, *rest: msgspec.structs.replace(stage(self, *rest), keys=())


def _new_values_in_memory(stage: Method) -> Method:
    return lambda self, *rest: msgspec.structs.replace(stage(self, *rest), rewritten=())


def _as_it_is_stored(shared: Method) -> Method:
    def wrong(self: Any, event: Any) -> Any:
        if shared(self, event) is None:
            return None
        subject = self._forms.shared_subject
        form = self._forms.of(subject)
        state, _ = self._reader.snapshot(self._place.segment, self._domain.name, subject)
        return form.fresh(subject) if state is None else form.thaw(state)

    return wrong


def _begins_again_as_it_is(ended: Method) -> Method:
    def wrong(self: Any, result: Any) -> None:
        if isinstance(result, Rejected):
            self._attempts.incarnation += 1
            self._incarnation = self._attempts.incarnation
            self._in_flight, self._cursor, self._progress_asked = 0, -1, False
            self.started()
        else:
            ended(self, result)

    return wrong


def _oldest_first(_shrink: Method) -> Method:
    def wrong(self: Any, upto: int) -> None:
        while self._bytes > self._bytes_max and self._held:
            _, held = self._held.popitem(last=False)
            self._bytes -= held.nbytes

    return wrong


def _nobody_waits(_holds: Method) -> Method:
    return lambda self, subject: False


def _each_for_itself(retry: Method) -> Method:
    def wrong(self: Any, rows: Sequence[ParkedRow], decision: Entry, outcome: Outcome) -> int:
        return sum(retry(self, [row], decision, outcome) for row in rows)

    return wrong


def _not_yet(_hopeless: Method) -> Method:
    return lambda self, offset: None


def _of_the_last_process(judged: Method) -> Method:
    return lambda at, _before: judged(at, witness.Suspects())


def _left_as_it_is(_put_back: Method) -> Method:
    return lambda self, subject, before, outcome: None


def _only_the_rows(discard: Method) -> Method:
    def wrong(self: Any, rows: Sequence[ParkedRow], at: int, outcome: Outcome) -> int:
        outcome.unparked += [(row.subject, row.offset) for row in rows]
        return len(rows)

    return wrong


def _never_forgets(_spend: Method) -> Method:
    def wrong(self: Any, now_s: float) -> bool:
        if len(self._restarts) >= self.intensity:
            return False
        self._restarts.append(now_s)
        return True

    return wrong


def _from_what_the_ring_has(read: Method) -> Method:
    def wrong(self: Any, cursor: int, *rest: Any) -> Any:
        return read(self, max(cursor, min(self._base - 1, self.head)), *rest)

    return wrong


BUGS = (
    Bug(
        "business_key_not_in_the_stage",
        "The cell remembers which orders it has seen; that need not be written every time.",
        (Swap(Outcome, "stage", _keys_in_memory),),
    ),
    Bug(
        "new_value_of_a_key_not_in_the_stage",
        "The key is used up already, and that is what the store must know.",
        (Swap(Outcome, "stage", _new_values_in_memory),),
    ),
    Bug(
        "rule_as_it_is_stored",
        "What is in force is in the store; who wants to know asks there.",
        (Swap(Fold, "_shared", _as_it_is_stored),),
        where="probes",
    ),
    Bug(
        "state_kept_after_a_rejection",
        "Only the stage was turned down; the cell can begin again where the store is, with what it has.",
        (Swap(DomainHost, "_ended", _begins_again_as_it_is),),
    ),
    Bug(
        "dirty_state_dropped",
        "The least recently used goes first; it can be loaded again at any time.",
        (Swap(States, "_shrink", _oldest_first),),
    ),
    Bug(
        "later_entry_of_a_parked_subject_folded",
        "One entry is ill; why should the user's others wait for an operator?",
        (Swap(Parking, "holds", _nobody_waits),),
    ),
    Bug(
        "retry_goes_on_after_a_failure",
        "One that fails again stays parked; the rest can be folded all the same.",
        (Swap(Fold, "_retry", _each_for_itself),),
    ),
    Bug(
        "failed_retry_keeps_the_state",
        "A retry that fails has not written anything, so there is nothing to put back.",
        (Swap(Fold, "_put_back", _left_as_it_is),),
    ),
    Bug(
        "discard_leaves_the_timer",
        "Discarding forgets what is parked; timers are none of its business.",
        (Swap(Fold, "_discard", _only_the_rows),),
    ),
    Bug(
        "poison_never_set_aside",
        "Whatever it is will be over in a moment: try again.",
        (Swap(Attempts, "hopeless", _not_yet),),
    ),
    Bug(
        "deaths_not_counted",
        "The next process needs to know what the last one died of; those before it are history.",
        (Swap(witness, "judged", _of_the_last_process),),
    ),
    Bug(
        "budget_not_reset",
        "Five crashes are five crashes, however long ago.",
        (Swap(RestartBudget, "spend", _never_forgets),),
    ),
    Bug(
        "ring_read_from_its_base",
        "A reader that fell behind takes what the ring still has.",
        (Swap(Tail, "read", _from_what_the_ring_has),),
    ),
)
