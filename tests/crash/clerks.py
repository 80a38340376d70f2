"""Clients who ask over HTTP, several at once, and again under the same key until they are answered.

A clerk whose engine dies puts its request back, for the next life; a hasty one does so when the answer takes longer
than he waits. Whatever comes back is compared at once with what was answered to the same key before: the same status
and bytes, once and no more as the first answer, and as a repetition from then on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import httpx

from tests.crash.errands import Request
from tests.crash.program import POLL_S

ANSWER_S_MAX = 60.0
LEAVES_S_MAX = 2 * ANSWER_S_MAX
NOT_NOW = 503


class Given(NamedTuple):
    """An answer."""

    status: int
    body: bytes


class Clerks:
    """`number` of them in each life. `beside` is called in any clerk's thread, after each answer; `patience_s` is how
    long they wait for one, in turn.
    """

    def __init__(
        self, number: int, beside: Callable[[], None] = lambda: None, patience_s: Sequence[float] = (ANSWER_S_MAX,)
    ) -> None:
        self.answers: dict[str, Given] = {}
        """By key, the first that came."""
        self.answered = 0
        """All that came, repetitions too."""
        self.replayed = 0
        """Answers that said they were given before,"""
        self.kept = 0
        """and of these the ones whose first was lost with a life that ended."""
        self.trouble: list[str] = []
        self.cut_short: set[str] = set()
        """Keys that were under way when this life ended,"""
        self.lost: set[str] = set()
        """and of those before."""
        self.given_up = 0
        """Times that a clerk waited no longer."""
        self._firsts: set[str] = set()
        self._todo: deque[Request] = deque()
        self._at_work = 0
        self._lock = threading.Lock()
        self._more = threading.Condition(self._lock)
        """There is something to do, or no longer anybody who would."""
        self._number = number
        self._beside = beside
        self._patience_s = patience_s
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def left(self) -> int:
        """Requests that wait for a clerk or for an answer."""
        with self._lock:
            return len(self._todo) + self._at_work

    def hand(self, requests: Iterable[Request]) -> None:
        """Behind all that wait already."""
        with self._more:
            self._todo.extend(requests)
            self._more.notify_all()

    def hurry(self, requests: Iterable[Request]) -> None:
        """Before all others."""
        with self._more:
            self._todo.extendleft(requests)
            self._more.notify_all()

    def begin(self, url: str) -> None:
        """A life: all clerks ask there."""
        self._ended.clear()
        self.lost |= self.cut_short
        self.cut_short = set()
        patience_s = [self._patience_s[n % len(self._patience_s)] for n in range(self._number)]
        self._threads = [threading.Thread(target=self._work, args=[url, each], daemon=True) for each in patience_s]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """The life is over: each gives up what it was at."""
        with self._more:
            self._ended.set()
            self._more.notify_all()
        for thread in self._threads:
            thread.join(LEAVES_S_MAX)

    def _work(self, url: str, patience_s: float) -> None:
        # Nothing is encrypted here, and to read the certificates of the world takes 25 ms for each client.
        with httpx.Client(base_url=url, timeout=patience_s, verify=False) as client:
            while (request := self._next()) is not None:
                if not self._ask(client, request):
                    time.sleep(POLL_S)

    def _next(self) -> Request | None:
        """Waits for one. None: the life is over."""
        with self._more:
            self._more.wait_for(lambda: self._todo or self._ended.is_set())
            if self._ended.is_set():
                return None
            self._at_work += 1
            return self._todo.popleft()

    def _ask(self, client: httpx.Client, request: Request) -> bool:
        """Whether it was answered, or no longer waited for; without an answer it is put back."""
        known = request.key in self.answers
        given, gave_up = None, False
        try:
            headers = {"idempotency-key": request.key, "content-type": "application/json"}
            response = client.post(request.path, content=request.body, headers=headers)
            if response.status_code != NOT_NOW:
                given = Given(response.status_code, response.content)
        except httpx.ConnectError:
            pass
        except httpx.TimeoutException:
            gave_up = True
        except httpx.TransportError:
            self.cut_short.add(request.key)
        with self._more:
            self._at_work -= 1
            if given is None:
                self.given_up += gave_up
                self._todo.appendleft(request)
                self._more.notify()
                return gave_up
            self._take(request.key, given, "idempotent-replayed" in response.headers, known)
        self._beside()
        return True

    def _take(self, key: str, given: Given, replayed: bool, known: bool) -> None:
        """`known`: it had been answered before this was asked."""
        self.answered += 1
        self.replayed += replayed
        self.kept += replayed and key in self.lost - self.answers.keys()
        first = self.answers.setdefault(key, given)
        if first != given:
            self.trouble.append(f"{key} was answered {first}, then {given}")
        if not replayed:
            if known or key in self._firsts:
                self.trouble.append(f"{key} was answered before, and this was not said to be a repetition: {given}")
            self._firsts.add(key)
