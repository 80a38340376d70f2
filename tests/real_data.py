"""Data of real shops, for tests that replay it. It is not ours to pass on: it lies beside the project in
`shared/data`, and whoever has only the project does without.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TextIO, cast
from zoneinfo import ZoneInfo

import pytest

ROOT = Path(__file__).resolve().parents[1]


def lines(name: str) -> Iterator[dict[str, str]]:
    """The lines of a CSV file, gzipped or not, by column; skips the test where the file is absent."""
    with _opened(found(name)) as file:
        yield from csv.DictReader(file)


def found(name: str) -> Path:
    """Where the file is; skips the test where it is not."""
    for folder in ROOT.parents:
        path = folder / "shared" / "data" / name
        if path.is_file():
            return path
    pytest.skip(f"there is no shared/data/{name} beside the project: nothing real to replay")


def given(variable: str, lines_max: int, into: Path) -> Path:
    """The first lines of a file that is too large to lie beside the project, copied to `into`; the environment says
    where it is. Skips the test where that says nothing.
    """
    if variable not in os.environ:
        pytest.skip(f"{variable} names no file, gzipped or not: nothing large to replay")
    with _opened(Path(os.environ[variable])) as file, into.open("w", encoding="utf-8", newline="") as copy:
        copy.writelines(islice(file, lines_max))
    return into


def _opened(path: Path) -> TextIO:
    opened = gzip.open if path.suffix == ".gz" else open
    return cast(TextIO, opened(path, "rt", encoding="utf-8", errors="replace", newline=""))


def moment(text: str, zone: str = "UTC") -> int:
    """ms since 1970 of a local time without a zone."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * 1000
