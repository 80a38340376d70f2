"""Users, or codes, out of a file that comes in pieces: a line each, as NDJSON or CSV.

A line of NDJSON is a string or an object with `user_id`; a line of CSV has the user in its column `user_id`, if the
first line names one, else in its first. What is no user is passed on as what it is, so that the job can refuse and name
it: a bad line is one user's trouble and not the file's. Nothing of the file is kept but the line that is not whole yet.
Of codes the column is another, and nothing else.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Format = Literal["ndjson", "csv"]
LINE_BYTES_MAX = 4 * 1024
"""A longer line is no user, whatever stands in it."""
SHOWN_CHARS_MAX = 64
COLUMN = "user_id"
_BOM = b"\xef\xbb\xbf"

_decode = msgspec.json.Decoder().decode


class UserLines:
    """`feed` the parts of one file in order, then `end`. `name` is that of the column, or field."""

    def __init__(self, format: Format, name: str = COLUMN) -> None:
        self._format = format
        self._name = name
        self._rest = b""
        self._first = True
        self._column = 0

    def feed(self, part: bytes) -> Sequence[Any]:
        """The users of the lines that are whole now. O(bytes)."""
        *lines, rest = (self._rest + part).split(b"\n")
        self._rest = rest[: LINE_BYTES_MAX + 1]  # what is longer is too long already
        return [user for line in lines for user in self._users(line)]

    def end(self) -> Sequence[Any]:
        """Of the last line, if no newline ended it."""
        rest, self._rest = self._rest, b""
        return self._users(rest)

    def _users(self, line: bytes) -> Sequence[Any]:
        first, self._first = self._first, False
        line = (line.removeprefix(_BOM) if first else line).strip()
        if not line:
            return ()
        if len(line) > LINE_BYTES_MAX:
            return (_strange(line),)
        return (_of_json(line, self._name),) if self._format == "ndjson" else self._of_csv(line, first)

    def _of_csv(self, line: bytes, first: bool) -> Sequence[Any]:
        try:
            columns = next(csv.reader([line.decode()]))
        except (UnicodeDecodeError, csv.Error):
            return (_strange(line),)
        if first and self._name in columns:
            self._column = columns.index(self._name)
            return ()
        return (columns[self._column].strip() if len(columns) > self._column else _strange(line),)


def _of_json(line: bytes, name: str) -> Any:
    try:
        said = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _strange(line)
    found: Any = said.get(name) if isinstance(said, dict) else said  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    return found if isinstance(found, str) else _strange(line)


def _strange(line: bytes) -> dict[str, str]:
    """What stands for a line without a user."""
    return {"line": line[:SHOWN_CHARS_MAX].decode(errors="replace")}
