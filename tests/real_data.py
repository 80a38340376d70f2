"""Data of real shops, for tests that replay it. It is not ours to pass on: it lies beside the project in
`shared/data`, and whoever has only the project does without.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

ROOT = Path(__file__).resolve().parents[1]


def lines(name: str) -> Iterator[dict[str, str]]:
    """The lines of a CSV file, gzipped or not, by column; skips the test where the file is absent."""
    for folder in ROOT.parents:
        path = folder / "shared" / "data" / name
        if path.is_file():
            opened = gzip.open if path.suffix == ".gz" else open
            with opened(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
                yield from csv.DictReader(file)
            return
    pytest.skip(f"there is no shared/data/{name} beside the project: nothing real to replay")


def moment(text: str, zone: str = "UTC") -> int:
    """ms since 1970 of a local time without a zone."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * 1000
