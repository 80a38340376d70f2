"""What the notification domain knows of one user: what he bought lately, what he agreed to, when he likes to hear of
us, what he was sent lately, what waits for him, and which channels reach him.

Each part has its own arithmetic (bought.py, consent.py, slots.py, held.py, reach.py); here they are one state with one
number of its format. Of his profile it keeps the two facts that decide when a message may go. It hears of them from the
log, as the profile's domain does: asking that for them would be asking at another moment than the message's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.notification import bought, consent, held
from actors.notification.bought import Bought
from actors.notification.consent import Consents
from actors.notification.held import Queue
from actors.notification.locales import normal
from actors.notification.reach import Reach
from actors.profile.known import LOCALE, ZONE
from actors.profile.messages import ProfileUpdate
from actors.windows import slots
from actors.windows.slots import Slots
from supervision.forms import thawing

FORMAT = 4
"""Of the stored state. Format 1 was what he bought, with the number in front; 2 knew no language, 3 no reports."""
PREFERRED_HOUR = "preferred_hour"
"""The fact of a profile: an hour of the wall's clock, 0 to 23; anything else is no preference."""


class Recipient(msgspec.Struct, array_like=True, gc=False):
    """The state of one user. `zone` is empty while nobody has told it. `wake_at`: when the timer of what waits is due,
    ms; 0: there is none. `locale` is in normal form, and empty while nobody has told it.
    """

    format: int = FORMAT
    bought: Bought = msgspec.field(default_factory=Bought)
    consents: Consents = msgspec.field(default_factory=Consents)
    slots: Slots = msgspec.field(default_factory=Slots)
    queue: Queue = msgspec.field(default_factory=Queue)
    zone: str = ""
    preferred: int | None = None
    wake_at: int = 0
    locale: str = ""
    reach: Reach = {}


_CONCERN = {ZONE, LOCALE, PREFERRED_HOUR}
_decode = msgspec.msgpack.Decoder(Recipient).decode


def learn(recipient: Recipient, update: ProfileUpdate) -> None:
    """Of an update, what concerns messages, in place."""
    if not update.profile_changes.keys() & _CONCERN:
        return
    changes = update.changes()
    recipient.zone = changes.get(ZONE, recipient.zone) or ""
    if LOCALE in changes:
        recipient.locale = normal(changes[LOCALE] or "")
    if PREFERRED_HOUR in changes:
        hour = changes[PREFERRED_HOUR]
        recipient.preferred = hour if type(hour) is int and 0 <= hour <= 23 else None


def upgrade(fields: list[Any]) -> Recipient:
    """The state whose fields, as they were stored, are `fields`. Raises ValueError for what no version wrote."""
    match fields[0]:
        case 1:
            return Recipient(bought=msgspec.convert(fields[1:], Bought))
        case 2 | 3:
            return _decode(msgspec.msgpack.encode([FORMAT, *fields[1:]]))
        case other:
            raise ValueError(f"nothing was ever remembered of a user in format {other}")


read = thawing(Recipient, FORMAT, upgrade)
"""The stored state."""


def check(recipient: Recipient) -> None:
    """Raise AssertionError unless all parts are sound and a timer is set when something waits."""
    assert recipient.format == FORMAT
    bought.check(recipient.bought)
    consent.check(recipient.consents)
    slots.check(recipient.slots)
    held.check(recipient.queue)
    assert recipient.locale == normal(recipient.locale)
    assert recipient.preferred is None or 0 <= recipient.preferred <= 23
    assert bool(recipient.wake_at) == bool(recipient.queue.held), "a timer without a message, or the other way round"
