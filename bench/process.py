"""The real program as a subprocess, and what the kernel says about processes: CPU seconds, memory, children.

Linux only, as its numbers come from /proc.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
STOP_S_MAX = 20.0
START_S_MAX = 120.0
POLL_S = 0.005
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """What was measured did not do what it should; the text says what."""


def end_in_order() -> None:
    """From now on SIGTERM ends this process as Ctrl-C does: whatever was started in a `with` is ended first."""

    def end(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


class Program:
    """A program with whatever it starts by itself, in a session of its own, as a context manager; what it prints goes
    to `log`. It is asked to end, and its whole group is killed when that takes longer than `stop_s_max`. `started` is
    time.monotonic() at its spawn.
    """

    def __init__(
        self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, stop_s_max: float = 10.0
    ) -> None:
        self.started = time.monotonic()
        self._log = log
        self._stop_s_max = stop_s_max
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}, start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid

    def last_words(self) -> str:
        """The end of its log, and its status when it has ended."""
        text = self._log.read_text(errors="replace").replace(f"{ROOT}/", "")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        status = self._process.poll()
        return " | ".join(([] if status is None else [f"ended with status {status}"]) + lines[-4:])

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def ended(self, s_max: float) -> int | None:
        """Its exit status once it has ended by itself, None when it has not within `s_max`."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(s_max)
        return None

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self._stop_s_max)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


class Engine:
    """`run.py serve` on a data folder and a free port, as a context manager. `started` is time.monotonic() at its
    spawn.
    """

    def __init__(self, data: Path, options: Sequence[str] = ()) -> None:
        self.started = time.monotonic()
        command = [sys.executable, str(ROOT / "run.py"), "serve", "--data", str(data), "--http", "127.0.0.1:0"]
        command += ["--log-level", "warning", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def ready(self) -> float:
        """Seconds from the spawn to the first 200 of /readyz. Raises Failed."""
        url = f"{self._address()}/readyz"
        while time.monotonic() < self.started + START_S_MAX:
            if _answers(url):
                return time.monotonic() - self.started
            if self._process.poll() is not None:
                raise Failed(f"the engine ended with status {self._process.returncode}")
            time.sleep(POLL_S)
        raise Failed(f"{url} did not answer 200 within {START_S_MAX:.0f} s")

    def _address(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("Ganglion serves on "):
            raise Failed(f"the engine did not start: {line.strip() or 'see above'}")
        return line.split()[3]

    def stop(self) -> None:
        """In order, or by force when that takes too long."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads of a process so far, user and system."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def family(pid: int, besides: Sequence[int] = ()) -> list[int]:
    """All living descendants of `pid`, without those in `besides` and theirs."""
    parents = {int(path.name): _parent(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found: list[int] = []
    generation = {pid}
    while generation:
        generation = {child for child, parent in parents.items() if parent in generation and child not in besides}
        found += generation
    return found


def family_cpu_s(pid: int, besides: Sequence[int]) -> float:
    """CPU seconds of all living descendants of `pid`, without those in `besides` and theirs."""
    return sum(cpu_s(child) for child in family(pid, besides))


def memory_mib(pid: int, which: str) -> float:
    """`VmRSS` (now) or `VmHWM` (the most there ever was) of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    raise Failed(f"no {which} in /proc/{pid}/status")


def _stat(pid: int) -> list[str]:
    """The fields from the third on; the second may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _parent(pid: int) -> int:
    try:
        return int(_stat(pid)[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
