"""`run.py serve` as a program, HTTP alone: its exit statuses, its lock, what is there after a signal or a kill."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.house.ours import root

START_S_MAX = 60.0
STOP_S_MAX = 15.0


def program(data: Path, *options: str, stderr: Any = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [sys.executable, "run.py", "serve", "--data", str(data), "--http", "127.0.0.1:0", *options]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen(command, cwd=root, env=environment, text=True, stdout=subprocess.PIPE, stderr=stderr)


class Serving:
    """A program that is ready."""

    def __init__(self, data: Path) -> None:
        self._said = data.parent / f"{data.name}.log"
        with self._said.open("ab") as log:  # a file: a pipe that nobody reads would hold up who writes it
            self.process = program(data, stderr=log)
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first.startswith("Ganglion serves on "), first
        self.http = httpx.Client(base_url=first.split()[3])
        deadline = time.monotonic() + START_S_MAX
        while self.http.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline

    def earn(self, user: str, points: int, event_id: str) -> dict[str, Any]:
        message = {"event_type": "points_change", "user_id": user, "change_type": "increase", "points": points}
        answer = self.http.post("/v1/events", json={**message, "reason": "x", "event_id": event_id})
        assert answer.status_code == 200, (answer.text, self.said())
        (accepted,) = answer.json()["accepted"]
        return accepted

    def command(self, user: str, what: str, body: dict[str, Any], key: str) -> httpx.Response:
        return self.http.post(f"/v1/users/{user}/points/{what}", json=body, headers={"idempotency-key": key})

    def available(self, user: str, offset: int) -> int:
        answer = self.http.get(f"/v1/users/{user}/points", params={"min_offset": offset})
        assert answer.status_code == 200, (answer.text, self.said())
        return answer.json()["available"]

    def said(self) -> str:
        """All log lines so far."""
        return self._said.read_text()

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_S_MAX)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    one = Serving(tmp_path)
    yield one
    one.http.close()
    one.process.kill()
    one.process.communicate()


def refused(data: Path, *options: str) -> tuple[int, str]:
    """(status, what it says) of a program that does not start."""
    process = program(data, *options)
    _, said = process.communicate(timeout=START_S_MAX)
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_in_time_and_the_next_one_knows_what_was_answered(
    serving: Serving, tmp_path: Path, number: int
) -> None:
    place = serving.earn("u", 7, "e1")
    assert serving.end(number) == 0
    again = Serving(tmp_path)
    try:
        assert again.available("u", place["offset"]) == 7
        assert again.earn("u", 7, "e1") == {**place, "duplicate": True}
    finally:
        again.process.kill()
        again.process.communicate()


def test_a_signal_that_comes_before_it_serves_is_an_orderly_end_too(tmp_path: Path) -> None:
    process = program(tmp_path)
    deadline = time.monotonic() + START_S_MAX
    while not _catches(process.pid, signal.SIGTERM):
        assert time.monotonic() < deadline and process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=START_S_MAX)
    assert process.returncode == 0


def _catches(pid: int, number: int) -> bool:
    """The process has a handler for the signal: the kernel knows."""
    (mask,) = re.findall(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_a_kill_loses_nothing_that_was_answered(serving: Serving, tmp_path: Path) -> None:
    for i in range(50):
        place = serving.earn("u", 1, f"e{i}")
    assert serving.end(signal.SIGKILL) == -signal.SIGKILL
    again = Serving(tmp_path)
    try:
        assert again.available("u", place["offset"]) == 50
        for i in range(50):
            assert again.earn("u", 1, f"e{i}")["duplicate"]
        assert again.available("u", place["offset"]) == 50
    finally:
        again.process.kill()
        again.process.communicate()


def test_a_command_again_after_a_kill_gets_the_first_answer(serving: Serving, tmp_path: Path) -> None:
    order = {"order_id": "o", "currency": "CNY", "amount": "299.00"}
    given: list[tuple[str, dict[str, Any]]] = [
        ("accruals", {"order": order}),
        ("reservations", {"points": 100}), ("redemptions", {"points": 500, "reason": "x"}),
        ("reversals", {"order_id": "o", "amount": 9_900}), ("gifts", {"to": "v", "points": 10}),
        ("adjustments", {"points": -1, "note": "n"}), ("reservations/none/confirm", {}),
    ]  # fmt: skip
    first = [serving.command("u", *each, key=f"k{n}") for n, each in enumerate(given)]
    assert [answer.status_code for answer in first] == [200, 200, 409, 200, 200, 200, 404]
    assert serving.end(signal.SIGKILL) == -signal.SIGKILL
    again = Serving(tmp_path)
    try:
        for n, each in enumerate(given):
            answer = again.command("u", *each, key=f"k{n}")
            assert (answer.status_code, answer.content) == (first[n].status_code, first[n].content)
            assert answer.headers["idempotent-replayed"] == "true"
        assert again.available("u", first[-2].json()["entry"]["offset"]) == first[-2].json()["result"]["balance"]
        assert again.command("u", "gifts", {"to": "v", "points": 11}, key="k4").status_code == 422
    finally:
        again.process.kill()
        again.process.communicate()


def test_a_kill_in_the_midst_of_commands_answers_each_retry_once(serving: Serving, tmp_path: Path) -> None:
    serving.command("u", "accruals", {"points": 1_000}, key="all")
    answered: dict[int, bytes] = {}

    def spend() -> None:
        with suppress(httpx.TransportError):
            for n in range(10_000):
                answered[n] = serving.command("u", "redemptions", {"points": 1, "reason": "x"}, key=f"s{n}").content

    spender = threading.Thread(target=spend)
    spender.start()
    until(lambda: len(answered) >= 20)
    assert serving.end(signal.SIGKILL) == -signal.SIGKILL
    spender.join()
    again = Serving(tmp_path)
    try:
        sent = len(answered) + 1  # the last may be in the log, unanswered
        for n in range(sent):
            answer = again.command("u", "redemptions", {"points": 1, "reason": "x"}, key=f"s{n}")
            assert answered.get(n, answer.content) == answer.content
        assert again.http.get("/v1/users/u/points").json()["available"] == 1_000 - sent
    finally:
        again.process.kill()
        again.process.communicate()


def test_a_second_process_is_refused_with_the_holders_pid(serving: Serving, tmp_path: Path) -> None:
    status, said = refused(tmp_path)
    assert status == 3
    assert f"is held by process {serving.process.pid}" in said


def test_another_number_of_segments_is_refused_with_the_right_one(serving: Serving, tmp_path: Path) -> None:
    assert serving.end(signal.SIGTERM) == 0
    status, said = refused(tmp_path, "--segments", "4")
    assert status == 2
    assert "start with --segments 16" in said


def test_a_bad_setting_or_a_taken_address_is_status_2(serving: Serving, tmp_path: Path) -> None:
    assert refused(tmp_path / "other", "--segments", "0")[0] == 2
    status, said = refused(tmp_path / "other", "--http", str(serving.http.base_url).removeprefix("http://").strip("/"))
    assert status == 2
    assert "cannot listen" in said


def test_log_lines_are_json_one_a_line(serving: Serving) -> None:
    serving.earn("somebody", 1, "e1")
    serving.process.send_signal(signal.SIGTERM)
    serving.process.wait(STOP_S_MAX)
    lines = [json.loads(line) for line in serving.said().splitlines()]
    assert lines and all("event" in line for line in lines)
    assert "somebody" not in serving.said()


def test_a_stop_over_half_sent_requests_writes_nothing_but_json_lines(serving: Serving) -> None:
    host, port = str(serving.http.base_url).removeprefix("http://").strip("/").split(":")
    slow = [socket.create_connection((host, int(port)), STOP_S_MAX) for _ in range(20)]
    for one in slow:
        one.sendall(b"POST /v1/events HTTP/1.1\r\nhost: g\r\ncontent-length: 999\r\n\r\n{")
    assert serving.http.get("/livez").status_code == 200
    assert serving.end(signal.SIGTERM) == 0
    for one in slow:
        # `stopping` to who had been let in before the doors closed, `not_taking` to who had not: both are told why.
        answer = one.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 503 ") and b"the engine is stopping" in answer, answer
        one.close()
    levels = [json.loads(line)["level"] for line in serving.said().splitlines()]
    assert levels and set(levels) == {"info"}


def test_a_signal_that_does_not_wake_the_main_thread_is_heard_all_the_same() -> None:
    script = """
import signal, threading
import run

def struck():
    threading.Event().wait(0.2)  # by now the main thread is asleep; were it not, this would prove less
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

ended = threading.Event()
run.on_signal(ended)
threading.Thread(target=struck, daemon=True).start()
run.wait_for(ended)
"""
    subprocess.run([sys.executable, "-c", script], cwd=root, timeout=STOP_S_MAX, check=True)


def keys(data: Path, *options: str) -> tuple[int, str, str]:
    """(status, what it prints, what it complains of) of `run.py keys`."""
    command = [sys.executable, "run.py", "keys", *options, "--data", str(data)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        command, cwd=root, env=environment, text=True, capture_output=True, timeout=START_S_MAX, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_keys_made_and_revoked_beside_a_running_engine_hold_within_a_moment(serving: Serving, tmp_path: Path) -> None:
    assert serving.http.get("/metrics").status_code == 200
    assert "there are no API keys" in serving.http.get("/readyz").text and "no_keys" in serving.said()
    status, said, _ = keys(tmp_path, "create", "--name", "ops", "--scopes", "operations", "--rate", "600")
    secret, id = said.split()[0], said.split()[2].rstrip(",")
    assert status == 0 and secret.startswith("gk_")
    shown = {"authorization": f"Bearer {secret}"}
    until(lambda: serving.http.get("/metrics").status_code == 401)
    answer = serving.http.get("/v1/tree", headers=shown)
    assert (answer.status_code, answer.headers["ratelimit-limit"]) == (200, "600")
    assert serving.http.get("/readyz").json() == {"status": "ok", "reasons": []}
    status, said, _ = keys(tmp_path, "list")
    assert status == 0 and json.loads(said)["id"] == id and secret not in said
    assert keys(tmp_path, "revoke", id)[0] == 0
    until(lambda: serving.http.get("/v1/tree", headers=shown).status_code == 401)
    records = [json.loads(line)["what"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert records == ["coupon_keys.create", "keys.create", "keys.revoke"]
    assert secret not in serving.said() + (tmp_path / "keys.json").read_text()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S_MAX
    while not true():
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("create", "--name", "x", "--scopes", "all"), "known: events:write"), (("revoke", "key_x"), "keys list"),
        (("create", "--name", "", "--scopes", "admin"), "name must be"),
        (("create", "--name", "x", "--scopes", "admin", "--rate", "-1"), "no limit"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_made_or_revoked_is_status_2_and_says_why(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    status, _, said = keys(tmp_path, *options)
    assert status == 2 and words in said
    assert not (tmp_path / "keys.json").exists()


def test_beyond_loopback_it_refuses_to_start_without_keys_and_a_cover(tmp_path: Path) -> None:
    status, said = refused(tmp_path, "--http", "0.0.0.0:0")
    assert status == 2 and "no API keys" in said
    assert keys(tmp_path, "create", "--name", "x", "--scopes", "admin")[0] == 0
    status, said = refused(tmp_path, "--http", "0.0.0.0:0")
    assert status == 2 and "clear text" in said
    (tmp_path / "keys.json").write_text("{")
    status, said = refused(tmp_path)
    assert status == 2 and "keys.json" in said
