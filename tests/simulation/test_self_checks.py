"""What a door finds wrong with itself ends its world, at the step after which it was so."""

from __future__ import annotations

import pytest

from simulation.world import World, quiet_logs
from topology.intake import Intake
from topology.outflow import Outflow


@pytest.mark.parametrize("core", [Intake, Outflow])
def test_a_door_that_contradicts_itself_after_a_message_is_a_finding(
    core: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: object) -> None:
        raise AssertionError("the books do not add up")

    quiet_logs()
    monkeypatch.setattr(core, "check", broken)
    violation = World(0).run().violation
    assert violation.startswith("crash") and "the books do not add up" in violation
