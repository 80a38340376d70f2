"""What a measurement leaves behind: a table on the terminal, and the same in bench/results/NAME.json.

A number without its machine is a rumour, so processor, memory, kernel and the versions of what was measured stand
beside it.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

RESULTS = Path(os.environ.get("BENCH_RESULTS") or Path(__file__).parent / "results")
"""BENCH_RESULTS is for trying things out, without touching what was recorded."""
PACKAGES = ("msgspec", "pika", "pykka")


class Number(msgspec.Struct, frozen=True):
    """One measured number; `goal` as in "< 5" or ">= 3,000", empty where there is none."""

    name: str
    value: float
    unit: str
    goal: str = ""

    def text(self) -> str:
        """`value` with as many digits as it deserves."""
        return f"{self.value:,.0f}" if abs(self.value) >= 100 else f"{self.value:,.2f}"


def report(
    name: str,
    numbers: list[Number],
    settings: Mapping[str, str | int | float],
    remarks: str = "",
    details: Mapping[str, Any] | None = None,
    packages: Sequence[str] = (),
    table: Sequence[str] = (),
) -> None:
    """Print `numbers` and keep them, with `details` (single runs, what plots need) and the versions of `packages`.

    With `table`, its lines are printed, and only those numbers which have a goal.
    """
    shown = [number for number in numbers if number.goal] if table else numbers
    for line in table:
        print(f"  {line}")
    width = max((len(number.name) for number in shown), default=0)
    before = earlier(name)
    for number in shown:
        goal = f"   goal {number.goal}" if number.goal else ""
        was = f"   was {before[number.name].text()}" if number.name in before else ""
        print(f"  {number.name:<{width}}  {number.text():>12} {number.unit}{goal}{was}")
    if remarks:
        print(f"  {remarks}")
    kept = {
        "name": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(packages),
        "settings": settings,
        "numbers": numbers,
        "remarks": remarks,
        "details": details or {},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")


class _Kept(msgspec.Struct):
    numbers: list[Number]


def earlier(name: str) -> dict[str, Number]:
    """The numbers that were kept the last time, by name: whoever made something slower sees it at once."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return {}
    return {number.name: number for number in msgspec.json.decode(path.read_bytes(), type=_Kept).numbers}


def machine() -> dict[str, str | int]:
    """Processor, cores we may use, memory, kernel."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    model = next(models, platform.machine())
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "system": platform.platform(),
    }


def versions(packages: Sequence[str] = ()) -> dict[str, str]:
    """Of whatever has a say in the numbers."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    found |= {package: _version(package) for package in (*PACKAGES, *packages)}
    found["rabbitmq"] = _of_package("rabbitmq-server")
    return found | ({"redis-server": _of_package("redis-server")} if "redis" in packages else {})


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _of_package(package: str) -> str:
    """The Debian package's version, "unknown" elsewhere."""
    if shutil.which("dpkg-query") is None:
        return "unknown"
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"
