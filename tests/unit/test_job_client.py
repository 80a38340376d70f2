"""`run.py coupons issue` against a server that says what an engine would: the file goes whole, the sum comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

import run
from actors.coupon_jobs.shown import JobShown
from gateway.routes_jobs import JobTaken

NOW = JobShown("J", "T1", "running", 3, 3, 0, 0, {}, 0.0, None, 1, 1, (), ())
DONE = msgspec.structs.replace(NOW, status="done", queued=0, issued=2, refused={"sold_out": 1})


class Engine(BaseHTTPRequestHandler):
    """Its stream of progress breaks twice before the job is over, the second time in the midst of a chunk."""

    got: list[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((self.path, self.headers["content-type"], self.headers["authorization"], body))
        self._answer(202, msgspec.json.encode(JobTaken("J", 3, 1)))

    def do_GET(self) -> None:
        self.got.append((self.path, self.headers["accept"]))
        now = NOW if len(self.got) < 4 else DONE
        said = b": still here\n\nevent: x\ndata: " + msgspec.json.encode(now) + b"\n\n"
        if len(self.got) == 3:
            self._head(200, "transfer-encoding", "chunked")
            self.wfile.write(b"%x\r\n%s" % (len(said) + 1, said))
        else:
            self._answer(200, said)

    def _answer(self, status: int, body: bytes) -> None:
        self._head(status, "content-length", str(len(body)))
        self.wfile.write(body)

    def _head(self, status: int, header: str, value: str) -> None:
        self.send_response(status)
        self.send_header(header, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Nothing."""


@pytest.fixture
def engine() -> Iterator[tuple[str, list[Any]]]:
    got: list[Any] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Engine,), {"got": got}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}", got
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_handed_in_and_followed_to_the_end_over_broken_streams(
    engine: tuple[str, list[Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    address, got = engine
    file = tmp_path / "users.csv"
    file.write_text("user_id\nu1\nu2\nu3\n")
    monkeypatch.setenv(run.KEY_VARIABLE, "secret")
    command = ["coupons", "issue", "--file", str(file), "--template", "T1", "--job", "J", "--http", address]
    assert run.main(command) == 0
    said = ("/v1/coupon-jobs?job_id=J&template=T1", "text/csv", "Bearer secret", file.read_bytes())
    assert got == [said, *[("/v1/coupon-jobs/J", "text/event-stream")] * 3]
    assert capsys.readouterr().out == "job J done: 2 issued, 0 had one, refused: 1 sold_out\n"


def test_a_file_of_another_kind_and_an_engine_that_is_not_there_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "users.csv"
    file.write_text("u\n")
    assert run.main(["coupons", "issue", "--file", "users.txt"]) == run.EXIT_USAGE
    assert run.main(["coupons", "issue", "--file", str(file), "--http", "127.0.0.1:1"]) == run.EXIT_TROUBLE
    assert "no engine answers" in capsys.readouterr().err
