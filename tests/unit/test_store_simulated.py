"""The simulated store's bad days: each fault does what it says, and a crash keeps what was promised."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from supervision.entry import Corrupt
from supervision.store import Batch, Fenced, FsyncFailed, Refused, Unknown
from supervision.store_simulated import Disk, Fault, SimulatedStore
from tests.opened_store import NOW, SEGMENTS, Opened, drafts, stage


class Bad:
    """A store whose next commits go as `faults` says."""

    def __init__(self) -> None:
        self.disk = Disk(SEGMENTS)
        self.faults: list[Fault] = []
        self.load_faults = 0
        self.heard: list[Batch] = []
        self.disk.on_commit = self.heard.append
        self.opened = Opened(lambda: SimulatedStore(self.disk, self._fault, self._load_fault))

    def _fault(self, _: Batch) -> Fault:
        return self.faults.pop(0) if self.faults else "ok"

    def _load_fault(self) -> bool:
        self.load_faults -= 1
        return self.load_faults >= 0

    @property
    def entries(self) -> int:
        return len(self.opened.reader.read_log(1, 0, 99, 99))


@pytest.mark.parametrize(
    ("fault", "trouble", "committed"),
    [("refused", Refused, 0), ("unknown_lost", Unknown, 0), ("unknown_committed", Unknown, 1), ("fenced", Fenced, 0)],
)
def test_a_fault_commits_or_does_not_as_its_name_says(fault: Fault, trouble: type[Exception], committed: int) -> None:
    bad = Bad()
    bad.faults = [fault]
    with pytest.raises(trouble):
        bad.opened.commit(drafts=drafts(3))
    assert bad.opened.store.commit_no() == committed
    assert bad.entries == 3 * committed and len(bad.heard) == committed
    bad.opened.store.check()


def test_after_a_failed_fsync_only_the_crash_decides() -> None:
    fates: set[str] = set()
    for seed in range(20):
        bad = Bad()
        bad.faults = ["fsync"]
        with pytest.raises(FsyncFailed):
            bad.opened.commit(drafts=drafts(3))
        assert bad.entries == 0, "readers see committed state only"
        with pytest.raises(AssertionError):
            bad.opened.commit(drafts=drafts(3))
        fate = bad.disk.crash(Random(seed))
        assert bad.entries == (3 if fate == "kept" else 0)
        bad.opened.reopen()
        bad.opened.commit(drafts=drafts(1))
        bad.opened.store.check()
        fates.add(fate)
    assert fates == {"kept", "lost", "torn"}


def test_a_crash_loses_nothing_that_was_committed() -> None:
    bad = Bad()
    bad.opened.commit(drafts=drafts(3))
    assert bad.disk.crash(Random(1)) == "nothing"
    bad.opened.reopen()
    assert bad.entries == 3 and not bad.opened.recovery.clean


def test_a_failing_load_is_refused_and_served_the_next_time() -> None:
    bad = Bad()
    bad.opened.commit(stages=[stage(0, 1, states=[("user:1", b"s")])])
    bad.load_faults = 1
    with pytest.raises(Refused):
        bad.opened.reader.snapshot(1, "points", "user:1")
    assert bad.opened.reader.snapshot(1, "points", "user:1") == (b"s", 1)


def test_a_second_owner_fences_the_first() -> None:
    bad = Bad()
    first = bad.opened.store
    SimulatedStore(bad.disk).recover(NOW)
    with pytest.raises(Fenced):
        first.commit(Batch(1, bad.opened.recovery.epoch))


def test_a_copied_disk_goes_its_own_way() -> None:
    bad = Bad()
    bad.opened.commit(drafts=drafts(3))
    twin = Opened(lambda: SimulatedStore(bad.disk.copy()))
    twin.commit(drafts=drafts(2))
    assert len(twin.reader.read_log(1, 0, 99, 99)) == 5
    assert bad.entries == 3 and len(bad.heard) == 1


def test_an_entry_whose_encoding_says_something_else_is_found() -> None:
    bad = Bad()
    bad.opened.commit(drafts=drafts(2))
    log = bad.disk.image.logs[1]
    log[1] = (msgspec.structs.replace(log[1][0], kind="other"), log[1][1])
    with pytest.raises(Corrupt):
        bad.opened.reader.read_log(1, 0, 9, 9)
