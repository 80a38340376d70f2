"""Planted bugs: mistakes that a tired engineer could make, each found by a checker or else the checkers are too weak.

bug.py says what one is and plants it; journal.py, timers.py, cells.py, doors.py, store.py, profiles.py, points.py,
coupons.py, coupon_jobs.py, carts.py, notifications.py, notices.py, campaigns.py and delays.py hold them by what they
break; hunt.py searches the seed that shows each. None is reachable from anything but a simulated world.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from simulation.bugs import (
    campaigns,
    carts,
    cells,
    coupon_jobs,
    coupons,
    delays,
    doors,
    journal,
    notices,
    notifications,
    points,
    profiles,
    store,
    timers,
)
from simulation.bugs.bug import Bug, planted

_EVERYWHERE = (journal.BUGS, timers.BUGS, cells.BUGS, doors.BUGS, store.BUGS)
_WHERE = {
    "profiles": profiles.BUGS,
    "ledger": points.BUGS,
    "coupons": coupons.BUGS,
    "jobs": coupon_jobs.BUGS,
    "cart_idle_s": (*carts.BUGS, *notifications.BUGS),
    "notices": notices.BUGS,
    "campaigns": campaigns.BUGS,
    "moments": delays.BUGS,
}
"""Bugs of a domain by the dimension that brings it, unless they name a narrower one themselves."""

_ALL = (
    *(bug for bugs in _EVERYWHERE for bug in bugs),
    *(replace(bug, where=bug.where or where) for where, bugs in _WHERE.items() for bug in bugs),
)
BUGS: Mapping[str, Bug] = {bug.name: bug for bug in _ALL}

__all__ = ["BUGS", "Bug", "planted"]
