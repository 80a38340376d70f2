"""A disk that fills up closes the doors before it is full, and opens them when there is room again."""

from __future__ import annotations

from tests.engine_world import Do, World


def test_a_disk_that_is_nearly_full_closes_the_doors_and_what_was_taken_is_worked_off() -> None:
    world = World()
    journal = world.engine.the_journal
    assert journal is not None
    journal._free_bytes = lambda: 1_000
    world.settle()
    (reason,) = world.engine.pressure.reasons()
    assert reason == "1000 bytes left on the disk, limit 536870912"
    world.append(Do(add=5))
    world.settle()
    assert world.total() == 5
    assert world.kinds().count("toy.said") == 1, "what actors emit is never held back"
    journal._free_bytes = lambda: 1 << 40
    world.settle()
    assert world.engine.pressure.reasons() == ()
