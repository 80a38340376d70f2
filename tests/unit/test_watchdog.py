"""The watchdog names the entry that a cell is at for too long, and nothing that only comes after many others."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from supervision.entry import segment_of
from supervision.watchdog import LOOK_S, REACTION_S_MAX
from supervision.witness import Mark
from tests.engine_world import SEGMENTS, Toy, World

HOME = segment_of("user:1", SEGMENTS)
LOOKS = 8


@pytest.fixture
def world() -> World:
    return World(Toy())


def mark_of(world: World) -> Mark:
    return world.engine.attempts[HOME, "toy"].mark


def looked(world: World, times: int = 1) -> list[dict[str, Any]]:
    """What the watchdog has said after so many looks."""
    with capture_logs() as lines:
        world.settle(LOOK_S * times)
    return [
        {key: line[key] for key in ("segment", "domain", "offset", "entries", "row", "seconds")}
        for line in lines
        if line["event"] == "a reaction takes too long"
    ]


def test_the_entry_a_cell_is_at_is_named_once_and_not_the_batchs_first(world: World) -> None:
    mark_of(world).at(5, 9)
    assert looked(world) == []
    mark_of(world).at(8)
    [named] = looked(world, LOOKS)
    assert named.pop("seconds") >= REACTION_S_MAX
    assert named == {"segment": HOME, "domain": "toy", "offset": 8, "entries": 1, "row": 0}
    assert world.tally.counted("reactions_slow", domain="toy") == 1


def test_a_long_batch_of_quick_reactions_names_nobody(world: World) -> None:
    for offset in range(1, LOOKS):
        mark_of(world).at(offset)
        assert looked(world) == []
    mark_of(world).clear()
    assert looked(world, LOOKS) == []


def test_several_entries_that_are_loaded_or_written_for_too_long_are_named_together(world: World) -> None:
    mark_of(world).at(5, 9)
    [named] = looked(world, LOOKS)
    assert (named["offset"], named["entries"]) == (5, 9)


def test_a_retry_that_takes_too_long_is_named_with_the_row_it_is_at(world: World) -> None:
    mark_of(world).retrying(7, 2)
    looked(world)
    mark_of(world).retrying(7, 3)
    [named] = looked(world, LOOKS)
    assert (named["offset"], named["row"]) == (7, 3)


def test_one_that_is_slow_once_more_is_named_once_more(world: World) -> None:
    for _ in range(2):
        mark_of(world).at(8)
        assert len(looked(world, LOOKS)) == 1
        mark_of(world).clear()
        looked(world)
