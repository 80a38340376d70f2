"""Which crashes a world meant, who may be given up, and the order on the wire: the checkers' own tests."""

from __future__ import annotations

import pytest

from simulation.crashes import Crashes, Simulated, Violation
from simulation.wire import Wire
from supervision.attempts import ReactionFailed
from supervision.clock import VirtualClock
from supervision.messages import ParkedRow, Stage
from supervision.store import Batch, Fenced, FsyncFailed, Refused
from supervision.supervisor import Escalated
from topology.ports import Outgoing, Props


class SimulatedHook(Simulated):
    """Raised outside of any reaction."""


def judged(*errors: BaseException) -> Crashes:
    crashes = Crashes(VirtualClock(0))
    for error in errors:
        crashes.judge("p1/segments/00/points", error)
    return crashes


def test_a_crash_that_the_seed_or_the_store_explains_is_no_violation() -> None:
    failed = ReactionFailed(7, "Simulated: a reaction raises at raising:12")
    judged(failed, SimulatedHook("now"), FsyncFailed("no")).check()


@pytest.mark.parametrize(
    "error", [AssertionError("a hole"), Refused("full"), Fenced("another owner"), ReactionFailed(7, "KeyError: 1")]
)
def test_a_crash_that_nothing_explains_is_a_violation_that_says_where(error: BaseException) -> None:
    with pytest.raises(Violation, match=r"^crash: p1/segments/00/points: "):
        judged(error).check()


def test_a_violation_met_inside_a_cell_is_found_though_the_cell_is_mended() -> None:
    with pytest.raises(Violation, match=r"^invariant 3: twice$"):
        judged(FsyncFailed("no"), Violation("invariant 3: twice"), AssertionError("a consequence")).check()


def test_an_entry_that_is_tried_for_ever_is_a_violation() -> None:
    failed = ReactionFailed(7, "Simulated: a reaction raises at raising:12")
    judged(*[failed] * 3).check()
    with pytest.raises(Violation, match=r"^attempts: p1/segments/00/points has tried entry 7 "):
        judged(*[failed] * 40).check()


def test_an_entry_that_kills_the_process_for_ever_is_a_violation() -> None:
    crashes, cell = Crashes(VirtualClock(0)), (0, "points")
    for place in ("00.1.7", "00.1.7", "00.1.5", *["00.1.7"] * 3, "", "00.1.7"):
        crashes.killed(cell, place)
    crashes.check()
    for _ in range(3):
        crashes.killed(cell, "00.1.7")
    with pytest.raises(Violation, match=r"^attempts: the process has died 4 times of points's 00\.1\.7"):
        crashes.check()


def parked_after(*waits_s: float) -> Crashes:
    clock = VirtualClock(0)
    crashes = Crashes(clock)
    for wait_s in waits_s:
        clock.advance(wait_s)
        crashes.judge("p1/segments/00/points", SimulatedHook("again"))
    row = ParkedRow(0, "points", "*", 9, "SimulatedHook: again", 0, 0)
    crashes.committed(Batch(1, 1, stages=[Stage(0, "points", 7, 3, 3, parked=[row])]), "p1/")
    return crashes


def test_a_domain_is_given_up_after_six_crashes_within_its_period_and_not_for_six_that_lie_apart() -> None:
    parked_after(*[2.0] * 6).check()
    with pytest.raises(Violation, match=r"^budget: "):
        parked_after(*[12.0] * 6).check()
    with pytest.raises(Violation, match=r"^budget: "):
        parked_after(*[2.0] * 5).check()


def test_the_root_may_die_of_one_crash_and_a_branch_may_not() -> None:
    crashes = judged()
    crashes.judge("p1/root", Escalated("journal used up its restarts: FsyncFailed: no"))
    crashes.check()
    crashes.judge("p1/doors", Escalated("relay used up its restarts: SimulatedHook: no"))
    with pytest.raises(Violation, match=r"^budget: p1/doors/relay "):
        crashes.check()


def written(*seqs: int) -> None:
    wire = Wire()
    for seq in seqs:
        wire.written(Outgoing("marketing.effects", "k", b"", Props(headers={"segment": "0", "seq": seq})))


def test_the_relay_may_go_back_and_on_again_but_never_leave_out() -> None:
    written(1, 2, 3, 2, 3, 4, 1, 2)
    with pytest.raises(Violation, match=r"^wire: segment 0 writes seq 4 after 2$"):
        written(1, 2, 3, 2, 4)
