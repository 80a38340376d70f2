"""What an audit came to, as the log has it: a line in the segment's records, and an alarm when something is off.

The audit itself is no reaction: it reads a whole store and takes minutes, a reaction sees one subject. So whoever ran
it says what came of it in an entry about each segment, and from there on it is history like everything else.
"""

from __future__ import annotations

from actors.alarms import raised
from actors.points.effects import Alarm
from actors.points.messages import BooksAudited
from actors.points.records import AuditLine
from supervision.domain import Event
from supervision.envelope import rfc3339
from supervision.outputs import Output, Record


def audited(event: Event, body: BooksAudited) -> list[Output]:
    """Reaction to `points.audited`; changes nothing that the segment shares."""
    line = AuditLine(event.entry.offset, rfc3339(event.at), body.records, body.users, body.findings, body.told)
    outputs: list[Output] = [Record(line)]
    if body.findings:
        outputs.append(raised(Alarm("ledger_proof_failed", body.findings, 0)))
    return outputs
