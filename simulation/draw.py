"""What a seed draws before its world begins: sizes, load, limits and faults.

Swarm testing: each kind of fault is on in some worlds only, so that worlds differ widely and a common fault cannot hide
a rare one. Nothing here happens yet; whoever makes it happen reads its own fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count as counting
from itertools import islice
from random import Random
from typing import Any

import msgspec

INPUTS_MIN = 100
"""Messages that publishers, clients and askers send, resends not counted."""
INPUTS_MAX = 101
LEDGER_SHARE = 0.025
"""Of worlds. This domain and those below cost a world half as much again to four times as much: each is on in one of
some thirty, and dense where it is, so that many worlds are lived in an hour. Who works on one asks for its worlds
(`seeds_with`).
"""
COUPONS_SHARE = 0.025
"""Of worlds without it and without a probe."""
JOBS_SHARE = 0.7
COUPON_CALLS_SHARE = 0.4
HANDS_SHARE = 0.4
"""All of worlds with coupons."""
BROWSING_SHARE = 0.03
"""Of worlds without these, a ledger or a probe."""
CAMPAIGNS_SHARE = 0.022
OTHERS = ("ledger", "probes", "coupons", "browsing")
"""Of worlds without any of these."""
NOTICES_SHARE = 0.8
MOMENTS_SHARE = 0.7
"""Both of worlds with campaigns."""
DELAYED_SHARE = 0.03
REMEMBERED_SHARE = 0.7
"""Of worlds without any of all these; and of those with delayed messages, which are remembered for a week."""


class Draw(msgspec.Struct, frozen=True):
    """One world's dimensions. Rates are chances per occasion, counts per world, times in seconds of virtual time."""

    segments: int
    users: int
    inputs: int
    orders: int
    valid_days: int
    days: int
    """Days that pass; inputs are spread over all of them."""
    days_leap: bool
    """The wall clock leaps over a quiet day; else the whole machine sleeps through it."""
    window_s: float
    bursts: int
    """Moments at which most of a day's inputs come, 0: they come evenly."""
    batch: int
    """Messages that a sender sends at once, at most."""
    probes: int
    """How many of the inputs are for the probe domain, 0: it is not there."""

    notifies: bool
    """The notification domain is there; later domains are switched on by the swarm, not all in every world."""

    http_share: float
    list_share: float
    give_up_rate: float
    resend_rate: float
    other_id_rate: float
    reused_rate: float
    late_rate: float
    nameless_rate: float
    bad_rate: float
    referral_rate: float

    refused_rate: float
    rejected_rate: float
    unknown_rate: float
    doubt_rate: float
    """Of the store not saying what became of a commit when it is asked."""
    fsync_rate: float
    load_fault_rate: float
    slow_store_s: float

    raise_rate: float
    poison_rate: float
    kill_rate: float
    cell_crash_rate: float
    start_crash_rate: float
    sick_crashes: int
    """How often one host crashes at each start, until it is well: enough that its domain is parked. 0: none does."""

    process_crashes: int
    crash_every_steps: int
    """Mean number of steps between crashes of the process, 0: never."""
    broker_cuts: int
    side_cuts: int
    linger_rate: float
    outages: int
    nack_rate: float
    returns: int
    blocks: int
    lost_confirm_rate: float
    clock_jumps: int
    disk_lows: int
    operators: int

    slow_share: float
    step_s: float
    tick_s: float
    group_items_max: int
    batch_entries_max: int
    in_flight_max: int
    states_bytes_max: int
    retry_entries_max: int
    ring_entries_max: int
    log_retention_s: int
    absence_hold_s: int
    prefetch: int
    confirm_window: int

    profiles: float
    """Share of messages that are about facts of a user, 0: the profile domain is not there."""

    rules_change: bool
    """Operators change the probe's rule, where there is one."""

    ledger: float
    """Share of messages that ask for more of the ledger than a change: orders, refunds, gifts. 0: none does."""
    asks: int
    """How many of the inputs wait for an answer."""
    calls: int
    """How many of them are commands over HTTP."""
    switches: int
    """Programmes of points that are put while it runs."""
    leaps: int
    """Quiet times besides `days`, each of `leap_days`."""
    leap_days: int
    refusals_max: int
    """More in a segment within ten minutes raise an alarm, 0: the watch is not there."""
    coupons: float
    """Share of messages that are about coupons, 0: their domains are not there."""
    coupon_asks: int
    """How many of the inputs ask for coupons and wait for the answer."""
    jobs: int
    """Coupon jobs that are begun, 0: their domain is not there."""
    job_page: int
    """How many users of a job go out at a time."""
    hands: float
    """Share of messages about coupons that hand one over, 0: no template is transferable."""
    rounds: int
    """In which a day's inputs come, one after the other: what was heard in one is used in the next."""
    pause_s: int
    """That pass between two of them in which nothing happens."""
    browsing: float
    """Share of messages that are what users do in the shop, 0: the domains that hear of it are not there."""
    cart_idle_s: int
    """That nobody touches a cart until it is abandoned, 0: carts and reminders are not there."""
    campaigns: int
    """Campaigns that operators put, 0: their domain is not there."""
    campaign_page: int
    """How many users hear at a time that a campaign is due."""
    moments: int
    """Campaigns that look at carts or at moments of users' own, 0: the cart is not there for campaigns."""
    told: float
    """Share of messages that are delayed checks or facts of profiles, where there are `moments`."""
    delayed: int
    """How many of the inputs other systems leave to be published later, 0: that domain is not there."""
    notices: float
    """Share of messages that are about what users agree to and when they like to hear of a shop which limits its own
    messages; 0: it sends whatever it is asked for, or nothing."""


class Dice:
    """One world's; drawn from in one order."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def sometimes(self, value: float, share: float = 0.4) -> float:
        """`value` in that share of worlds, else nothing of the kind."""
        return value if self.rng.random() < share else 0.0

    def often(self, usual: int, low: int, high: int, share: float = 0.25) -> int:
        """What production has, but for a share of worlds."""
        return self.rng.randint(low, high) if self.rng.random() < share else usual


def draw(rng: Random) -> Draw:
    """A world, from `rng` alone."""
    dice = Dice(rng)
    first = _sizes(dice) | _senders(dice) | _inside(dice) | _outside(dice) | _limits(dice)
    drawn = first | _later(dice) | _latest(dice)
    drawn |= _coupons(dice, not drawn["ledger"] and not drawn["probes"])
    drawn |= _jobs(dice, drawn["coupons"] > 0)
    drawn |= _coupon_calls(dice, drawn["coupon_asks"])
    drawn |= _hands(dice, drawn["coupons"] > 0)
    drawn |= _browsing(dice, not drawn["ledger"] and not drawn["probes"] and not drawn["coupons"])
    drawn |= _campaigns(dice, not any(drawn[name] for name in OTHERS))
    drawn |= _notices(dice, drawn["campaigns"] > 0)
    drawn |= _moments(dice, drawn["campaigns"])
    return Draw(**(drawn | _delayed(dice, not any(drawn[name] for name in (*OTHERS, "campaigns")))))


def _sizes(dice: Dice) -> dict[str, Any]:
    """Who is there, how much comes, and when."""
    rng, sometimes = dice.rng, dice.sometimes
    return {
        "segments": rng.choice((1, 1, 2, 2, 3)),
        "users": rng.choice((1, 3, 6, 12, 24)),
        "inputs": rng.randint(INPUTS_MIN, INPUTS_MAX),
        "orders": rng.choice((3, 20, 60)),
        "valid_days": rng.randint(1, 2),
        "days": int(sometimes(rng.randint(1, 3), 0.14)),
        "days_leap": rng.random() < 0.3,
        "window_s": rng.choice((0.02, 0.05, 0.2, 1.0)),
        "bursts": int(sometimes(rng.randint(1, 3), 0.49)),
        "batch": rng.choice((2, 12, 30, 60)),
        "probes": int(sometimes(rng.randint(8, 20), 0.12)),
        "notifies": rng.random() < 0.08,
    }


def _senders(dice: Dice) -> dict[str, Any]:
    """How badly publishers and clients behave."""
    rng, sometimes = dice.rng, dice.sometimes
    return {
        "http_share": sometimes(rng.random(), 0.4),
        "list_share": sometimes(0.3),
        "give_up_rate": sometimes(0.2),
        "resend_rate": sometimes(rng.uniform(0.05, 0.4), 0.5),
        "other_id_rate": sometimes(0.1),
        "reused_rate": sometimes(0.08),
        "late_rate": sometimes(0.1),
        "nameless_rate": sometimes(0.2),
        "bad_rate": sometimes(0.08),
        "referral_rate": sometimes(rng.uniform(0.05, 0.4), 0.5),
    }


def _inside(dice: Dice) -> dict[str, Any]:
    """What goes wrong inside a process: its store, its actors."""
    rng, sometimes = dice.rng, dice.sometimes
    return {
        "refused_rate": sometimes(rng.uniform(0.01, 0.2), 0.5),
        "rejected_rate": sometimes(rng.uniform(0.01, 0.05), 0.3),
        "unknown_rate": sometimes(rng.uniform(0.01, 0.15), 0.5),
        "doubt_rate": sometimes(rng.uniform(0.2, 0.8), 0.5),
        "fsync_rate": sometimes(rng.uniform(0.002, 0.01)),
        "load_fault_rate": sometimes(0.05),
        "slow_store_s": sometimes(rng.choice((0.01, 0.3)), 0.3),
        "raise_rate": sometimes(rng.uniform(0.005, 0.04)),
        "poison_rate": sometimes(rng.uniform(0.004, 0.03), 0.35),
        "kill_rate": sometimes(0.015, 0.18),
        "cell_crash_rate": sometimes(rng.uniform(0.001, 0.006), 0.3),
        "start_crash_rate": sometimes(rng.uniform(0.02, 0.15), 0.25),
        "sick_crashes": int(sometimes(rng.randint(6, 9), 0.06)),
    }


def _outside(dice: Dice) -> dict[str, Any]:
    """What befalls it from outside."""
    rng, sometimes = dice.rng, dice.sometimes
    return {
        "process_crashes": int(sometimes(rng.randint(1, 3), 0.49)),
        "crash_every_steps": int(sometimes(rng.choice((300, 500, 1_000)), 0.3)),
        "broker_cuts": int(sometimes(rng.randint(1, 4))),
        "side_cuts": int(sometimes(rng.randint(1, 4))),
        "linger_rate": sometimes(rng.uniform(0.5, 1.0), 0.4),
        "outages": int(sometimes(rng.randint(1, 2), 0.2)),
        "nack_rate": sometimes(0.05),
        "returns": int(sometimes(rng.randint(1, 2), 0.2)),
        "blocks": int(sometimes(rng.randint(1, 2))),
        "lost_confirm_rate": sometimes(0.5),
        "clock_jumps": int(sometimes(rng.randint(1, 3), 0.3)),
        "disk_lows": int(sometimes(rng.randint(1, 2), 0.35)),
        "operators": int(sometimes(rng.randint(2, 8), 0.6)),
    }


def _limits(dice: Dice) -> dict[str, Any]:
    """How fast it is, and the limits it runs with."""
    rng, sometimes, often = dice.rng, dice.sometimes, dice.often
    return {
        "slow_share": sometimes(0.3, 0.3),
        "step_s": sometimes(rng.choice((0.0002, 0.002)), 0.3),
        "tick_s": rng.choice((0.5, 1.0, 2.0)),
        "group_items_max": often(2_000, 1, 12, 0.2),
        "batch_entries_max": often(256, 1, 6, 0.2),
        "in_flight_max": often(4, 1, 3),
        "states_bytes_max": often(8 * 1024 * 1024, 250, 700),
        "retry_entries_max": often(256, 1, 3, 0.5),
        "ring_entries_max": often(8_192, 4, 24, 0.2),
        "log_retention_s": often(7 * 24 * 3600, 0, 2),
        "absence_hold_s": often(900, 1, 5, 0.3),
        "prefetch": often(200, 5, 20),
        "confirm_window": often(1_024, 4, 16),
    }


def _later(dice: Dice) -> dict[str, Any]:
    """What younger domains bring: drawn last, so that a seed's world stays what it was where they are not there."""
    rng = dice.rng
    young = {"profiles": dice.sometimes(rng.uniform(0.1, 0.5), 0.12), "rules_change": rng.random() < 0.5}
    if rng.random() >= LEDGER_SHARE:
        return young | {"ledger": 0.0, "asks": 0, "calls": 0, "switches": 0, "leaps": 0, "leap_days": 1}
    return young | {
        "users": rng.choice((1, 3, 4, 6)),
        "ledger": rng.uniform(0.7, 1.0),
        "asks": rng.randint(5, 15),
        "calls": rng.randint(14, 22),
        "switches": rng.choice((0, 1, 2)),
        "leaps": rng.choice((0, 1, 1, 2, 2)),
        "leap_days": rng.choice((2, 9, 45, 45, 60)),
    }


def _latest(dice: Dice) -> dict[str, Any]:
    """As `_later`, of what is younger still."""
    return {"refusals_max": int(dice.sometimes(dice.rng.randint(1, 6), 0.1))}


def _coupons(dice: Dice, room: bool) -> dict[str, Any]:
    """As `_latest`, of coupons, where there is `room` for them. They need segments that lend to each other, days that
    pass, and time for codes to be heard before they are used.
    """
    rng = dice.rng
    if not room or rng.random() >= COUPONS_SHARE:
        return {"coupons": 0.0, "coupon_asks": 0, "rounds": 1}
    days, leaps, rounds = rng.choice((*((0, 1, 2),) * 7, (1, 0, 2)))
    return {
        "segments": rng.choice((2, 2, 2, 2, 3)),
        "users": rng.choice((2, 4, 6)),
        "days": days,
        "leaps": leaps,
        "leap_days": 4,
        "days_leap": False,
        "notifies": False,
        "profiles": 0.0,
        "refusals_max": 0,
        "coupons": rng.uniform(0.9, 1.0),
        "coupon_asks": rng.randint(6, 14),
        "rounds": rounds,
    }


def _jobs(dice: Dice, room: bool) -> dict[str, Any]:
    """As `_latest`, of coupon jobs, where there are coupons."""
    rng = dice.rng
    if not room or rng.random() >= JOBS_SHARE:
        return {"jobs": 0, "job_page": 0}
    return {"jobs": rng.choice((1, 1, 2)), "job_page": rng.choice((1, 2, 3, 3))}


def _coupon_calls(dice: Dice, asks: int) -> dict[str, Any]:
    """As `_latest`, of commands over HTTP about coupons: they take the place of half of what else is asked."""
    if not asks or dice.rng.random() >= COUPON_CALLS_SHARE:
        return {}
    return {"calls": dice.rng.randint(8, 12), "coupon_asks": asks // 2}


def _hands(dice: Dice, room: bool) -> dict[str, Any]:
    """As `_latest`, of coupons that are handed over."""
    return {"hands": dice.sometimes(dice.rng.uniform(0.2, 0.5), HANDS_SHARE) if room else 0.0}


def _browsing(dice: Dice, room: bool) -> dict[str, Any]:
    """As `_latest`, of what users do, where there is `room` for it. It needs hours that pass, and few users."""
    rng = dice.rng
    if not room or rng.random() >= BROWSING_SHARE:
        return {"browsing": 0.0, "pause_s": 0, "cart_idle_s": 0}
    return {
        "users": rng.choice((1, 2, 4, 6)),
        "days": rng.choice((0, 1, 1, 2)),
        "notifies": True,
        "profiles": 0.0,
        "rounds": rng.choice((1, 2, 3)),
        "pause_s": rng.choice((0, 1_200, 2_400, 30_000)),
        "browsing": rng.uniform(0.8, 1.0),
        "cart_idle_s": rng.choice((1, 1, 2, 900, 20_000)),
    }


def _campaigns(dice: Dice, room: bool) -> dict[str, Any]:
    """As `_latest`, of campaigns, where there is `room` for them. They need users who do something, and hours and days
    that pass, up to where clocks change.
    """
    rng = dice.rng
    if not room or rng.random() >= CAMPAIGNS_SHARE:
        return {"campaigns": 0, "campaign_page": 0}
    days, leaps, leap_days = rng.choice(((0, 0, 1), (1, 0, 1), (1, 1, 4), (1, 1, 4), (0, 1, 5)))
    return {
        "users": rng.choice((1, 2, 4, 6)),
        "days": days,
        "leaps": leaps,
        "leap_days": leap_days,
        "days_leap": False,
        "notifies": False,
        "profiles": 0.0,
        "refusals_max": 0,
        "rounds": rng.choice((3, 4)),
        "pause_s": rng.choice((1_500, 4_000, 4_000, 20_000)),
        "browsing": rng.uniform(0.9, 1.0),
        "campaigns": rng.randint(3, 5),
        "campaign_page": rng.choice((1, 2, 3)),
    }


def _notices(dice: Dice, room: bool) -> dict[str, Any]:
    """As `_latest`, of limits of messages, where there is somebody who asks for any: fewer campaigns, which say more,
    so that such a world costs hardly more than another with campaigns.
    """
    rng = dice.rng
    if not room or rng.random() >= NOTICES_SHARE:
        return {"notices": 0.0}
    return {"notices": rng.uniform(0.06, 0.18), "notifies": True, "campaigns": rng.choice((2, 3, 3))}


def _moments(dice: Dice, campaigns: int) -> dict[str, Any]:
    """As `_latest`, of carts and moments of users' own, where there are `campaigns`. They need a day that passes, and
    cost as much as others that have campaigns and more days.
    """
    rng = dice.rng
    if not campaigns or rng.random() >= MOMENTS_SHARE:
        return {"moments": 0, "told": 0.0}
    days, leaps, leap_days = rng.choice(((1, 0, 1), (0, 1, 2), (0, 1, 3), (0, 1, 5)))
    return {
        "segments": rng.choice((1, 1, 2)),
        "days": days,
        "leaps": leaps,
        "leap_days": leap_days,
        "moments": min(max(2, campaigns - 1), rng.choice((2, 3, 3))),
        "told": rng.uniform(0.2, 0.3),
    }


def _delayed(dice: Dice, room: bool) -> dict[str, Any]:
    """As `_latest`, of messages to be published later, where there is `room` for them; some need a week that passes."""
    rng = dice.rng
    if not room or rng.random() >= DELAYED_SHARE:
        return {"delayed": 0}
    leaps = {"days": 0, "leaps": 2, "leap_days": 8, "days_leap": False} if rng.random() < REMEMBERED_SHARE else {}
    return {"delayed": rng.randint(20, 35), **leaps}


def draw_of(seed: int) -> Draw:
    """The dimensions of the world of `seed`."""
    return draw(Random(Random(seed).random()))


def seeds_with(name: str, first: int, count: int) -> Iterable[int]:
    """The first `count` seeds from `first` on whose worlds have it: a dimension that is not 0. All of them for "".
    Looked for one by one, as some are rare. ValueError names the dimension that is none.
    """
    if not name:
        return range(first, first + count)
    _known(name)
    return islice((seed for seed in counting(first) if getattr(draw_of(seed), name)), count)


def overridden(drawn: Draw, settings: Sequence[str]) -> Draw:
    """`drawn` with dimensions set by hand, each as `name=value`. ValueError names the one that is none."""
    given: dict[str, str] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        _known(name)
        given[name] = value
    return msgspec.convert({**msgspec.structs.asdict(drawn), **given}, Draw, strict=False)


def _known(name: str) -> None:
    if name not in Draw.__struct_fields__:
        raise ValueError(f"no world has a {name}; there are {', '.join(Draw.__struct_fields__)}")
