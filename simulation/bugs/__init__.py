"""Planted bugs: mistakes that a tired engineer could make, each found by a checker or else the checkers are too weak.

bug.py says what one is and plants it; journal.py, timers.py, cells.py, doors.py, store.py, profiles.py, points.py,
coupons.py, coupon_jobs.py, carts.py, notifications.py, notices.py, campaigns.py and delays.py hold them by what they
break; hunt.py searches the seed that shows each. None is reachable from anything but a simulated world.
"""

from __future__ import annotations

from collections.abc import Mapping

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

_ALL = (
    journal.BUGS, timers.BUGS, cells.BUGS, doors.BUGS, store.BUGS, profiles.BUGS, points.BUGS, coupons.BUGS,
    coupon_jobs.BUGS, carts.BUGS, notifications.BUGS, notices.BUGS, campaigns.BUGS, delays.BUGS,
)  # fmt: skip
BUGS: Mapping[str, Bug] = {bug.name: bug for bugs in _ALL for bug in bugs}

__all__ = ["BUGS", "Bug", "planted"]
