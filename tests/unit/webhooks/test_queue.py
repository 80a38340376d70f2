"""Whose turn it is."""

from __future__ import annotations

from topology.webhooks.queue import Queue


def test_the_one_that_is_due_soonest_goes_first_and_no_more_than_there_are_places() -> None:
    queue = Queue(2)
    for number, due in enumerate((30, 10, 20, 99)):
        queue.add((0, number), due)
    assert list(queue.due(50)) == [(0, 1), (0, 2)]
    assert list(queue.due(50)) == []
    queue.ended((0, 1))
    queue.check()
    assert list(queue.due(50)) == [(0, 0)] and len(queue) == 3
    queue.ended((0, 2))
    assert list(queue.due(98)) == [] and list(queue.due(99)) == [(0, 3)]


def test_a_pause_holds_everybody_and_a_shorter_one_does_not_end_it() -> None:
    queue = Queue(1)
    queue.add((0, 0), 10)
    queue.pause(100)
    queue.pause(50)
    assert list(queue.due(99)) == [] and list(queue.due(100)) == [(0, 0)]
