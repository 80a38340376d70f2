"""Bugs of time and timers: a clock that goes back, a firing that is believed, lost, doubled or too early."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

from simulation.bugs.bug import Bug, Method, Swap
from supervision.fold import Fold
from supervision.journal import Journal
from supervision.logclock import LogClock
from supervision.messages import TimerOp, TimerRow
from supervision.near_timers import NearTimers, identity, position
from supervision.store_simulated import Image


def _as_the_wall_says(now_ms: Method) -> Method:
    def wrong(self: Any) -> int:
        now_ms(self)
        self._last_at = round(self._clock.monotonic_s() * 1000) + self._offset_ms
        return self._last_at

    return wrong


def _also_those_of_before(due: Method) -> Method:
    def wrong(self: Any, now: int) -> list[TimerRow]:
        carried: list[TimerRow] = vars(self).pop("_carried_due", [])
        self._due_now = [*carried, *due(self, now)]
        return self._due_now

    return wrong


def _with_its_firings(refused: Method) -> Method:
    def wrong(self: Any, reason: str, group: Any) -> None:
        self._carried_due = self._due_now
        refused(self, reason, group)

    return wrong


def _on_its_way(due: Method) -> Method:
    def wrong(self: Any, now_ms: int, watermark_ms: int, limit: int, bulk_max: int = 0) -> list[TimerRow]:
        rows = due(self, now_ms, watermark_ms, limit, bulk_max)
        for row in rows if limit > 1 else ():  # 1: somebody only looks whether there are any
            del self._rows[identity(row)]
        return rows

    return wrong


def _deleted(_mark: Method) -> Method:
    def wrong(self: Any, fired: TimerRow) -> None:
        at = (fired.segment, fired.domain, fired.subject, fired.key)
        row = self.timers.get(at)
        if row is not None and row.gen == fired.gen:
            self.due.pop(position(row))
            del self.timers[at]

    return wrong


def _row(self: Any, event: Any, loaded: Any) -> TimerRow | None:
    here, row = self._states.timer(event.subject, event.body.key)
    return row if here else loaded.timers.get((event.subject, event.body.key))


def _ends_whatever_is_armed(_still_armed: Method) -> Method:
    def wrong(self: Any, event: Any, loaded: Any, outcome: Any) -> bool:
        row = _row(self, event, loaded)
        outcome.timer(TimerOp(event.subject, event.body.key, None))
        return row is not None and row.gen == event.body.gen

    return wrong


def _a_row_is_a_row(_still_armed: Method) -> Method:
    def wrong(self: Any, event: Any, loaded: Any, outcome: Any) -> bool:
        if _row(self, event, loaded) is None:
            return False
        outcome.timer(TimerOp(event.subject, event.body.key, None))
        return True

    return wrong


def _now(_watermark: Method) -> Method:
    return lambda self, now: now


BUGS = (
    Bug(
        "time_goes_back",
        "NTP keeps the clock right; the log should say what the clock says.",
        (Swap(LogClock, "now_ms", _as_the_wall_says),),
    ),
    Bug(
        "refused_firings_carried",
        "A refused turn keeps everything it had, its firings too.",
        (Swap(Journal, "_due", _also_those_of_before), Swap(Journal, "_refused", _with_its_firings)),
    ),
    Bug(
        "firing_handed_out_once",
        "A row that is handed out to be fired is on its way and need not be kept.",
        (Swap(NearTimers, "due", _on_its_way),),
    ),
    Bug(
        "row_deleted_at_firing",
        "A timer that has fired is over, so its row can go in the same transaction.",
        (Swap(Image, "_mark_fired", _deleted),),
    ),
    Bug(
        "re_arm_lost_under_a_firing",
        "The firing of a key ends the timer of that key, stale or not.",
        (Swap(Fold, "_still_armed", _ends_whatever_is_armed),),
    ),
    Bug(
        "generation_ignored",
        "There is a row under that key, so somebody still wants it to fire.",
        (Swap(Fold, "_still_armed", _a_row_is_a_row),),
    ),
    Bug(
        "absence_without_the_watermark",
        "The timer is due, the clock says so; what is still in the broker comes when it comes.",
        (Swap(Journal, "_effective_watermark", _now),),
    ),
)
