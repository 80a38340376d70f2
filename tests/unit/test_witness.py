"""Entries that end the process: whoever it was is found by what outlives the process, and nobody else is blamed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervision.attempts import ATTEMPTS_MAX, DIED, PARKS_PER_HOUR_MAX
from supervision.entry import segment_of
from supervision.store_simulated import SimulatedReader
from supervision.witness import OFFSET_MAX, ONE_BY_ONE_DEATHS, SPAN_MAX, MemoryWitness, Suspect, Suspects
from supervision.witness_file import WITNESS_FILE, FileWitness
from tests.engine_world import SEGMENTS, Do, Skipper, Toy, World

HOME = segment_of("user:1", SEGMENTS)
CELL = (0, "points")
OTHER = (1, "points")
DEADLY = 666
LIVES_MAX = 12


class Killed(BaseException):
    """The process is gone in the middle of something."""


class Deadly:
    """A world whose process dies whenever `hook` of its toy comes to an entry that adds DEADLY (of user:1)."""

    def __init__(self, hook: Callable[[Deadly], None], toy: Toy | None = None) -> None:
        self.toy = toy or Toy()
        self.deaths = 0
        self.armed = True
        hook(self)
        self.world = World(self.toy)

    def die(self) -> None:
        self.world.runtime.kill()
        self.world.disk.witness.died()
        raise Killed

    def in_reaction(self) -> None:
        react = self.toy.react

        def deadly(state: Any, event: Any) -> Any:
            if self.armed and getattr(event.body, "add", 0) == DEADLY:
                self.die()
            return react(state, event)

        self.toy.react = deadly  # type: ignore[method-assign]

    def in_encoding(self) -> None:
        check = self.toy.check

        def deadly(state: Any) -> None:
            if self.armed and state.total >= DEADLY:
                self.die()
            check(state)

        self.toy.check = deadly  # type: ignore[method-assign]

    def in_loading(self) -> None:
        fresh = self.toy.fresh

        def deadly(subject: str) -> Any:
            if self.armed and subject == "user:1":
                self.die()
            return fresh(subject)

        self.toy.fresh = deadly  # type: ignore[method-assign]

    def live(self) -> None:
        """Start again after each death, until everything is folded."""
        for _ in range(LIVES_MAX):
            self.world.settle(8)
            if self.world.checkpoint(HOME, self.toy.name) == self.world.store.image.heads[HOME].offset:
                return
            self.deaths += 1
            self.world.restart()
        pytest.fail(f"still dying after {LIVES_MAX} lives")


def test_an_entry_that_kills_the_process_is_set_aside_after_three_deaths_and_nobody_else() -> None:
    deadly = Deadly(Deadly.in_reaction)
    world = deadly.world
    world.append(("user:3", Do(add=1)), Do(add=1), Do(add=DEADLY), ("user:3", Do(add=2)), Do(add=5))
    deadly.live()
    assert deadly.deaths == ATTEMPTS_MAX
    ill, waiting = world.parked()
    assert ill == ("user:1", 3, ATTEMPTS_MAX) and waiting[:2] == ("user:1", 5)
    assert world.total() == 1 and world.total("user:3") == 3


@pytest.mark.parametrize("where", [Deadly.in_loading, Deadly.in_encoding])
def test_a_batch_that_kills_the_process_is_taken_one_by_one_until_the_entry_is_found(
    where: Callable[[Deadly], None],
) -> None:
    deadly = Deadly(where, Skipper())
    world = deadly.world
    world.append(
        *[(f"user:{n}", Do(add=1)) for n in (3, 5)], Do(add=DEADLY), *[(f"user:{n}", Do(add=2)) for n in (3, 7)]
    )
    deadly.live()
    assert deadly.deaths <= ONE_BY_ONE_DEATHS + ATTEMPTS_MAX
    assert [(row[0], row[2]) for row in world.parked()] == [("user:1", ATTEMPTS_MAX)]
    assert world.total("user:3", "skipper") == 3


def test_two_entries_that_kill_the_process_are_both_set_aside() -> None:
    deadly = Deadly(Deadly.in_reaction, Skipper())
    world = deadly.world
    world.append(Do(add=DEADLY), ("user:3", Do(add=1)), Do(add=DEADLY), Do(add=2))
    deadly.live()
    assert deadly.deaths == 2 * ATTEMPTS_MAX
    assert [row[1] for row in world.parked()] == [1, 3]
    assert world.total(domain="skipper") == 2


def test_a_domain_that_kills_with_every_entry_is_parked_as_a_whole() -> None:
    deadly = Deadly(Deadly.in_reaction, Skipper())
    deadly.world.append(*[Do(add=DEADLY)] * (PARKS_PER_HOUR_MAX + 5))
    for _ in range(ATTEMPTS_MAX * (PARKS_PER_HOUR_MAX + 2)):
        deadly.world.settle(8)
        if any(row[0] == "*" for row in deadly.world.parked()):
            break
        deadly.world.restart()
    parked = deadly.world.parked()
    assert [row[0] for row in parked].count("*") == 1 and len(parked) == PARKS_PER_HOUR_MAX + 2


def test_kills_from_outside_between_reactions_make_nobody_a_suspect() -> None:
    world = World()
    for n in range(3 * ATTEMPTS_MAX):
        world.append(Do(add=1))
        world.runtime.run_until(lambda: False, n)  # so many steps, wherever that leaves it
        world.restart()
        assert all(attempts.poison(0) is None for attempts in world.engine.attempts.values())
    world.settle()
    assert world.parked() == []


def test_an_entry_that_killed_once_and_then_is_well_is_folded_and_forgotten() -> None:
    deadly = Deadly(Deadly.in_reaction)
    world = deadly.world
    world.append(Do(add=1), Do(add=DEADLY))
    world.settle()
    world.restart()
    assert world.engine.attempts[HOME, "toy"].poison(0) == 2
    deadly.armed = False
    world.settle()
    assert world.total() == DEADLY + 1
    world.restart()
    assert world.engine.attempts[HOME, "toy"].poison(0) is None, "the witness has forgotten it, too"


def test_a_retry_that_kills_the_process_fails_like_one_that_raises() -> None:
    deadly = Deadly(Deadly.in_reaction)
    world = deadly.world
    world.append(Do(add=DEADLY), Do(add=1))
    deadly.live()
    deadly.deaths = 0
    world.decide("engine.retry", "user:1")
    world.append(("user:3", Do(add=2)))
    deadly.live()
    assert deadly.deaths == ATTEMPTS_MAX
    assert [row[:2] for row in world.parked()] == [("user:1", 1), ("user:1", 2)]
    assert world.kinds().count("engine.decided") == 1 and world.kinds().count("engine.retry") == 1
    assert world.total("user:3") == 2, "the domain goes on"
    deadly.armed = False
    world.decide("engine.retry", "user:1")
    world.settle()
    assert world.total() == DEADLY + 1 and world.parked() == []


def test_a_retry_that_kills_at_a_later_row_folds_those_before_it_and_leaves_that_one_parked() -> None:
    deadly = Deadly(Deadly.in_reaction)
    world = deadly.world
    world.append(Do(add=10, fail=3), Do(add=100), Do(add=DEADLY), Do(add=1000))
    world.settle()
    assert len(world.parked()) == 4
    world.decide("engine.retry", "user:1")
    deadly.live()
    assert deadly.deaths == ATTEMPTS_MAX and world.total() == 110
    assert world.parked() == [("user:1", 3, 1), ("user:1", 4, 0)]
    row = world.store.image.parked[HOME, "toy", "user:1", 3]
    assert row.reason == DIED and world.kinds().count("engine.decided") == 1
    deadly.deaths = 0
    world.decide("engine.retry", "user:1")
    deadly.live()
    assert deadly.deaths == ATTEMPTS_MAX, "a retry is a new chance"
    deadly.armed = False
    world.decide("engine.retry", "user:1")
    world.settle()
    assert world.total() == 1110 + DEADLY and world.parked() == []


@pytest.mark.parametrize("hook", ["load", "subjects_after"])
def test_kills_from_outside_while_the_store_is_read_set_nobody_aside(
    monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    deadly = Deadly(lambda _: None)
    world, read = deadly.world, getattr(SimulatedReader, hook)
    world.append(("user:3", Do(add=10, fail=3)))
    world.settle()

    def struck(reader: SimulatedReader, *rest: Any) -> Any:
        if deadly.armed:
            deadly.deaths += 1
            deadly.die()
        return read(reader, *rest)

    monkeypatch.setattr(SimulatedReader, hook, struck)
    world.append(Do(add=1), Do(add=2), Do(page_after=""), Do(add=4))
    world.decide("engine.retry", "user:3")
    for _ in range(ONE_BY_ONE_DEATHS + 2 * ATTEMPTS_MAX):
        world.settle(8)
        world.restart()
    assert deadly.deaths >= ONE_BY_ONE_DEATHS + 2 * ATTEMPTS_MAX
    deadly.armed = False
    world.settle()
    assert world.total() == 7 and world.total("user:3") == 10 and world.parked() == []


def lives(*ats: tuple[int, ...] | None) -> Suspects:
    """Who is suspected after lives that died at these (offset, span, row of a retry), in order; None: at nothing."""
    witness = MemoryWitness()
    for at in ats:
        mark = witness.begin([CELL])[CELL].mark
        match at:
            case (offset, span):
                mark.at(offset, span)
            case (offset, 1, row):
                mark.retrying(offset, row)
            case _:
                assert at is None
    return witness.begin([CELL])[CELL].suspects


def test_deaths_at_the_same_entry_are_counted_and_one_elsewhere_begins_anew() -> None:
    assert lives(None) == Suspects()
    assert lives((5, 1), (5, 1), (5, 1)).one == Suspect(5, 1, 3)
    assert lives((5, 1), (5, 1), (6, 1)).one == Suspect(6, 1, 1)
    assert lives((5, 1), None, (5, 1)).one == Suspect(5, 1, 2), "another's death acquits nobody"


def test_deaths_over_several_entries_are_counted_apart() -> None:
    assert lives((5, 9), (5, 9), (5, 1)) == Suspects(Suspect(5, 1, 1), Suspect(5, 9, 2))
    assert lives((8, 1), (5, 3), (8, 1), (5, 3)) == Suspects(Suspect(8, 1, 2), Suspect(5, 3, 2)), "in turns"
    assert lives((5, 9), (5, 200)).several == Suspect(5, 200, 2)
    assert lives((5, SPAN_MAX + 1)).several == Suspect(5, SPAN_MAX, 1)


def test_the_row_of_a_retry_at_which_the_last_death_was_is_known_beside_the_retry() -> None:
    assert lives((9, 1, 3), (9, 1, 4)).one == Suspect(9, 1, 2, 4)
    assert lives((9, 1, 3), None).one == Suspect(9, 1, 1, 3)
    assert lives((9, 1, 3), (8, 1)).one == Suspect(8, 1, 1)
    assert lives((OFFSET_MAX, 1, SPAN_MAX + 1)).one == Suspect(OFFSET_MAX, 1, 1, SPAN_MAX)


def test_a_mark_that_was_cleared_says_nothing() -> None:
    witness = MemoryWitness()
    mark = witness.begin([CELL])[CELL].mark
    mark.at(5)
    mark.clear()
    assert witness.begin([CELL])[CELL].suspects == Suspects()


DIES = """
import os, signal, sys
from pathlib import Path
from supervision.entry import segment_of
from supervision.witness_file import FileWitness
stands = FileWitness(Path(sys.argv[1])).begin([(0, "points"), (1, "points")])
stands[0, "points"].mark.at(41)
stands[0, "points"].mark.clear()
stands[1, "points"].mark.at(2**40, 7)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_was_at_stands_in_the_file(tmp_path: Path) -> None:
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)
        assert ended.returncode == -signal.SIGKILL
    stands = FileWitness(tmp_path).begin([OTHER, CELL, (2, "points")])
    assert stands[OTHER].suspects == Suspects(None, Suspect(2**40, 7, 2))
    assert stands[CELL].suspects == stands[2, "points"].suspects == Suspects()


def test_a_file_that_makes_no_sense_is_nobodys_guilt_and_is_written_anew(tmp_path: Path) -> None:
    for data in (b"", b"\xff" * 64, b"\x02" + b"\x00" * 7 + b"[]", b"\x00" * 5):
        (tmp_path / WITNESS_FILE).write_bytes(data)
        assert FileWitness(tmp_path).begin([CELL])[CELL].suspects == Suspects()
    FileWitness(tmp_path).begin([CELL])[CELL].mark.at(3)
    assert FileWitness(tmp_path).begin([CELL])[CELL].suspects == Suspects(Suspect(3, 1, 1))


def test_an_engine_whose_witness_cannot_be_written_does_without(tmp_path: Path) -> None:
    (tmp_path / WITNESS_FILE).with_suffix(".part").mkdir()
    stand = FileWitness(tmp_path).begin([CELL])[CELL]
    stand.mark.at(3)
    assert FileWitness(tmp_path).begin([CELL])[CELL].suspects == Suspects()


def test_words_that_mean_nothing_are_nobodys_guilt(tmp_path: Path) -> None:
    FileWitness(tmp_path).begin([CELL, OTHER])
    file = tmp_path / WITNESS_FILE
    data = file.read_bytes()
    file.write_bytes(data[:-48] + b"\xff" * 24 + (5 << 10).to_bytes(8, "little") + bytes(16))
    stands = FileWitness(tmp_path).begin([CELL, OTHER])
    assert stands[CELL].suspects == Suspects() and stands[OTHER].suspects.one is None


def test_on_a_full_disk_what_was_known_still_counts(tmp_path: Path) -> None:
    FileWitness(tmp_path).begin([CELL])[CELL].mark.at(3)
    (tmp_path / WITNESS_FILE).with_suffix(".part").mkdir()
    assert FileWitness(tmp_path).begin([CELL])[CELL].suspects == Suspects(Suspect(3, 1, 1))
