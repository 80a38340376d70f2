"""How a run's tests are dealt to processes when there are several (`pytest -n 2`, as `make test` does).

Half of the time of the tests that need a broker is waiting: for a node to start, a killed engine to come back, a delay
to end. So these are one piece, which one worker does from beginning to end while the others reckon. Thereby one
RabbitMQ serves the whole run, and no two tests that stop engines by the clock run beside each other. All else is dealt
file by file, so that what the tests of a file share is made once.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

SERVED = ("broker", "crash")
"""Folders below tests/ whose tests need a broker."""


class Dealing(LoadFileScheduling):
    """In the order in which the tests were collected, not the largest files first."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        served = nodeid.startswith(tuple(f"tests/{suite}/" for suite in SERVED))
        return "served" if served else super()._split_scope(nodeid)
