"""What libraries (those under the HTTP side, and apprise) say by Python's own logging, as log lines of the house.

Left alone they would write sentences and tracebacks on stderr, where every line is one JSON object without personal
data. Here a record keeps its words (arguments only where they are numbers: the rest may be what a client sent), the
class of its exception and the places it came through.

Of a library that puts its sentences together before it hands them over, as apprise does with addresses, phone numbers
and tokens in them, the words are left out: the line of its source says which sentence it was.
"""

from __future__ import annotations

import logging

import structlog

from supervision.crash import describe

SPEAKERS = ("uvicorn", "asyncio", "concurrent.futures")
"""What varies in their sentences stands in the arguments."""
_AT_A_STOP = ("Cancel ",)
"""What is no error: requests still under way when the time for stopping is over are cancelled, and told so."""

_log = structlog.stdlib.get_logger("gateway")


class ForeignLines(logging.Handler):
    """Passes records on. Any thread."""

    def emit(self, record: logging.LogRecord) -> None:
        said = _words(record) if record.name.startswith(SPEAKERS) else f"{record.filename}:{record.lineno}"
        level = logging.INFO if said.startswith(_AT_A_STOP) else record.levelno
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        crash = describe(record.name, 0, error) if error is not None else None
        where = {"error": crash.kind, "where": crash.where} if crash is not None else {}
        _log.log(level, "library_says", library=record.name, said=said, **where)


def _words(record: logging.LogRecord) -> str:
    words = (str(record.msg).strip().splitlines() or [""])[0]
    numbers = isinstance(record.args, tuple) and all(type(one) is int for one in record.args)
    return words % record.args if record.args and numbers else words


_lines = ForeignLines()


def adopt(*speakers: str) -> None:
    """From now on, of SPEAKERS where none are named; again is the same as once."""
    for name in speakers or SPEAKERS:
        logging.getLogger(name).addHandler(_lines)
