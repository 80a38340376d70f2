"""The story of a lost store: load, a backup in the midst of it, more load, a kill, a restore, and the operator's part.

The operator's part is what docs/operations.md says: what the broker still holds is purged, since it is newer than what
must come first, and the publishers send again from their own records, in order, from some way before the backup. The
engine recognises what the backup knew.

Then three books must agree to the last point: the shop's, the engine's answers, and what the receiver makes of
everything it ever heard.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pika

from tests.crash.listener import Seen
from tests.crash.ordeal import INGRESS, STILL_S_MAX
from tests.crash.program import QUIETLY, ROOT, START_S_MAX, Program, until
from tests.crash.publisher import Publisher
from tests.crash.receiver import Receiver, standing
from tests.crash.reckoning import differences
from tests.crash.shop import Shop

TOOL_S_MAX = 120.0
TRICKLE_EVENTS = 10
"""Sent again and again while a backup runs."""
TRICKLE_S = 0.01
CUT_S_MAX = 0.3
KNOWN_RESENT = 100
"""Messages that the backup surely knows, sent again all the same."""
LOOK_AGAIN_S = 0.1
TOLD_MIN = 20
"""Effects that are told and will be lost."""
SHOWN_MAX = 20


class Standing(NamedTuple):
    """What the reckoning wants to know of a listener."""

    seen: list[Seen]
    trouble: list[str]


class Tool:
    """`run.py backup` or `restore` as an operator runs it."""

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "run.py", *words], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> tuple[int, str]:
        """(exit status, all it said)"""
        said, _ = self._process.communicate(timeout=TOOL_S_MAX)
        return self._process.returncode, said


def heads(said: str) -> dict[int, int]:
    """Segment -> last offset, of the first store that `said` describes."""
    line = re.search(r"^ +heads +(.*)$", said, re.MULTILINE)
    assert line is not None, said
    return {int(segment): int(last) for segment, last in (pair.split(":") for pair in line[1].split())}


class Restoration:
    """Close it. `round_` may be told again and again."""

    def __init__(self, url: str, folder: Path, seed: int, users: int) -> None:
        self.lost = 0
        """Effects that were told and taken back."""
        self.rounds = 0
        self._lasts = 0
        self._gone: set[str] = set()
        self._url = url
        self._seed = seed
        self.rng = Random(seed)
        self._folder = folder
        self.shop = Shop(Random(self.rng.getrandbits(64)), users)
        self.program = Program(folder, "--amqp", url, *QUIETLY)
        with ExitStack() as stack:
            stack.callback(self.program.close)
            self.program.start()
            self.program.ready()
            self.receiver = stack.enter_context(closing(Receiver(url)))
            self._publisher = stack.enter_context(closing(Publisher(url)))
            self._open = stack.pop_all()

    def close(self) -> None:
        self._open.close()

    def round_(self, events: int, clumsy: int = 0) -> None:
        """A backup in the midst of `events`, as many after it, a kill, a restore, the resends; then the reckoning.
        `clumsy`: so many backups and restores are killed before.
        """
        self.rounds += 1
        resend_from = max(0, len(self.shop.sent) - KNOWN_RESENT)
        self._publisher.send(self.shop.messages(events))
        for _ in range(clumsy):
            self._cut_short(self._backup(), self.copy.with_name(f"{self.copy.name}.part"))
            self.copy.unlink(missing_ok=True)
        known = self.back_up()
        self._lose_what_follows(events, known)
        epochs = {seen.epoch for seen in self.receiver.seen}
        for _ in range(clumsy):
            self._cut_short(self._restore(), self.program.data / "store.sqlite3.part")
        said = self.restore()
        assert heads(said) == known, f"restored {said}\nbacked up {known}"
        self._begin_anew(self.shop.sent[resend_from:])
        self._drain()
        self.reckon(known, max(epochs))

    def _cut_short(self, tool: Tool, part: Path) -> None:
        """A kill at some moment of its work; it may have ended before."""
        until(lambda: part.exists() or not tool.alive, TOOL_S_MAX, lambda: "it does not begin")
        time.sleep(self.rng.uniform(0, CUT_S_MAX))
        tool.kill()

    def _backup(self) -> Tool:
        return Tool("backup", "--to", str(self.copy), "--data", str(self.program.data))

    def _restore(self) -> Tool:
        return Tool("restore", "--from", str(self.copy), "--data", str(self.program.data), "--replace")

    def back_up(self) -> Mapping[int, int]:
        """Of the running engine, with load on it to the end; -> the heads of the backup."""
        tool = self._backup()
        while tool.alive:
            self._publisher.send(self.shop.messages(TRICKLE_EVENTS))
            time.sleep(TRICKLE_S)
        status, said = tool.end()
        assert status == 0, said
        assert self.program.alive, self.program.story()
        return heads(said)

    @property
    def copy(self) -> Path:
        return self._folder / f"backup-{self.rounds}"

    def _lose_what_follows(self, events: int, known: Mapping[int, int]) -> None:
        """More load, told in part; then the engine dies in the midst of it."""
        self._publisher.send(self.shop.messages(events))
        self.program.until(
            lambda: sum(seen.offset > known[seen.segment] for seen in self._newest(TOLD_MIN * 4)) >= TOLD_MIN,
            STILL_S_MAX, lambda: "nothing new is told after the backup",
        )  # fmt: skip
        time.sleep(self.rng.uniform(0, 0.2))
        self.program.kill()
        self._publisher.settle()

    def _newest(self, effects: int) -> list[Seen]:
        return self.receiver.seen[-effects:]

    def restore(self) -> str:
        status, said = self._restore().end()
        assert status == 0, said
        return said

    def _begin_anew(self, resent: Iterable[Any]) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            until(lambda: not channel.queue_declare(INGRESS, passive=True).method.consumer_count, START_S_MAX,
                  lambda: "the dead process consumes")  # fmt: skip
            channel.queue_purge(INGRESS)
        self.program.start()
        self._publisher.send(list(resent))
        self.program.ready()

    def _drain(self) -> None:
        """All that must be told is told. The last words come after it, so that effects too many would be seen."""
        self._last_words()
        self._all_told()
        self._last_words()
        self._all_told()

    def _all_told(self) -> None:
        def told() -> bool:
            time.sleep(LOOK_AGAIN_S)
            return bool(self.receiver.trouble) or len(standing(self.receiver.seen)) >= self.shop.books.effects

        self.program.until(told, STILL_S_MAX, lambda: "effects are missing")

    def _last_words(self) -> None:
        """A message to each segment, and its text back: everything before it in its segment was told."""
        self._lasts += 1
        last, since = self.shop.last_words(self._lasts), len(self.receiver.seen)
        self._publisher.send(list(last.values()))
        self._publisher.settle()

        def heard() -> bool:
            texts = [seen.source for seen in self.receiver.seen[since:] if seen.key == "notify.sms"]
            return bool(self.receiver.trouble) or last.keys() <= {text["user_id"] for text in texts}

        self.program.until(heard, STILL_S_MAX, lambda: "the last words were not answered")

    def reckon(self, known: Mapping[int, int], epoch_lost: int) -> None:
        """`known`: the heads that were restored; `epoch_lost`: the newest under which anything was told before."""
        seen = list(self.receiver.seen)
        stands = standing(seen)
        found = differences(self.shop.books, Standing(stands, self.receiver.trouble), self.program.url)
        assert not found, f"{self.summary()}\n" + "\n".join(found[:SHOWN_MAX]) + f"\n{self.program.story()}"
        _in_order(stands)
        assert self.receiver.acted == [effect.id for effect in seen], "the five lines act once upon each id"
        lost = self._taken_back_now(seen, stands, known, epoch_lost)
        again = [effect for effect in stands if effect.epoch > epoch_lost]
        assert not (missing := _facts(lost) - _facts(again)), f"never said again: {missing}"
        assert lost, "the backup knew everything"
        self.lost += len(lost)

    def _taken_back_now(
        self, seen: list[Seen], stands: list[Seen], known: Mapping[int, int], epoch_lost: int
    ) -> list[Seen]:
        """By what the restore printed, which must be what `seq` told."""
        ids = {effect.id for effect in stands}
        by_heads = {
            effect.id for effect in seen if effect.epoch <= epoch_lost and effect.offset > known[effect.segment]
        }
        by_seq = {effect.id for effect in seen if effect.id not in ids}
        assert by_seq - self._gone == by_heads - self._gone, "seq and the printed heads disagree"
        lost = [effect for effect in seen if effect.id in by_seq - self._gone]
        self._gone |= by_seq
        return lost

    def summary(self) -> str:
        return (
            f"seed {self._seed}: {len(self.shop.sent)} messages, {self.rounds} restores,"
            f" {len(self.receiver.seen)} effects, {self.lost} taken back, {self.receiver.again} published again,"
            f" {self.receiver.jumps} jumps of seq"
        )


def _in_order(stands: Iterable[Seen]) -> None:
    """What stands has every number of its segment once, and its order is that of (epoch, offset)."""
    by_segment: dict[int, list[Seen]] = {}
    for effect in stands:
        by_segment.setdefault(effect.segment, []).append(effect)
    for segment, effects in by_segment.items():
        assert [effect.seq for effect in effects] == list(range(1, len(effects) + 1)), f"segment {segment} has holes"
        places = [(effect.epoch, effect.offset) for effect in effects]
        assert places == sorted(places), f"segment {segment} is out of order"


def _facts(effects: Iterable[Seen]) -> Counter[tuple[Any, ...]]:
    """What a receiver may compare beyond ids: all that follows from the input, so neither place, time nor balance."""
    names = (
        "event_type",
        "user_id",
        "points",
        "reason",
        "order_id",
        "source_id",
        "code",
        "referred_user_id",
        "template",
    )
    return Counter(tuple(effect.source.get(name) for name in names) for effect in effects)
