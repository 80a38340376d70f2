"""What the notification domain writes down: a line for each decision on a message and for each report of what became
of it, kept as long as lines of what users did. Field names are only added to, never renamed; what does not apply is
left out.
"""

from __future__ import annotations

from typing import Literal

from actors.notification.messages import Asker, Channel, DeliveryReport, SendNotification, Status, said_again
from supervision.domain import Event
from supervision.envelope import rfc3339

Decision = Literal["sent", "held", "suppressed", "refused"]


class MessageLine(Asker, frozen=True, gc=False, omit_defaults=True):
    """A record of a user. `at` is when it was decided, `entry` the place of what was decided on. `reason` is why it did
    not go (at once), `until` how long it waits. `template_version`: of what was sent, empty for the engine's own. Of a
    report: when it was heard, its status and reason, and the message as it names it; it knows no template.
    """

    at: str
    message: Decision | Status
    template: str
    channel: Channel
    entry: str
    reason: str = ""
    until: str = ""
    template_version: str = ""
    message_id: str = ""


def line(
    asked: SendNotification, word: Decision, event: Event, reason: str = "", until: str = "", version: str = ""
) -> MessageLine:
    """That `word` was decided of `asked` in reaction to `event`; `version`: of the template that was sent."""
    return MessageLine(
        rfc3339(event.at), word, asked.template, asked.channel, event.place, reason, until, version, **said_again(asked)
    )


def reported(report: DeliveryReport, event: Event) -> MessageLine:
    """That `report` was heard by `event`."""
    return MessageLine(
        rfc3339(event.at), report.status, "", report.channel, event.place, report.reason or "",
        message_id=report.message_id or "", reference=report.reference or "",
    )  # fmt: skip
