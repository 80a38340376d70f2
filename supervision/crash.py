"""What is kept of an exception: text, cut to a bound. Never the exception: its frames keep all they hold.

Whatever was raised may be hostile, an exception whose `__str__` raises included: describing a crash must never crash.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath

from supervision.orders import Crashed
from supervision.runtime import SparesBudget

CRASH_TEXT_CHARS_MAX = 2_048
CRASH_TRACE_CHARS_MAX = 16_384
CRASH_FRAMES = 4
"""Innermost frames named in a log line."""


class BehaviourDied(Exception):
    """What an asker gets when a behaviour raised something that is no `Exception` (`SystemExit`, ...)."""


def describe(child: str, incarnation: int, exc: BaseException) -> Crashed:
    """The report of this crash."""
    return Crashed(
        child=child,
        incarnation=incarnation,
        kind=type(exc).__name__,
        text=_text(exc),
        trace=_trace(exc),
        where=_where(exc),
        spares_budget=isinstance(exc, SparesBudget),
    )


def for_asker(exc: BaseException, report: Crashed) -> Exception:
    """The same error without frames and past; `BehaviourDied` when raising it would stop more than one actor."""
    if not isinstance(exc, Exception):
        return BehaviourDied(f"{report.kind}: {report.text}")
    exc.__cause__ = exc.__context__ = exc.__traceback__ = None
    return exc


def _text(exc: BaseException) -> str:
    try:
        return str(exc)[:CRASH_TEXT_CHARS_MAX]
    except BaseException:
        return "<its text cannot be had>"


def _trace(exc: BaseException) -> str:
    """The end of the formatted traceback, which is where it says what happened."""
    try:
        return "".join(traceback.format_exception(exc, limit=-50))[-CRASH_TRACE_CHARS_MAX:]
    except BaseException:
        return "<its traceback cannot be had>"


def _where(exc: BaseException) -> str:
    frames = traceback.StackSummary.extract(traceback.walk_tb(exc.__traceback__), lookup_lines=False)
    return " < ".join(f"{PurePath(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames[-CRASH_FRAMES:]))
