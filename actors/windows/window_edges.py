"""Where windows begin and end, for those who count in them: campaigns' counters and limits alike.

Three questions, each answered by the calendar alone. `leaves` looks from an event forward: when will it no longer be
counted? `begins` looks back from now. Both say the same: an event of `at` is in the window at `now` exactly when
`begins(window, now) <= at <= now < leaves(window, at)`.

`kept_from` is for those who keep events and may be asked about them in another zone later: a user moves, a campaign is
edited. At one moment the walls of the world show dates that are up to ZONES_APART_MS apart, so what that zone's window
holds may reach back further than this one's: a day begins again, on the first of a month the old month comes back.
"""

from __future__ import annotations

from datetime import timedelta

from actors.calendar import HOUR_MS, calendar
from actors.fields import LAST_MS
from actors.windows.window_spec import Calendar, Days, Ever, Rolling, WindowSpec

NEVER = LAST_MS
"""A moment that does not come."""
ZONES_APART_MS = 26 * HOUR_MS
"""From UTC+14 to UTC-12."""


def leaves(window: WindowSpec, at: int) -> int:
    """The first moment at which an event of `at` is no longer in the window. O(1)."""
    match window:
        case Rolling():
            return at + window.ms
        case Days():
            zone = calendar(window.zone)
            return zone.begins(zone.day(at) + timedelta(days=window.n))
        case Calendar():
            return calendar(window.zone).period(window.unit, at)[1]
        case Ever():
            return NEVER


def begins(window: WindowSpec, now: int) -> int:
    """The first moment whose events are in the window at `now`. O(1)."""
    match window:
        case Rolling():
            return now - window.ms + 1
        case Days():
            zone = calendar(window.zone)
            return zone.begins(zone.day(now) - timedelta(days=window.n - 1))
        case Calendar():
            return calendar(window.zone).period(window.unit, now)[0]
        case Ever():
            return 0


def kept_from(window: WindowSpec, now: int) -> int:
    """No later than `begins`, at `now` or after it, of the same window in whatever zone."""
    match window:
        case Days() | Calendar():
            return begins(window, now - ZONES_APART_MS) - ZONES_APART_MS
        case Rolling() | Ever():
            return begins(window, now)
