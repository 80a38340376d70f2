"""How the program ends when it is asked to, and what it says when it may not begin.

An orderly end is held to the same books as a kill: whatever was taken is counted, whatever was not comes again.
"""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.ordeal import AT_WORK, Ordeal
from tests.crash.program import STOP_S_MAX, Program, until

LOCKED = 3


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Program]:
    """A ready engine without a broker."""
    with closing(Program(tmp_path)) as program:
        program.start()
        program.ready()
        yield program


def test_sigterm_sigterm_twice_and_sigint_under_load_end_in_time_with_0_and_lose_nothing(
    ordeal: Callable[..., Ordeal],
) -> None:
    trial = ordeal(2, 100)

    def ends_by(*signals: signal.Signals) -> Callable[[], None]:
        def end() -> None:
            for number in signals:
                trial.program.signal(number)
            assert trial.program.end() == 0, trial.program.story()

        return end

    for signals in ((signal.SIGTERM,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,)):
        trial.begin()  # a signal before the first handler would simply end it, as it ends any program
        trial.live(600, ends_by(*signals), AT_WORK)
    assert trial.midway >= 2, "signals came when the work was done"
    trial.drain()
    trial.rest()


def test_a_second_process_on_the_same_folder_exits_3_names_the_holder_and_disturbs_nobody(
    alone: Program, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    second = Program(tmp_path / "second", data=alone.data)
    with closing(second):
        second.start()
        until(lambda: not second.alive, 2 * STOP_S_MAX, second.story)
        assert second.status == LOCKED, second.story()
        assert f"process {alone.pid}" in second.story()
    with urllib.request.urlopen(f"{alone.url}/readyz", timeout=10.0) as answer:
        assert answer.status == 200


def test_second_processes_that_come_again_and_again_while_the_shop_sends_change_nothing(
    ordeal: Callable[..., Ordeal], tmp_path: Path
) -> None:
    trial = ordeal(3, 100)
    (tmp_path / "second").mkdir()

    def intrude() -> None:
        with closing(Program(tmp_path / "second", data=trial.program.data)) as second:
            second.start()
            until(lambda: bool(trial.feed(20)) and not second.alive, 4 * STOP_S_MAX, second.story)
            assert second.status == LOCKED, second.story()

    trial.under(500, [intrude] * 2, (0.0, 0.2))
    trial.drain()
    trial.rest()


def test_a_folder_whose_holder_was_killed_is_free_at_once(alone: Program) -> None:
    alone.kill()
    alone.start()
    alone.ready()
    alone.stop()


def test_sigterm_again_and_again_until_the_very_end_changes_nothing(alone: Program) -> None:
    def asked_again() -> bool:
        if alone.alive:
            alone.signal(signal.SIGTERM)
        return not alone.alive

    until(asked_again, STOP_S_MAX, alone.story)
    assert alone.end() == 0, alone.story()
