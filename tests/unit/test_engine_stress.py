"""The whole engine on real threads, a real SQLite store and a switch interval of a microsecond, with readers beside it.

The simulator runs one thread; here is what it cannot see: a journal that commits while cells load and queries read,
cells that crash in the midst of it, and SQLite's own threads of control. Input goes straight to the journal, as both
doors do it, in the order of each user's messages and of nothing else. At the end every balance, every line and every
effect is compared with the crash suite's books.
"""

from __future__ import annotations

import sys
import threading
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from actors.points import ledger, view
from actors.points.programme import from_settings
from actors.points.upkeep import TIMER
from actors.registry import domains
from gateway.wiring import Parts, Wiring
from supervision.clock import SystemClock
from supervision.counters import Tally
from supervision.domain import formats
from supervision.entry import segment_of
from supervision.messages import Append
from supervision.store import Reader
from supervision.store_sqlite import SqliteStore, open_sqlite
from supervision.threads import ThreadRuntime
from tests.cells import settle
from tests.crash.books import Book
from tests.crash.reckoning import told_by
from tests.crash.shop import EXCHANGE, Message, Shop
from topology.ports import NoBroker
from topology.wire import BadMessage, ByContent

SWITCH_INTERVAL_S = 1e-6
SEGMENTS = 4
EVENTS = 1_200
USERS = 60
SENDERS = 3
READERS = 3
GROUP_MESSAGES = 10
UNDER_WAY_MAX = 8
"""Appends of one sender that are not answered."""
CRASHES = 3 * SEGMENTS
"""In turn: the sixth within 30 s would set a domain aside."""
LINES_MAX = 500
WORK_S_MAX = 120.0


class Engine:
    """One process's, without doors."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        self.fatal: list[str] = []
        self.runtime = ThreadRuntime(clock)
        self.registered = domains(from_settings(), SEGMENTS)
        self.store: SqliteStore = open_sqlite(folder, SEGMENTS, formats(self.registered), "test", clock)
        self.tally = Tally()
        parts = Parts(
            self.store, self.registered, self.runtime, Random(1), self.tally, self.fatal.append,
            publish_without_broker=NoBroker(), checks=True,
        )  # fmt: skip
        self.wiring = Wiring(parts, clock.now_ms())
        self.wiring.tree.start()
        settle(self.runtime, self.wiring.engine.begun)

    def close(self) -> None:
        left = self.wiring.tree.stop()
        self.runtime.close()
        self.store.close(clean=not left)
        assert left == [] and self.fatal == []

    def append(self, messages: Sequence[Message], done: Callable[[Any], None]) -> None:
        items: list[Any] = []
        for key, props, body in messages:
            item = self.wiring.door.decode(body, props.app_id or "", props.message_id, ByContent(EXCHANGE, key))
            assert not isinstance(item, BadMessage), item
            items.append(item)
        self.wiring.engine.journal.tell(Append(items, done, sum(len(item.encoded) for item in items)))

    def folded(self) -> bool:
        """Nobody has anything left to do: all logs are folded by all domains, and nothing is on its way to another."""
        engine = self.wiring.engine
        assert engine.the_journal is not None and not self.fatal, self.fatal
        heads = engine.the_journal.ledger.heads
        return all(
            engine.folded(segment, name) == heads[segment].offset
            for segment in range(SEGMENTS)
            for name in [*engine.domains, "courier"]
        )


def at_rest(engine: Engine, errors: Sequence[BaseException]) -> None:
    """Wait until all is folded, or something went wrong."""
    ticks, end_s = threading.Event(), engine.runtime.clock.monotonic_s() + WORK_S_MAX
    while not errors and not engine.folded():
        assert engine.runtime.clock.monotonic_s() < end_s, "it never comes to rest"
        ticks.wait(0.01)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    before_s = sys.getswitchinterval()
    made = Engine(tmp_path)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    yield made
    sys.setswitchinterval(before_s)
    made.close()


def sender(engine: Engine, messages: Sequence[Message]) -> None:
    room = threading.Semaphore(UNDER_WAY_MAX)
    answers: list[Any] = []

    def done(results: Any) -> None:
        answers.append(results)
        room.release()

    for at in range(0, len(messages), GROUP_MESSAGES):
        assert room.acquire(timeout=WORK_S_MAX), "an append was never answered"
        engine.append(messages[at : at + GROUP_MESSAGES], done)
    for _ in range(UNDER_WAY_MAX):
        assert room.acquire(timeout=WORK_S_MAX), "an append was never answered"
    assert None not in answers


def crasher(engine: Engine, rng: Random, over: threading.Event) -> None:
    """A cell here and there is told what it does not understand, and dies of it."""
    for n in range(CRASHES):
        if over.wait(rng.uniform(0.05, 0.3)):
            return
        name = rng.choice(["points", "notification"])
        engine.wiring.tree.address(f"segments/{n % SEGMENTS:02d}/{name}").tell("no message of yours")


def looker(reader: Reader, users: Sequence[str], rng: Random, over: threading.Event) -> int:
    """Reads what queries and cells read, as fast as it can; nothing may be half there or go back. -> reads."""
    newest: defaultdict[int, int] = defaultdict(int)
    reads = 0
    while not over.is_set():
        some = rng.sample(users, 3)
        segment = segment_of(f"user:{some[0]}", SEGMENTS)
        state, upto = reader.snapshot(segment, "points", f"user:{some[0]}")
        assert upto >= newest[segment], "a checkpoint went back"
        newest[segment] = upto
        loaded = reader.load(segment, "points", [f"user:{user}" for user in some], [(f"user:{some[0]}", TIMER)], [])
        if state is not None:
            view.account_of(loaded.states[f"user:{some[0]}"])
        lines = reader.records(segment, "points", f"user:{some[0]}", None, LINES_MAX)
        assert [(row.offset, row.n) for row in lines] == sorted(((row.offset, row.n) for row in lines), reverse=True)
        log = reader.read_log(segment, max(0, upto - 20), upto, 20)
        assert [entry.offset for entry in log] == list(range(max(0, upto - 20) + 1, upto + 1))
        reads += 4
    return reads


def differences(engine: Engine, reader: Reader, user: str, book: Book) -> Iterator[str]:
    """Of one user, against the book."""
    segment, subject = segment_of(f"user:{user}", SEGMENTS), f"user:{user}"
    state, _ = reader.snapshot(segment, "points", subject)
    available = ledger.available(view.account_of(state).main) if state is not None else 0
    if available != book.balance:
        yield f"{user} has {available}, it should be {book.balance}"
    moved = len(book.credits) + sum(effect.code is None for effect in book.told)
    if (lines := len(reader.records(segment, "points", subject, None, LINES_MAX))) != moved:
        yield f"{user} has {lines} lines, it should be {moved}"
    log = reader.read_log(segment, 0, 1 << 40, 1 << 20)
    bodies = [msgspec.json.decode(e.body) for e in log if e.subject == subject and e.route.startswith("points.")]
    effects = [told_by(body) for body in bodies]
    if [effect for effect in effects if not effect.referred] != book.told:
        yield f"{user} was told {effects}, it should be {book.told}"
    if Counter(effect for effect in effects if effect.referred) != Counter(book.credits):
        yield f"{user} was credited otherwise than {book.credits}"


def test_the_whole_engine_on_threads_counts_once_while_cells_crash_and_readers_read(engine: Engine) -> None:
    shop, over = Shop(Random(51), USERS), threading.Event()
    messages = shop.messages(EVENTS)
    parts: list[list[Message]] = [[] for _ in range(SENDERS)]
    for message in messages:
        user = msgspec.json.decode(message.body)["user_id"]
        parts[zlib.crc32(user.encode()) % SENDERS].append(message)
    users, reads, errors = list(shop.books.by_user), list[int](), list[BaseException]()

    def run(work: Callable[..., Any], *args: Any) -> None:
        try:
            result = work(*args)
            if isinstance(result, int):
                reads.append(result)
        except BaseException as error:
            errors.append(error)
            over.set()

    readers = [engine.store.reader() for _ in range(READERS)]
    beside = [threading.Thread(target=run, args=(looker, r, users, Random(n), over)) for n, r in enumerate(readers)]
    beside.append(threading.Thread(target=run, args=(crasher, engine, Random(9), over)))
    senders = [threading.Thread(target=run, args=(sender, engine, part)) for part in parts]
    for thread in [*beside, *senders]:
        thread.start()
    for thread in senders:
        thread.join(WORK_S_MAX)
    at_rest(engine, errors)
    over.set()
    for thread in beside:
        thread.join(WORK_S_MAX)
    assert errors == []
    assert not any(thread.is_alive() for thread in [*beside, *senders])
    assert len(reads) == READERS and min(reads) > 0
    assert engine.tally.counted("restarts") > 0, "no cell crashed"
    found = [line for user, book in shop.books.by_user.items() for line in differences(engine, readers[0], user, book)]
    for reader in readers:
        reader.close()
    assert found == []
    engine.store.check()
