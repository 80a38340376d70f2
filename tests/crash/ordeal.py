"""One shop, one engine, one receiver, and what is done to the engine while the shop sends.

Messages are released in portions, one for each life of the engine. A life ends in one of three ways, drawn from the
seed: at any time from the spawn on, ready or not; while a backlog is worked off, so many effects after the start; or
in flight, a few milliseconds after a small burst was sent, when that is somewhere between the broker, the log, the
actors and the broker again. Counting effects instead of seconds keeps the blows within the work, on a slow machine as
on a fast one. The third way is there because of a bug planted to test the test, an ack before the commit, which the
other two did not find: a backlog is in the log long before its effects are out. `pelt` is the other regime: the shop
sends without a pause and the blows come by the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Any

import pika

from tests.crash.listener import QUEUE, Listener
from tests.crash.program import QUIETLY, START_S_MAX, Program, until
from tests.crash.publisher import Publisher
from tests.crash.reckoning import differences
from tests.crash.shop import Shop

STILL_S_MAX = 90.0
"""Without a new effect for this long, something is stuck; a start falls within."""
WORK_SHARE_MAX = 0.85
"""Of the effects that are still to come, the blow waits for at most this share."""
MORE_S_MAX = 0.03
"""A blow comes at most this long after the effect it waited for."""
LOOK_S = 0.002
"""How soon it is seen that all was told."""
LAST_S_MAX = 0.005
"""From the last burst to the blow: less than an event's way to its effect takes, with its two commits."""
START_BLOW_S_MAX = 3.0
FLIGHT_S_MAX = 0.05
"""From a burst to the blow: about what a message needs from the sender to its effect's confirm."""
BURST_EVENTS_MAX = 40
PORTION_EVENTS = 200
"""Drawn, sent and looked up from at once while effects are on their way."""
AHEAD_EFFECTS_MAX = 20_000
"""The shop pauses while so many are still to come: what lies in the broker is bounded, never empty."""
WEIGHTS = (1, 1, 2)
"""Of the three ways: from the spawn on, in the backlog, in flight."""
AT_WORK = (0, 1, 1)
DIFFERENCES_SHOWN_MAX = 20
INGRESS, DEAD, UNROUTED = "marketing.ingress", "marketing.dead", "marketing.unrouted"


class Ordeal:
    """Built on a running engine, since it is the engine that declares the exchanges. Close it."""

    def __init__(
        self,
        url: str,
        folder: Path,
        seed: int,
        users: int,
        *options: str,
        engine_url: str = "",
        data: Path | None = None,
    ) -> None:
        """`engine_url`: the broker as the engine sees it, if the others see another. `options`: of the engine."""
        self.midway = 0
        """Lives that ended with effects still to come, which a later one had to tell."""
        self.resent = 0
        self.url = url
        self._seed = seed
        self._rng = Random(seed)
        self.shop = Shop(Random(self._rng.getrandbits(64)), users)
        self._began_s = time.monotonic()
        self.program = Program(folder, "--amqp", engine_url or url, *QUIETLY, *options, data=data)
        self._lasts = 0
        with ExitStack() as stack:
            stack.callback(self.program.close)
            self.begin()
            self.listener = stack.enter_context(closing(Listener(url)))
            self.publisher = stack.enter_context(closing(Publisher(url)))
            self._open = stack.pop_all()

    def close(self) -> None:
        """Ends what still runs; for after a failure too."""
        self._open.close()

    def live(self, events: int, end: Callable[[], None], weights: Sequence[int] = WEIGHTS) -> None:
        """One life with `events` of work or more, ended by `end` at a moment of the seed's choosing."""
        ways = (self._from_the_spawn_on, self._in_the_backlog, self._in_flight)
        self._rng.choices(ways, weights)[0](events)
        end()
        self._heard_all()
        self.midway += self.missing > 0

    def pelt(self, events: int, blow_s: tuple[float, float]) -> int:
        """Send all of `events` with the engine killed again and again, so many seconds after each start; -> kills.

        A start is the spawn in one of three lives, else the moment it serves: on a machine that is slow to start a
        program, lives that all end before they have begun would prove nothing, for ever.
        """
        left, kills = events, 0
        while left:
            self._start()
            if self._rng.randrange(3):
                self.program.served()
            until_s = time.monotonic() + self._rng.uniform(*blow_s)
            while time.monotonic() < until_s:
                left -= self.feed(min(left, PORTION_EVENTS))
            self.midway += self.missing > 0
            self.program.kill()
            kills += 1
        return kills

    def under(self, events: int, troubles: Sequence[Callable[[], None]], gap_s: tuple[float, float]) -> None:
        """Send all of `events` without a pause, and meanwhile let the troubles come, in order, so long after another.

        The shop sends on, slowly, until the last trouble has come.
        """
        left, pause_s = events, self._rng.uniform(*gap_s)
        due_s = time.monotonic() + pause_s
        for trouble in troubles:
            while time.monotonic() < due_s:
                left -= self.feed(min(left, PORTION_EVENTS))
                time.sleep(MORE_S_MAX)
            self.midway += self.missing > 0
            trouble()
            due_s = time.monotonic() + self._rng.uniform(*gap_s)
        while left:
            left -= self.feed(min(left, PORTION_EVENTS))

    def feed(self, events: int) -> int:
        """Send them, unless too many effects are still to come: then wait a moment; -> how many were sent."""
        if self.missing > AHEAD_EFFECTS_MAX or not events:
            time.sleep(MORE_S_MAX)
            return 0
        self.send(events)
        return events

    @property
    def missing(self) -> int:
        """Effects that are still to come."""
        return self.shop.books.effects - len(self.listener.seen)

    def _from_the_spawn_on(self, events: int) -> None:
        self.send(events)
        self._start()
        self._at_work(self._rng.uniform(0, START_BLOW_S_MAX))

    def _in_the_backlog(self, events: int) -> None:
        before = len(self.listener.seen)
        self.send(first := self._rng.randrange(events))
        self._start()
        self.send(events - first)
        self._hear(before, self._rng.uniform(0, WORK_SHARE_MAX))
        self._at_work(self._rng.uniform(0, MORE_S_MAX))

    def _in_flight(self, events: int) -> None:
        before = len(self.listener.seen)
        burst = self._rng.randint(1, min(events, BURST_EVENTS_MAX))
        self.send(events - burst)
        self.begin()
        self._hear(before, self._rng.choice((1.0, self._rng.random())))
        self.send(burst)
        self._at_work(self._rng.uniform(0, FLIGHT_S_MAX))

    def _at_work(self, seconds: float) -> None:
        """Let so much time pass, and keep it busy: whenever all was told a burst comes, and one just before the end.

        The size of these bursts is fixed: what the seed draws next must not hang on how fast the machine is.
        """
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            if not self.missing:
                self.send(BURST_EVENTS_MAX)
            time.sleep(LOOK_S)
        self.send(BURST_EVENTS_MAX)
        time.sleep(self._rng.uniform(0, LAST_S_MAX))

    def _heard_all(self) -> None:
        """Wait until the listener has taken all that the ended life told: what is missing then, it had not told."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            until(lambda: not _queue(channel, QUEUE).message_count, STILL_S_MAX, lambda: "the listener is behind")
        pauses = self.listener.pauses
        until(lambda: self.listener.pauses > pauses, STILL_S_MAX, lambda: "the listener has not come to rest")

    def send(self, events: int) -> None:
        messages = self.shop.messages(events)
        self.resent += len(messages) - events
        self.publisher.send(messages)

    def _hear(self, before: int, share: float) -> None:
        """Wait for that share of the effects that were still to come when `before` had been seen."""
        self.seen(before + int((self.shop.books.effects - before) * share))

    def begin(self) -> None:
        """Have it running and ready."""
        self._start()
        self.program.ready()

    def _start(self) -> None:
        if not self.program.alive:
            self.program.start()

    def seen(self, effects: int) -> None:
        """Wait until so many have come, as long as they keep coming."""
        moved = [len(self.listener.seen), time.monotonic()]

        def enough() -> bool:
            seen = len(self.listener.seen)
            if seen > moved[0]:
                moved[:] = [seen, time.monotonic()]
            return seen >= effects or bool(self.listener.trouble) or time.monotonic() > moved[1] + STILL_S_MAX

        self.program.until(enough, float("inf"), str)
        assert not self.listener.trouble, self._report(self.listener.trouble)
        wanted = f"only {len(self.listener.seen)} of {effects} effects came"
        assert len(self.listener.seen) >= effects, self._report([wanted, *self._differences()])

    def drain(self) -> None:
        """Everything sent is worked off; then the books must agree, and the queues be empty."""
        self.begin()
        self.publisher.settle()
        self.seen(self.shop.books.effects)
        self._lasts += 1
        say_last_words(self.shop, self._lasts, self.publisher, self.listener, self.program)
        assert not (found := self._differences()), self._report(found)

    def _differences(self) -> list[str]:
        self.program.ready()
        return differences(self.shop.books, self.listener, self.program.url)

    def rest(self) -> None:
        """The drained engine is told to go; nothing may be left behind anywhere."""
        self.program.stop()
        assert not (left := left_behind(self.url)), self._report([f"left in the queues: {left}"])

    def summary(self) -> str:
        """What it was like, in a line; shown with a failure and under `-s`."""
        listener = self.listener
        return (
            f"seed {self._seed}: {len(self.shop.sent)} events, {self.resent} resends, {self.program.lives} lives, "
            f"{self.midway} ended in the midst of work, {len(listener.seen)} effects, {listener.again} heard again, "
            f"{self.publisher.again} messages sent again by lost connections, {time.monotonic() - self._began_s:.0f} s"
        )

    def _report(self, found: list[str]) -> str:
        return complaint(self.summary(), found, self.program)


def complaint(summary: str, found: list[str], program: Program) -> str:
    """What a failure says: how it was, the first of what differs, and what the program had to say."""
    shown = "\n".join(found[:DIFFERENCES_SHOWN_MAX])
    return f"{summary}\n{len(found)} differences\n{shown}\n{program.story()}"


def say_last_words(shop: Shop, number: int, publisher: Publisher, listener: Listener, program: Program) -> None:
    """A message to each segment, and its text back: what was sent before has been told by then, and nothing too much
    can come after. `number` tells one time from another.
    """
    last, since = shop.last_words(number), len(listener.seen)
    publisher.send(list(last.values()))
    publisher.settle()

    def heard() -> bool:
        texts = [seen.source for seen in listener.seen[since:] if seen.key == "notify.sms"]
        return last.keys() <= {text["user_id"] for text in texts}

    program.until(heard, STILL_S_MAX, lambda: "the last words were not answered")


def left_behind(url: str) -> dict[str, int]:
    """Queues that are not empty and what lies in them, once the engine that is gone consumes no more."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        until(lambda: not _queue(channel, INGRESS).consumer_count, START_S_MAX, lambda: "a dead process consumes")
        waiting = {name: _queue(channel, name).message_count for name in (INGRESS, DEAD, UNROUTED)}
    return {name: messages for name, messages in waiting.items() if messages}


def _queue(channel: Any, name: str) -> Any:
    return channel.queue_declare(name, passive=True).method
