"""Alarms: order, cancelling, and a heap that does not fill with cancelled ones."""

from __future__ import annotations

from supervision.alarms import SWEEP_ALARMS_MIN, Alarms
from tests.cells import Recorder


def test_due_alarms_come_in_order_of_their_time_then_of_their_setting() -> None:
    alarms, to = Alarms(), Recorder()
    for due_s, message in ((2.0, "c"), (1.0, "a"), (1.0, "b"), (3.0, "later")):
        alarms.set(due_s, to, message)
    assert [alarm.message for alarm in alarms.take_due(2.0)] == ["a", "b", "c"]
    assert alarms.next_due_s() == 3.0


def test_a_cancelled_alarm_is_not_taken_and_cancelling_twice_is_nothing() -> None:
    alarms, to = Alarms(), Recorder()
    first = alarms.set(1.0, to, "a")
    alarms.set(2.0, to, "b")
    first.cancel()
    first.cancel()
    assert alarms.next_due_s() == 2.0
    assert [alarm.message for alarm in alarms.take_due(5.0)] == ["b"]


def test_cancelled_alarms_do_not_pile_up() -> None:
    alarms, to = Alarms(), Recorder()
    for n in range(10_000):
        alarms.set(1e6 + n, to, n).cancel()
    assert len(alarms) <= 2 * SWEEP_ALARMS_MIN + 2


def test_alarms_of_dead_addresses_can_be_forgotten() -> None:
    alarms, dead, living = Alarms(), Recorder(), Recorder()
    alarms.set(1.0, dead, "a")
    alarms.set(2.0, living, "b")
    alarms.keep(lambda to: to is living)
    assert [alarm.message for alarm in alarms.waiting()] == ["b"]
