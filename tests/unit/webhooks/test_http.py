"""The real transport, against a listener on this machine; names are resolved as the test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from queue import SimpleQueue

import pytest

from supervision.clock import SystemClock
from tests.webhook_world import SECRET
from topology.webhooks.endpoint import Endpoint
from topology.webhooks.http import HttpTransport
from topology.webhooks.ports import Answered, Letter, NotReached, Outcome

DEADLINE_S = 20.0
LETTER = Letter("crm", {"webhook-id": "msg_1"}, b"{}")


class Listener:
    """Answers each connection as `speak` does, and counts them."""

    def __init__(self, speak: Callable[[socket.socket], None]) -> None:
        self.connections = 0
        self._speak = speak
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection):
            try:
                while data := connection.recv(65_536):
                    if data.endswith(LETTER.body):
                        self._speak(connection)
            except OSError:
                return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listen() -> Iterator[Callable[[Callable[[socket.socket], None]], Listener]]:
    made: list[Listener] = []

    def make(speak: Callable[[socket.socket], None]) -> Listener:
        made.append(Listener(speak))
        return made[-1]

    yield make
    for each in made:
        each.close()


def says(text: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text)


def posted(port: int, addresses: list[str], times: int = 1, allow_private: bool = True) -> list[Outcome]:
    """What becomes of posts to a name that resolves to `addresses`."""
    allowed = Endpoint(f"http://hook.example:{port}/x", (SECRET,), timeout_s=1, allow_private=True)
    endpoint = Endpoint(f"https://hook.example:{port}/x", (SECRET,), timeout_s=1)
    transport = HttpTransport({"crm": allowed if allow_private else endpoint}, SystemClock(), lambda *_: addresses)
    outcomes: SimpleQueue[Outcome] = SimpleQueue()
    found: list[Outcome] = []
    for _ in range(times):
        transport.post(LETTER, outcomes.put)
        found.append(outcomes.get(timeout=DEADLINE_S))
    return found


Listen = Callable[[Callable[[socket.socket], None]], Listener]


def test_an_answer_is_its_status_and_its_retry_after_and_connections_are_kept(listen: Listen) -> None:
    there = listen(says(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno"))
    assert posted(there.port, ["127.0.0.1"], 3) == [Answered(503, "7")] * 3
    assert there.connections == 1


def test_a_redirect_is_an_answer_and_not_followed(listen: Listen) -> None:
    there = listen(says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"))
    assert posted(there.port, ["127.0.0.1"]) == [Answered(302)]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_leads_into_our_own_network_is_not_connected_to(listen: Listen, addresses: list[str]) -> None:
    there = listen(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    assert posted(there.port, addresses, allow_private=False) == [NotReached("address_refused")]
    assert there.connections == 0


def test_an_answer_that_drips_ends_with_the_time_limit_of_the_whole_attempt(listen: Listen) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not over.wait(0.2):
            connection.sendall(b"H")

    there = listen(drip)
    assert posted(there.port, ["127.0.0.1"])[0] in (NotReached("timeout"), NotReached("bad_answer"))
    over.set()


def test_silence_nobody_there_and_nonsense_are_told_apart(listen: Listen) -> None:
    silent = listen(lambda _: None)
    assert posted(silent.port, ["127.0.0.1"]) == [NotReached("timeout")]
    silent.close()
    odd = listen(says(b"what?\r\n\r\n"))
    assert posted(odd.port, ["127.0.0.1"]) == [NotReached("bad_answer")]
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
    assert posted(port, ["127.0.0.1"]) == [NotReached("unreachable")]


def test_a_long_answer_is_hung_up_on(listen: Listen) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 200_000
    assert posted(listen(says(endless)).port, ["127.0.0.1"]) == [Answered(200)]


def test_an_answer_whose_body_does_not_end_in_time_is_its_status(listen: Listen) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not over.wait(0.0005):
            connection.sendall(b"x")

    assert posted(listen(drip).port, ["127.0.0.1"]) == [Answered(200)]
    over.set()
