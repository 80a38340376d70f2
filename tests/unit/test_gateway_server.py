"""The real server on loopback: addresses, stopping, and clients that are slow, rude or too many."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog.testing

from gateway import protocol
from gateway.body import Bodies
from gateway.foreign_lines import adopt
from gateway.ingest import BODY_BYTES_MAX
from gateway.server import CannotListen, HttpServer, Tls
from tests.gateway_world import LATER, World, change

DEADLINE_S = 10.0

Serve = Callable[..., tuple[World, HttpServer]]


@contextmanager
def served(world: World, stop_s: float = 1.0) -> Iterator[HttpServer]:
    server = HttpServer(world.app, "127.0.0.1", 0, lambda: None, world.threads, stop_s)
    server.start()
    try:
        yield server
    finally:
        assert server.stop()


@contextmanager
def connected(server: HttpServer) -> Iterator[socket.socket]:
    with socket.create_connection(server.address, DEADLINE_S) as connection:
        connection.settimeout(DEADLINE_S)
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side closes; fails when it does not within the deadline."""
    parts: list[bytes] = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def sent_until_cut_off(connection: socket.socket, part: bytes) -> int:
    """Sends `part` again and again; -> bytes sent when the other side ended it. Fails when it just stops reading."""
    sent = 0
    while True:
        try:
            connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            return sent
        sent += len(part)


def problem_of(answer: bytes) -> dict[str, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower(), head
    return json.loads(body)


def url(server: HttpServer, path: str) -> str:
    host, port = server.address
    return f"http://{host}:{port}{path}"


def test_a_free_port_is_known_before_the_server_starts_and_is_served_after() -> None:
    ticked = threading.Event()
    world = World()
    server = HttpServer(world.app, "127.0.0.1", 0, ticked.set, world.threads)
    assert server.address[0] == "127.0.0.1" and server.address[1] > 0
    server.start()
    assert httpx.get(url(server, "/livez")).status_code == 200
    assert ticked.wait(DEADLINE_S)
    assert server.running
    assert server.stop()
    assert not server.running


def test_an_address_that_is_taken_is_an_error_where_the_server_is_made() -> None:
    world = World()
    with served(world) as server, pytest.raises(CannotListen, match=str(server.address[1])):
        HttpServer(world.app, *server.address, lambda: None, world.threads)


def test_a_name_that_is_no_address_is_an_error_too() -> None:
    world = World()
    with pytest.raises(CannotListen):
        HttpServer(world.app, "256.1.1.1", 0, lambda: None, world.threads)
    world.threads.close()


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
def test_a_port_that_is_none_is_an_error_and_not_another_port(port: int) -> None:
    world = World()
    with pytest.raises(CannotListen, match="from 0 to 65535"):
        HttpServer(world.app, "127.0.0.1", port, lambda: None, world.threads)
    world.threads.close()


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_is_served_with_or_without_brackets_and_said_with_them(host: str) -> None:
    world = World()
    server = HttpServer(world.app, host, 0, lambda: None, world.threads)
    server.start()
    assert server.address[0] == "[::1]"
    assert httpx.get(url(server, "/livez")).status_code == 200
    assert server.stop()


def test_a_server_that_was_never_started_can_be_stopped() -> None:
    world = World()
    assert HttpServer(world.app, "127.0.0.1", 0, lambda: None, world.threads).stop()


def test_ids_with_slashes_arrive_whole_over_the_wire() -> None:
    world = World()
    world.give_account("a/b", (5, LATER))
    with served(world) as server:
        assert httpx.get(url(server, "/v1/users/a%2Fb/points")).json()["user_id"] == "a/b"


def test_stopping_answers_what_is_under_way() -> None:
    world = World()
    world.journal.holds = True
    answers: list[int] = []
    with served(world, stop_s=DEADLINE_S) as server:
        client = threading.Thread(
            target=lambda: answers.append(httpx.post(url(server, "/v1/events"), json=change()).status_code)
        )
        client.start()
        wait_for(lambda: bool(world.journal._held))
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        world.journal.release()
        stopping.join(DEADLINE_S)
        client.join(DEADLINE_S)
    assert answers == [200]


def test_stopping_ends_in_time_though_an_answer_never_comes_and_a_client_never_asks() -> None:
    world = World()
    world.journal.holds = True
    with served(world) as server, connected(server) as silent, connected(server) as waiting:
        body = json.dumps(change()).encode()
        waiting.sendall(b"POST /v1/events HTTP/1.1\r\nhost: g\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        wait_for(lambda: bool(world.journal._held))
        assert server.stop()
        everything(silent)
        everything(waiting)
    world.journal.release()


def test_half_a_head_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S_MAX", 0.05)
    with served(World()) as server:
        for start in (b"", b"GET /livez HTT", b"GET /livez HTTP/1.1\r\nhost: g\r\n"):
            with connected(server) as connection:
                connection.sendall(start)
                assert everything(connection) == b""


def test_a_second_request_s_half_head_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(World()) as server, connected(server) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: g\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(protocol, "HEAD_S_MAX", 0.05)
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        everything(connection)


def test_empty_lines_do_not_keep_a_connection_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "IDLE_S_MAX", -0.9)
    with served(World()) as server, connected(server) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: g\r\n\r\n")
        wait_for_close = everything(connection)
        assert wait_for_close.startswith(b"HTTP/1.1 200")


def test_a_body_that_comes_too_slowly_is_given_up() -> None:
    with served(World(Bodies(seconds_max=0.05))) as server, connected(server) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nhost: g\r\ncontent-length: 99\r\n\r\n{")
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65_536)
        assert problem_of(answer)["code"] == "slow_body"


def test_a_body_announced_too_large_is_refused_before_it_comes() -> None:
    with served(World()) as server, connected(server) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nhost: g\r\ncontent-length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1))
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 413")
        assert problem_of(answer)["code"] == "too_large"


def test_a_client_that_sends_all_of_a_body_that_is_too_large_still_reads_the_answer() -> None:
    with served(World()) as server:
        answer = httpx.post(url(server, "/v1/events"), content=b" " * (3 * 1024 * 1024))
        assert answer.status_code == 413


def test_a_body_without_end_is_cut_off_after_its_answer() -> None:
    with served(World()) as server, connected(server) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        sent = sent_until_cut_off(connection, chunk)
        assert sent < 64 * 1024 * 1024


def test_a_client_that_does_not_read_its_answers_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_S_MAX", 0.1)
    with served(World()) as server, connected(server) as connection:
        request = b"GET /schema HTTP/1.1\r\nhost: g\r\n\r\n"
        sent_until_cut_off(connection, request * 100)


LIVEZ = b"GET /livez HTTP/1.1\r\nhost: g\r\n\r\n"
SLOW_POST = b"POST /v1/events HTTP/1.1\r\nhost: g\r\ncontent-length: 99\r\n\r\n{"


def asked_how_it_is(connection: socket.socket) -> bytes:
    """The whole answer of `/livez`."""
    connection.sendall(LIVEZ)
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(65_536)
    return answer


def test_over_the_limit_the_connection_that_has_idled_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS_MAX", 2)
    with served(World()) as server, connected(server) as first, connected(server) as second:
        for one in (first, second):
            assert b" 200 " in asked_how_it_is(one)
        with connected(server) as third:
            assert b" 200 " in asked_how_it_is(third)
            assert everything(first) == b""
            assert b" 200 " in asked_how_it_is(second)


def test_however_many_say_nothing_liveness_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS_MAX", 20)
    with served(World()) as server, ExitStack() as crowd:
        for _ in range(30):
            crowd.enter_context(connected(server))
        assert httpx.get(url(server, "/livez")).status_code == 200


def test_where_all_are_busy_a_few_more_may_ask_how_we_are_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS_MAX", 1)
    monkeypatch.setattr(protocol, "HEALTH_CONNECTIONS_MAX", 1)
    world = World()
    with served(world) as server, connected(server) as busy:
        busy.sendall(SLOW_POST)
        wait_for(lambda: world.bodies.held == 1)
        for path in ("/livez", "/readyz", "/metrics"):
            assert httpx.get(url(server, path)).status_code == 200
        answer = httpx.get(url(server, "/schema"))
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert answer.headers["connection"] == "close" and answer.headers["retry-after"]


def test_more_connections_than_the_limit_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS_MAX", 1)
    monkeypatch.setattr(protocol, "HEALTH_CONNECTIONS_MAX", 0)
    world = World()
    with served(world) as server, connected(server) as first:
        first.sendall(SLOW_POST)
        wait_for(lambda: world.bodies.held == 1)
        with connected(server) as second:
            answer = everything(second)
        assert answer.startswith(b"HTTP/1.1 503") and problem_of(answer)["code"] == "busy"


def test_a_stop_tells_who_is_still_sending_and_makes_no_error_of_it(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    with structlog.testing.capture_logs() as lines, served(world) as server, ExitStack() as crowd:
        slow = [crowd.enter_context(connected(server)) for _ in range(5)]
        for one in slow:
            one.sendall(SLOW_POST)
        wait_for(lambda: world.bodies.held == len(slow))
        assert server.stop()
        assert [problem_of(everything(one))["code"] for one in slow] == ["stopping"] * len(slow)
    assert [line["log_level"] for line in lines] == ["info"] * len(lines)
    said = [line["said"] for line in lines if line["event"] == "library_says"]
    assert said == ["Cancel 5 running task(s), timeout graceful shutdown exceeded"]
    assert "Exception in ASGI" not in caplog.text


def test_what_a_library_says_is_a_line_of_ours_without_what_it_was_said_about() -> None:
    adopt()
    logger = logging.getLogger("uvicorn.error")
    with structlog.testing.capture_logs() as lines:
        try:
            raise KeyError("alice")
        except KeyError:
            logger.exception("Exception in %s\nand more of alice", "alice")
        logging.getLogger("asyncio").warning("")
    first, second = lines
    assert (first["event"], first["library"], first["log_level"]) == ("library_says", "uvicorn.error", "error")
    assert (first["said"], first["error"]) == ("Exception in %s", "KeyError") and first["where"]
    assert (second["said"], second["log_level"]) == ("", "warning")
    assert "alice" not in str(lines)


def test_of_a_library_that_puts_its_sentences_together_itself_only_the_place_is_said() -> None:
    """apprise: what it would not take as an address stands in the middle of its words."""
    adopt("apprise")
    logger = logging.getLogger("apprise")
    with structlog.testing.capture_logs() as lines:
        logger.warning(f"Dropped invalid phone # ({'+15551234567'}) specified.")
        logger.warning(f"Failed to send to {'+15551234567'}: %s", "error")
    assert [line["said"].partition(":")[0] for line in lines] == ["test_gateway_server.py"] * 2
    assert all(line["library"] == "apprise" and line["log_level"] == "warning" for line in lines)
    assert "555" not in str(lines)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / SMTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: g\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: g\r\nhost: h\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nhost: g\r\ncontent-length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: g\r\nx: " + b"y" * 900_000 + b"\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_gets_a_problem_and_the_next_client_an_answer(rubbish: bytes) -> None:
    with served(World()) as server:
        with connected(server) as connection:
            with suppress(OSError):  # the door may close while we still speak
                connection.sendall(rubbish)
            answer = everything(connection)
        assert answer == b"" or (answer.startswith(b"HTTP/1.1 4") and problem_of(answer)["code"])
        assert httpx.get(url(server, "/livez")).status_code == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody() -> None:
    world = World()
    with served(world) as server:
        with connected(server) as connection:
            connection.sendall(b"POST /v1/events HTTP/1.1\r\nhost: g\r\ncontent-length: 99\r\n\r\n{")
            wait_for(lambda: world.bodies.held == 1)
        wait_for(lambda: world.bodies.held == 0)
        assert httpx.get(url(server, "/livez")).status_code == 200


def wait_for(condition: Callable[[], bool]) -> None:
    """Returns once `condition` holds; fails at the deadline."""
    pause = threading.Event()
    for _ in range(int(DEADLINE_S / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("not within the deadline")


def self_signed(folder: Path) -> Tls:
    """A certificate for 127.0.0.1 that nobody but this test believes."""
    tls = Tls(str(folder / "cert.pem"), str(folder / "key.pem"))
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tls.key,
         "-out", tls.certificate],
        capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return tls


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate, and is not installed")
def test_with_a_certificate_it_speaks_tls_and_nothing_else(tmp_path: Path) -> None:
    world, tls = World(), self_signed(tmp_path)
    server = HttpServer(world.app, "127.0.0.1", 0, lambda: None, world.threads, 1.0, tls)
    server.start()
    try:
        trust = ssl.create_default_context(cafile=tls.certificate)
        with httpx.Client(verify=trust) as client:
            secure = url(server, "/v1/events").replace("http:", "https:")
            assert client.post(secure, json=change()).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(url(server, "/livez"))
    finally:
        assert server.stop()


def test_a_certificate_that_is_none_is_an_error_at_once(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "none.pem").write_text("no certificate")
    for path in (tmp_path / "none.pem", tmp_path / "missing.pem"):
        with pytest.raises(CannotListen, match="TLS"):
            HttpServer(world.app, "127.0.0.1", 0, lambda: None, world.threads, 1.0, Tls(str(path), str(path)))
