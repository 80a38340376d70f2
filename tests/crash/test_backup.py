"""A backup of the running engine, the engine lost, the backup restored, the input sent again: on the real program.

The promise under test: the books agree as if nothing had been lost, and a receiver can say of everything it ever heard
whether it still stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.crash.restoration import Restoration

Make = Callable[[int, int], Restoration]


@pytest.fixture
def restoration(broker: str, tmp_path: Path) -> Iterator[Make]:
    """Makes one of (seed, users); ended with the test."""
    with ExitStack() as stack:
        yield lambda seed, users: stack.enter_context(closing(Restoration(broker, tmp_path, seed, users)))


def test_after_a_restore_and_a_resend_the_books_agree_and_the_receiver_knows_what_still_stands(
    restoration: Make,
) -> None:
    story = restoration(1, 100)
    story.round_(events=600)
    assert story.receiver.jumps
    print(story.summary())


@pytest.mark.long
@pytest.mark.parametrize("seed", [21, 22])
def test_four_restores_one_after_another_and_killed_backups_and_restores_lose_nothing(
    restoration: Make, seed: int
) -> None:
    story = restoration(seed, 400)
    for _ in range(4):
        story.round_(events=2_500, clumsy=3)
    assert story.receiver.jumps >= story.rounds
    print(story.summary())
