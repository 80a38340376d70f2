"""Bugs of the store: the engine that worlds run on stands for every engine of the same contract (tests/contract)."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

import msgspec

from simulation.bugs.bug import Bug, Method, Swap
from supervision.messages import Stage
from supervision.store_simulated import Image


def _moved_from_wherever(refuse_stage: Method) -> Method:
    def wrong(self: Any, stage: Stage, earlier: Any) -> None:
        at = (stage.segment, stage.domain)
        stored = self.checkpoints.get(at)
        upto = earlier.moved.get(at, stored.upto if stored else 0)
        refuse_stage(self, msgspec.structs.replace(stage, prev=upto, upto=max(upto, stage.upto)), earlier)

    return wrong


BUGS = (
    Bug(
        "checkpoint_not_compared",
        "The journal discards what is out of date, so the store only has to write the new checkpoint.",
        (Swap(Image, "_refuse_stage", _moved_from_wherever),),
    ),
)
