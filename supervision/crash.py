"""What is kept of an exception: text, cut to a bound. Never the exception: its frames keep all they hold.

Whatever was raised may be hostile, an exception whose `__str__` raises included: describing a crash must never crash.
"""

from __future__ import annotations

import traceback
from os.path import basename

from supervision.orders import Crashed
from supervision.runtime import SparesBudget

CRASH_TEXT_CHARS_MAX = 2_048
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


def _where(exc: BaseException) -> str:
    """Of the frames nothing but names and numbers: their lines of source would be read from the disk."""
    places = [(frame.f_code, line) for frame, line in traceback.walk_tb(exc.__traceback__)][-CRASH_FRAMES:]
    return " < ".join(f"{basename(code.co_filename)}:{line} {code.co_name}" for code, line in reversed(places))
