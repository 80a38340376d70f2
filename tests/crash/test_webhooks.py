"""Webhooks of the real program to a real HTTP server that fails now and then, under kill -9."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks import Webhook

from tests.crash.program import QUIETLY, Program, until
from tests.crash.test_campaigns import open_campaign
from tests.webhook_world import SECRET

USERS = 60
FAILS_EVERY = 5
DONE_S_MAX = 90.0
CALLS: dict[str, Any] = {
    "name": "call",
    "trigger": {"type": "event", "event": "favorite"},
    "steps": [
        {"type": "webhook", "endpoint": "crm", "parameters": {"why": "favorite"}, "on_refused": [{"then": []}]},
        {"type": "emit", "effect": "called"},
    ],
}


class Receiver:
    """Verifies each call, and says 500 to some that it was sent for the first time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.heard: dict[str, set[bytes]] = {}
        """webhook-id -> the bodies that came under it."""
        self.taken: Counter[str] = Counter()
        self.trouble: list[str] = []

    def hear(self, headers: dict[str, str], body: bytes) -> int:
        with self.lock:
            try:
                Webhook(SECRET).verify(body, headers)
            except Exception as error:
                self.trouble.append(repr(error))
            id = headers["webhook-id"]
            again = id in self.heard
            self.heard.setdefault(id, set()).add(body)
            if not again and len(self.heard) % FAILS_EVERY == 0:
                return 500
            self.taken[json.loads(body)["data"]["user_id"]] += 1
            return 200


@contextmanager
def listening(receiver: Receiver) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True  # its sender was killed in the midst of it: no request
                return
            self.send_response(receiver.hear({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Not a word."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def test_every_call_arrives_signed_under_one_id_through_kills_and_is_answered_once(tmp_path: Path) -> None:
    receiver = Receiver()
    users = [f"u{n:02d}" for n in range(USERS)]
    with listening(receiver) as port:
        file = tmp_path / "webhooks.toml"
        file.touch(0o600)
        file.write_text(
            f'[crm]\nurl = "http://127.0.0.1:{port}/x"\nsecrets = ["{SECRET}"]\nparallel = 2\nallow_private = true\n'
        )
        program = Program(tmp_path, "--webhooks", str(file), *QUIETLY)
        with closing(program):
            program.start()
            program.ready()
            open_campaign(program.url, "CALL", CALLS)
            for third in range(3):
                for user in users[third::3]:
                    told = {"event_type": "user_behavior", "user_id": user, "behavior_type": "favorite",
                            "product_id": "p1", "event_id": f"e-{user}"}  # fmt: skip
                    assert httpx.post(f"{program.url}/v1/events", json=told, timeout=30.0).is_success
                some = third * USERS // 3 + USERS // 6
                program.until(lambda some=some: len(receiver.taken) >= some, DONE_S_MAX, lambda: str(receiver.taken))
                program.kill()
                program.start()
                program.ready()

            def finished(user: str) -> int:
                with httpx.Client(base_url=program.url, timeout=30.0) as http:
                    lines = http.get(f"/v1/users/{user}/why").json()["data"]
                return sum(line["outcome"] == "finished" for line in lines)

            until(lambda: set(receiver.taken) == set(users), DONE_S_MAX, lambda: f"{receiver.taken}\n{program.story()}")
            until(lambda: all(finished(user) == 1 for user in users), DONE_S_MAX, program.story)
    assert receiver.trouble == []
    assert len(receiver.heard) == USERS, "one id for each call"
    assert all(len(bodies) == 1 for bodies in receiver.heard.values()), "the same bytes each time"
