"""What the notification domain writes down: a line for each decision on a message, kept as long as lines of what users
did. Field names are only added to, never renamed; what does not apply is left out.
"""

from __future__ import annotations

from typing import Literal

from actors.notification.messages import Asker, Channel, SendNotification, said_again
from supervision.domain import Event
from supervision.envelope import rfc3339

Word = Literal["sent", "held", "suppressed", "refused"]


class MessageLine(Asker, frozen=True, gc=False, omit_defaults=True):
    """A record of a user. `at` is when it was decided, `entry` the place of what was decided on. `reason` is why it did
    not go (at once), `until` how long it waits. `template_version`: of what was sent, empty for the engine's own.
    """

    at: str
    message: Word
    template: str
    channel: Channel
    entry: str
    reason: str = ""
    until: str = ""
    template_version: str = ""


def line(
    asked: SendNotification, word: Word, event: Event, reason: str = "", until: str = "", version: str = ""
) -> MessageLine:
    """That `word` was decided of `asked` in reaction to `event`; `version`: of the template that was sent."""
    return MessageLine(
        rfc3339(event.at), word, asked.template, asked.channel, event.place, reason, until, version, **said_again(asked)
    )
