"""Commands of every kind over both doors at once, and the program killed while they are under way.

A client that was not answered asks again under its key, and so do some that were: whoever had an answer must get the
very same one and be told that it is a repetition; whoever had none gets one, and what he asked for is done once. When
all is answered the audit proves the books, and the log, folded by the reference model, must come to each answer, each
effect, each state and each balance.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.crash.audited import proven
from tests.crash.clerks import Clerks
from tests.crash.errands import SOURCE, Errands
from tests.crash.listener import LEDGER_TYPES
from tests.crash.ordeal import complaint, left_behind, say_last_words
from tests.crash.program import QUIETLY, Program
from tests.crash.publisher import Publisher
from tests.crash.receiver import Receiver
from tests.crash.serial import Serial, Shown, at_rest, shown
from tests.crash.shop import Shop

CLERKS = 8
AGAIN = 25
"""Requests that were answered, asked again in each life."""
BURST_MESSAGES = 30
"""Sent at once when a life begins."""
BESIDE_MESSAGES = 2
"""Sent with each answer, while there are any: both doors have work to the end."""
BLOW_S_MAX = 0.02
"""From the answer that a blow waited for to the blow: a few commits."""
WORK_S_MAX = 120.0
REST_S_MAX = 60.0


class Market:
    """An engine, clerks with `requests`, a sender with `messages`, and a receiver. Close it."""

    def __init__(self, url: str, folder: Path, seed: int, users: int, requests: int, messages: int) -> None:
        self.midway = 0
        """Lives that ended with requests under way."""
        self._url, self._seed, self._began_s = url, seed, time.monotonic()
        self._rng = Random(seed)
        self._errands = Errands(seed, users)
        self._requests = self._errands.requests(requests)
        self._messages = deque(self._errands.messages(messages))
        self._ids = [f"{SOURCE}|{message.props.message_id}" for message in self._messages]
        self._sending = threading.Lock()
        self._clerks = Clerks(CLERKS, lambda: self._publish(BESIDE_MESSAGES))
        self._clerks.hand(self._requests)
        self.program = Program(folder, "--amqp", url, *QUIETLY)
        with ExitStack() as stack:
            stack.callback(self.program.close)
            self.program.start()
            self.program.ready()
            self._receiver = stack.enter_context(closing(Receiver(url, LEDGER_TYPES)))
            self._publisher = stack.enter_context(closing(Publisher(url)))
            stack.callback(self._clerks.end)
            self._open = stack.pop_all()
        self._put_programme()

    def close(self) -> None:
        self._open.close()

    def run(self, kills: int) -> None:
        """All of it, over so many lives that end by SIGKILL and a last one."""
        for _ in range(kills):
            self._live(len(self._requests) // (kills + 1))
        self._begin()
        self._work(lambda: not self._clerks.left)
        self._clerks.hand(self._requests)
        self._work(lambda: not self._clerks.left)
        self._publish(len(self._messages))
        self._publisher.settle()
        last = Shop(Random(self._seed), 1)
        for number in range(2):  # the first sees all that was sent folded, the second what came of it elsewhere told
            say_last_words(last, number, self._publisher, self._receiver, self.program)
            self.program.until(lambda: at_rest(self.program.data), REST_S_MAX, lambda: "something is still under way")
        self._reckon()

    def _live(self, answers: int) -> None:
        """A life that ends when it has given so many answers, or a little later."""
        self._begin()
        before = self._clerks.answered
        self._work(lambda: self._clerks.answered >= before + answers)
        time.sleep(self._rng.uniform(0, BLOW_S_MAX))
        self.program.kill()
        self._clerks.end()
        self.midway += bool(self._clerks.cut_short)

    def _begin(self) -> None:
        """A life, which hears first what the one before left unanswered, and some of what it answered."""
        if not self.program.alive:
            self.program.start()
        self.program.ready()
        answered = [request for request in self._requests if request.key in self._clerks.answers]
        self._clerks.hurry(self._rng.sample(answered, min(AGAIN, len(answered))))
        self._publish(BURST_MESSAGES)
        self._clerks.begin(self.program.url)

    def _work(self, done: Callable[[], bool]) -> None:
        clerks = self._clerks
        self.program.until(
            lambda: bool(clerks.trouble) or done(), WORK_S_MAX, lambda: f"{clerks.left} requests are left"
        )
        assert not clerks.trouble, self._report(clerks.trouble)

    def _publish(self, most: int) -> None:
        """Send the next messages, as many as there are. Any thread."""
        with self._sending:
            count = min(most, len(self._messages))
            self._publisher.send([self._messages.popleft() for _ in range(count)])

    def _put_programme(self) -> None:
        url = f"{self.program.url}/v1/points/programme"
        put = httpx.put(url, json=self._errands.rules, headers={"if-match": httpx.get(url).headers["etag"]})
        assert put.status_code == 200, put.text

    def _reckon(self) -> None:
        """The clerks go home, the engine is told to go, and everything is compared."""
        balances = list(self._balances())
        self._other_bodies()
        self._clerks.end()
        self.program.stop()
        assert not left_behind(self._url)
        proven(self.program)
        serial = Serial(self.program.data, self._errands.rules, balances)
        seen = {effect.id: effect for effect in self._receiver.seen}
        acted = [seen[id] for id in self._receiver.acted]
        found = self._receiver.trouble + serial.differences(self._clerks.answers, acted, self._ids)
        assert not found, self._report(found)

    def _balances(self) -> Iterator[Shown]:
        with httpx.Client(base_url=self.program.url, timeout=REST_S_MAX) as http:
            for user in self._errands.names:
                answer = http.get(f"/v1/users/{user}/points")
                if answer.status_code == 200:
                    yield shown(user, answer.json())

    def _other_bodies(self) -> None:
        """A known key with another body is another matter, after however many lives."""
        for request in self._rng.sample(self._requests, 5):
            headers = {"idempotency-key": request.key}
            other = json.loads(request.body) | {"another": True}
            answer = httpx.post(f"{self.program.url}{request.path}", json=other, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused"), answer.text

    @property
    def kept(self) -> int:
        """Requests that were done, and whose answer was lost with the life that did them."""
        return self._clerks.kept

    def summary(self) -> str:
        """What it was like, in a line."""
        clerks = self._clerks
        done = sum(given.status == 200 for given in clerks.answers.values())
        return (
            f"seed {self._seed}: {len(clerks.answers)} requests, {done} done; {len(set(self._ids))} messages; "
            f"{self.program.lives} lives, {self.midway} ended with {len(clerks.lost)} requests under way, of which "
            f"{clerks.kept} had been done; {clerks.replayed} answers given again; {len(self._receiver.acted)} effects, "
            f"{self._receiver.again} heard again, {time.monotonic() - self._began_s:.0f} s"
        )

    def _report(self, found: list[str]) -> str:
        return complaint(self.summary(), found, self.program)


def killed(market: Market, kills: int) -> None:
    market.run(kills)
    assert market.midway >= kills * 3 // 4, f"only {market.midway} of {kills} blows fell on requests under way"
    assert market.kept, "no blow fell between a commit and its answer"
    print(market.summary())


def test_commands_over_both_doors_are_answered_once_and_done_once_whatever_is_killed(
    broker: str, tmp_path: Path
) -> None:
    with closing(Market(broker, tmp_path, seed=5, users=40, requests=500, messages=700)) as market:
        killed(market, kills=4)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(51, 54))
def test_commands_of_any_programme_outlive_twenty_kills(broker: str, tmp_path: Path, seed: int) -> None:
    with closing(Market(broker, tmp_path, seed, users=250, requests=5_000, messages=5_000)) as market:
        killed(market, kills=20)
