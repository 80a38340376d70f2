"""The receiver's process, as a measurement holds it: started, asked what it heard, ended."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.process import ROOT, Failed
from bench.shop import EFFECTS_PER_EVENT, EFFECTS_QUEUE

LOOK_S = 0.5
FIRST_S_MAX = 60.0


class Listener:
    """`bench.effects` for `events` of each of `kinds`, as a context manager; it consumes once we are in."""

    def __init__(
        self, url: str, events: int, times: Path | None = None, kinds: Sequence[str] = EFFECTS_PER_EVENT
    ) -> None:
        command = [sys.executable, "-m", "bench.effects", url, EFFECTS_QUEUE, str(events), "--kinds", ",".join(kinds)]
        command += ["--times", str(times)] if times else []
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )  # fmt: skip
        self.pid = self._process.pid

    def __enter__(self) -> Listener:
        try:
            self.heard("ready", FIRST_S_MAX)
        except Failed:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def heard(self, word: str, s_max: float, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Its next line, which has `word`. Raises Failed, as `meanwhile` may, which is called every LOOK_S."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + s_max
        while not select.select([self._process.stdout], [], [], LOOK_S)[0]:
            meanwhile()
            if time.monotonic() > deadline:
                raise Failed(f"the receiver said nothing of `{word}` for {s_max:.0f} s")
        line = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line else {}
        if word not in said:
            raise Failed(f"the receiver should have said `{word}`; it said {line.strip() or self._complaint()}")
        return said

    def _complaint(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.read().strip()[-500:] or "nothing"
