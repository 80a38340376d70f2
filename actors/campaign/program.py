"""The steps of a campaign laid out as instructions, each with the number of the one that comes next.

Nested steps are pleasant to write and awkward to stop in the middle of: a user waits inside the `else` of a `wait_for`
for days, and what must be kept of that is one small number. So a version's steps become a list once, and a run is a
number in it; END is none of them. The numbers hold for that version alone. `place` is where the step stands in the
campaign: whoever moves to a newer version goes on at the instruction of the same place, where it is of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.calendar import Calendar
from actors.campaign.campaign import Action, Branch, Campaign, EmitEffect, OnRefused, Step, Stop, Wait, WaitFor
from actors.campaign.judging import Judge
from actors.comparison import FieldTest

END = -1
"""The campaign is over for this user."""
ANY_CODE: frozenset[str] = frozenset()


class Do(msgspec.Struct, frozen=True):
    """Act, having judged `exit`. Where `refused` is not empty, the answer is waited for: the first of (codes, next)
    whose codes hold the refusal's, or are ANY_CODE, says where to go on; done, or refused otherwise, `next`.
    """

    place: str
    action: Action
    next: int
    refused: tuple[tuple[frozenset[str], int], ...] = ()

    def after_refusal(self, code: str) -> int:
        """Where to go on when the action was refused for `code`."""
        return next((then for codes, then in self.refused if code in codes or codes == ANY_CODE), self.next)


class Sleep(msgspec.Struct, frozen=True):
    """Wait; schedule.wake says until when."""

    place: str
    wait: Wait
    next: int


class Await(msgspec.Struct, frozen=True):
    """Wait for an event, `seconds` at most; `next` when it came, `otherwise` when it did not."""

    place: str
    event: str
    where: tuple[FieldTest, ...]
    seconds: int
    next: int
    otherwise: int


class Fork(msgspec.Struct, frozen=True):
    """`next` when `judge` holds, else `otherwise`."""

    place: str
    judge: Judge
    next: int
    otherwise: int


Instruction = Do | Sleep | Await | Fork


class Program:
    """Immutable; shared by all segments and threads. `start` is where a run begins."""

    def __init__(self, campaign: Campaign, trigger: str, calendar: Calendar) -> None:
        """`campaign` has no problems. `trigger`: the event that starts it, "" if none does."""
        self._instructions: list[Instruction] = []
        self._trigger, self._calendar = trigger, calendar
        self.start = self._lay(campaign.steps, "steps", END)
        self.instructions = tuple(self._instructions)
        self.numbers: Mapping[str, int] = {one.place: number for number, one in enumerate(self.instructions)}
        """Where each place's instruction is."""

    def moved(self, instruction: Instruction) -> int | None:
        """The number here of an `instruction` of another version; None when there is no such one any more."""
        number = self.numbers.get(instruction.place)
        return number if number is not None and type(self.instructions[number]) is type(instruction) else None

    def _lay(self, steps: tuple[Step, ...], place: str, then: int) -> int:
        """Lay out `steps` from the last to the first, so that each knows what comes next; the number of the first."""
        for index in reversed(range(len(steps))):
            then = self._step(steps[index], f"{place}[{index}]", then)
        return then

    def _step(self, step: Step, place: str, then: int) -> int:
        match step:
            case Stop():
                return END
            case Wait():
                return self._put(Sleep(place, step, then))
            case WaitFor():
                came, missed = self._both(step, place, then)
                return self._put(Await(place, step.event, step.where, step.seconds, came, missed))
            case Branch():
                judge = Judge(step.when, f"{place}.when", self._trigger, self._calendar)
                return self._put(Fork(place, judge, *self._both(step, place, then)))
            case _:
                return self._put(Do(place, step, then, self._refused(step, place, then)))

    def _both(self, step: WaitFor | Branch, place: str, then: int) -> tuple[int, int]:
        return self._lay(step.then, f"{place}.then", then), self._lay(step.otherwise, f"{place}.else", then)

    def _refused(self, action: Action, place: str, then: int) -> tuple[tuple[frozenset[str], int], ...]:
        branches: tuple[OnRefused, ...] = () if isinstance(action, EmitEffect) else action.on_refused
        return tuple(
            (frozenset(one.codes) or ANY_CODE, self._lay(one.then, f"{place}.on_refused[{index}].then", then))
            for index, one in enumerate(branches)
        )

    def _put(self, instruction: Instruction) -> int:
        self._instructions.append(instruction)
        return len(self._instructions) - 1
