"""A bad network between the engine and its broker: it splits what passes at random bytes, delays it, and cuts.

Threads and plain sockets, because a frame that arrives in two halves, or whose second half never comes, is only real
when a kernel hands it out. A cut is a reset: what was under way in either direction is gone, and neither end can know
how much of it had arrived.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from random import Random
from urllib.parse import urlsplit, urlunsplit

CHUNK_BYTES_MAX = 8_192
LOOK_S = 0.02
"""How soon an idle connection notices that it is cut."""
CONNECT_S_MAX = 10.0
STALL_S_MAX = 60.0
"""An end that takes nothing for so long is given up."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: a close is a reset."""


class Proxy:
    """Listens from construction to `close`. `url` is `behind` with our address in the place of its own."""

    def __init__(self, behind: str, rng: Random) -> None:
        parts = urlsplit(behind)
        assert parts.hostname and parts.port
        self.delay_s_max = 0.0
        """Each chunk is held for a random part of it."""
        self.away = False
        """Who connects is cut at once."""
        self.lingers = False
        """The broker's end of a connection outlives ours until `forget`: it goes on believing in who is gone."""
        self.accepted = 0
        self._to = (parts.hostname, parts.port)
        self._rng = rng
        self._cut_before = 0
        """Connections numbered below are to end."""
        self._ended = False
        self._left: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(LOOK_S)
        host, port = self._server.getsockname()
        who = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{who}@{host}:{port}"))
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Reset every connection there is; returns at once."""
        self._cut_before = self.accepted + 1

    def forget(self) -> None:
        """Let the broker notice who has gone."""
        self.lingers = False
        left, self._left = self._left, []
        for far in left:
            _reset(far)

    def close(self) -> None:
        self.forget()
        self._ended = True
        self._thread.join()
        self._server.close()

    def _accept(self) -> None:
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                near, _ = self._server.accept()
                self._begin(near)

    def _begin(self, near: socket.socket) -> None:
        self.accepted += 1
        try:
            far = socket.create_connection(self._to, timeout=CONNECT_S_MAX)
        except OSError:
            _reset(near)
            return
        if self.away:
            _reset(near)
            _reset(far)
            return
        for one in (near, far):  # both, before either has a thread that may close it
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(STALL_S_MAX)
        for one, other in ((near, far), (far, near)):
            args = (self.accepted, one, other, far)
            threading.Thread(target=self._pump, args=args, name=f"proxy-{self.accepted}", daemon=True).start()

    def _pump(self, number: int, source: socket.socket, sink: socket.socket, far: socket.socket) -> None:
        """One direction, until either end or a cut ends both."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: the other direction has closed it
            while not self._ended and number >= self._cut_before:
                if not select.select([source], [], [], LOOK_S)[0]:
                    continue
                chunk = source.recv(self._rng.randint(1, CHUNK_BYTES_MAX))
                if not chunk:
                    break
                if self.delay_s_max:
                    time.sleep(self._rng.uniform(0, self.delay_s_max))
                sink.sendall(chunk)
        for peer in (source, sink):
            if peer is far and self.lingers:
                self._left.append(far)
            else:
                _reset(peer)


def _reset(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        peer.shutdown(socket.SHUT_RD)
    peer.close()
