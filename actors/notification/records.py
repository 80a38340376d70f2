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
    not go (at once), `until` how long it waits.
    """

    at: str
    message: Word
    template: str
    channel: Channel
    entry: str
    reason: str = ""
    until: str = ""


def line(asked: SendNotification, word: Word, event: Event, reason: str = "", until: str = "") -> MessageLine:
    """That `word` was decided of `asked` in reaction to `event`."""
    return MessageLine(
        rfc3339(event.at), word, asked.template, asked.channel, event.place, reason, until, **said_again(asked)
    )
