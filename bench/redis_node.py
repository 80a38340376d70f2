"""A private Redis for the peers: our own process, a free port on loopback, a folder of its own, ended with us.

`appendonly yes, appendfsync always`: what Redis has answered is on disk. With `everysec`, its default, up to a second
of booked points is lost in a crash, while their messages are acknowledged; that is another promise, and another number
(`--redis-fsync everysec`).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

import redis

from bench.process import Failed

START_S_MAX = 10.0
STOP_S_MAX = 10.0
POLL_S = 0.02


class PrivateRedis:
    """As a context manager. Raises Failed when there is no Redis or it does not come up."""

    def __init__(self, folder: Path, fsync: str = "always") -> None:
        self._folder = folder
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> PrivateRedis:
        program = shutil.which("redis-server")
        if program is None:
            raise Failed("redis-server is not installed: apt-get install redis-server")
        self._folder.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = {
            "port": port, "bind": "127.0.0.1", "dir": self._folder, "appendonly": "yes", "appendfsync": self._fsync,
            "save": "", "daemonize": "no", "logfile": self._folder / "log",
        }  # fmt: skip
        command = [program, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.url = f"redis://127.0.0.1:{port}/0"
        self._await()
        return self

    def _await(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                redis.Redis.from_url(self.url).ping()
                return
            except redis.RedisError as error:
                if time.monotonic() > deadline:
                    self._stop()
                    raise Failed(f"Redis did not answer: {error}") from None
                time.sleep(POLL_S)

    def empty(self) -> None:
        redis.Redis.from_url(self.url).flushall()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
