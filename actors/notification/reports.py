"""What those who deliver report of a message: that it arrived, bounced, was opened, and so on, each once.

A report names its message by the id of the effect `notify.<channel>`, which is the effect's place, or by the reference
that the effect carried. The engine keeps no list of what it has sent, since a text of a fact leaves nothing behind; but
a place says by itself whether it can be this user's: it is of his segment and before the report. What cannot be is
refused with a reason, `report.refused`, and forgotten: providers report what others had them send, too. A reference is
its asker's matter, and believed.

The same status of the same message, under whatever id it comes, is one report: it uses up a business key. Providers
send what they have until they are sure that it was heard, and a mail is opened as often as its reader likes.

What a user wishes (no more of it, or that it is spam) is heard whatever message he said it of: a wish that is refused
because of a wrong id would still be his.
"""

from __future__ import annotations

import re

from actors.notification.messages import DeliveryReport, Status
from supervision.entry import Entry
from supervision.outputs import business_key

WISHES: frozenset[Status] = frozenset(("unsubscribed", "complained"))
"""They withdraw his consent to the channel."""
WORKS: frozenset[Status] = frozenset(("delivered", "opened", "clicked"))
"""They show that the channel reaches him."""

_PLACE = re.compile(r"([0-9]{1,9})\.([0-9]{1,18})\.([0-9]{1,18})")


def key(report: DeliveryReport) -> bytes:
    """What one report of this status, of this message of this user, uses up."""
    named = ("id", report.message_id) if report.message_id else ("reference", report.reference or "")
    return business_key("delivery-report", report.user_id, *named, report.status)


def may_be_ours(report: DeliveryReport, entry: Entry) -> bool:
    """Whether there can be such a message; `entry` is the report's own. Epochs of before a restore may have reached
    further than the log does now.
    """
    if report.message_id is None or report.status in WISHES:
        return True
    place = _PLACE.fullmatch(report.message_id)
    if place is None:
        return False
    segment, epoch, offset = map(int, place.groups())
    return segment == entry.segment and (epoch < entry.epoch or (epoch == entry.epoch and offset < entry.offset))
