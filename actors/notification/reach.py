"""By which channels a user can be reached at all, as those who deliver have found.

A bounce says that an address is none: whatever goes there is lost, and who keeps on sending is taken for a spammer. It
is no wish of the user's, so it stands beside his consents and not among them. It is over with the first sign that the
channel works (something was delivered, opened, clicked), or when he agrees to hear from us there, since he has then
given an address. Of two facts the later holds, by the time they tell and never later than their own entry, as with
consents; between equal ones whoever is folded later.
"""

from __future__ import annotations

import msgspec


class Reached(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The newest that is known of a channel. `at` is ms since 1970 UTC."""

    at: int
    works: bool


Reach = dict[str, Reached]
"""By channel; one that nothing is known of is taken to work."""


def found(reach: Reach, channel: str, works: bool, at: int, entry_at: int) -> None:
    """A fact of `at` whose entry is of `entry_at`, in place. O(1)."""
    fact = Reached(min(at, entry_at), works)
    before = reach.get(channel)
    if before is None or fact.at >= before.at:
        reach[channel] = fact


def agreed(reach: Reach, channel: str, at: int, entry_at: int) -> None:
    """He wants to hear from us there, in place: what bounced before is over."""
    before = reach.get(channel)
    if before is not None and not before.works:
        found(reach, channel, True, at, entry_at)


def bounces(reach: Reach, channel: str) -> bool:
    """Whether what goes there is lost."""
    known = reach.get(channel)
    return known is not None and not known.works
