"""What is counted of entries as they become visible, whichever domain emitted them: alarms and refusals.

Here and not in the cells, since a batch may be folded again after a crash and an operator's numbers should not say that
it was refused twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from supervision.counters import Counters
from supervision.engine_events import ALARM
from supervision.entry import Entry

REFUSED = ".refused"
"""How the kind of a refusal ends, in every domain."""


def count_loud(entries: Sequence[Entry], counters: Counters) -> None:
    """O(entries), a comparison for most."""
    for entry in entries:
        if entry.seq and entry.kind.endswith(REFUSED):
            counters.count("refusals", kind=entry.kind)
        elif entry.kind == ALARM:
            counters.count("alarms", alarm=entry.route.rpartition(".")[2])
