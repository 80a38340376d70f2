"""`run.py serve` as an operator has it: a process of its own, killed and started again on the same data folder.

Nothing of the engine is imported here. What is known of it is what a stranger knows: the address it prints, /readyz,
its exit status, its signals. Output of all its lives is kept in two files, so that a failed test can say what the
program said; a pipe nobody reads would one day stop it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S_MAX = 90.0
"""From the spawn to the first 200 of /readyz, on a machine that has other work to do."""
STOP_S_MAX = 15.0
"""What the program promises between a signal and its end."""
POLL_S = 0.01
QUIETLY = ("--log-level", "warning", "--alarm-refusals-max", "0")
"""For loads of which a good part is refused: an alarm is not what they wait for."""
STORY_BYTES_MAX = 6_000

_ANNOUNCED = "Ganglion serves on "
_LEASH = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
"""When the test run itself is killed, its engine dies too."""


class Ended(AssertionError):
    """The program ended by itself; the text has its status and its last words."""


def until(holds: Callable[[], bool], deadline_s: float, what: Callable[[], str]) -> None:
    """Wait until `holds`. Fails with `what()` after `deadline_s` seconds."""
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline, f"after {deadline_s:.0f} s: {what()}"
        time.sleep(POLL_S)


class Program:
    """One engine over its lives. `folder` keeps the store and what the program said. For one thread."""

    def __init__(self, folder: Path, *options: str, data: Path | None = None) -> None:
        self.data = data or folder / "data"
        self.lives = 0
        self._folder = folder
        self._options: Sequence[str] = options
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before = 0

    def start(self) -> None:
        """Spawn; returns at once. `ready` waits."""
        assert not self.alive, "it runs already"
        self.lives += 1
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._said_before = out.tell()
            self._process = subprocess.Popen(
                [*_LEASH, sys.executable, "run.py", "serve", "--data", str(self.data), "--http", "127.0.0.1:0",
                 *self._options],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip

    @property
    def _out(self) -> Path:
        return self._folder / "stdout"

    @property
    def _err(self) -> Path:
        return self._folder / "stderr"

    @property
    def pid(self) -> int:
        assert self._process is not None, "never started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        """Where this life listens; empty until it has said so."""
        with self._out.open("rb") as out:
            out.seek(self._said_before)
            line = out.readline().decode()
        return line.split()[3] if line.startswith(_ANNOUNCED) and line.endswith("\n") else ""

    def served(self) -> None:
        """Wait until it has said where it listens. Raises Ended."""
        self.until(lambda: bool(self.url), START_S_MAX, lambda: "it does not serve")

    def ready(self) -> None:
        """Wait for the first 200 of /readyz. Raises Ended."""
        self.until(lambda: bool(self.url) and _answers(f"{self.url}/readyz"), START_S_MAX, lambda: "it is not ready")

    def until(self, holds: Callable[[], bool], deadline_s: float, what: Callable[[], str]) -> None:
        """Wait until `holds` while the program lives. Raises Ended when it does not."""
        until(lambda: self._lives_on() and holds(), deadline_s, lambda: f"{what()}\n{self.story()}")

    def _lives_on(self) -> bool:
        if not self.alive:
            raise Ended(f"life {self.lives} ended by itself with status {self.status}\n{self.story()}")
        return True

    @property
    def status(self) -> int | None:
        """Exit status, -n after signal n, None while it lives."""
        return self._process.poll() if self._process is not None else None

    def kill(self) -> None:
        """SIGKILL; returns when the kernel has taken it away."""
        assert self._process is not None, "never started"
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it if it runs, however. For what comes after a test."""
        if self._process is not None:
            self.kill()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "never started"
        self._process.send_signal(number)

    def end(self) -> int:
        """Wait for the end that a signal asked for; returns the exit status. Fails after STOP_S_MAX."""
        until(lambda: not self.alive, STOP_S_MAX, lambda: f"it still runs after a signal\n{self.story()}")
        status = self.status
        assert status is not None
        return status

    def stop(self) -> None:
        """SIGTERM; it must end in time with 0."""
        self.signal(signal.SIGTERM)
        assert self.end() == 0, self.story()

    def story(self) -> str:
        """The last words of all its lives, for a failure's message."""
        if not self._err.exists():
            return ""
        text = self._err.read_bytes()[-STORY_BYTES_MAX:].decode(errors="replace")
        return f"life {self.lives}, status {self.status}; the end of {self._err}:\n{text}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5.0) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
